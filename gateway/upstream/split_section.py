"""`split` and `mirror` of a route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.config.header_edits import read_headers
from gateway.upstream.split_model import Leg, Mirror, Split

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.variables import Known

#: what asks an upstream in its own way
_ACTIONS = ("grpc", "jsonrpc", "graphql")


def read_split(holder: OptionReader, known: Known) -> Split | None:
    """`split` of a route in whose templates `known` may stand."""
    if "split" not in holder:
        return None
    legs: dict[str, Leg] = {}
    for reader in _shares(holder):
        name = reader.one("upstream")
        if name is not None and name.value in legs:
            name.complain(f"the upstream {name.shown} is in the split already", "give it more `weight` there")
        headers = read_headers(reader.section("headers"), known) if "headers" in reader else None
        if headers is not None and headers.preset:
            reader.section("headers").complain("a preset is for all of a route, not for a leg", key="preset")
        upstream = name.value if name is not None else f" {len(legs)}"
        legs[upstream] = Leg(upstream, reader.integer("weight") if "weight" in reader else 1, headers, reader.where)
    if legs and not any(leg.weight for leg in legs.values()):
        holder.complain("every weight is 0: no request could go anywhere", key="split")
    reader = holder.section("split")
    return Split(tuple(legs.values()), reader.raw("sticky") == "cookie", reader.text("override"), reader.where)


def read_mirror(holder: OptionReader) -> Mirror | None:
    """`mirror` of a route."""
    if "mirror" not in holder:
        return None
    reader = holder.section("mirror")
    name = reader.one("upstream")
    if name is not None and any(name.value == other.value for other in answering(holder)):
        name.complain(f"the upstream {name.shown} would be asked everything twice", "copy to another one")
    if reader.share("share") == 0:
        reader.complain("`share: 0%`: nothing is ever copied", key="share")
    return Mirror(reader.text("upstream"), reader.share("share"), reader.where)


def answering(holder: OptionReader) -> Iterator[ScalarNode]:
    """The names of the upstreams that answer a route's requests."""
    for reader in (holder, *_shares(holder)):
        name = reader.one("upstream")
        if name is not None:
            yield name


def passed(holder: OptionReader) -> Iterator[ScalarNode]:
    """The names of the upstreams that get a route's requests as they are."""
    yield from answering(holder)
    name = holder.section("mirror").one("upstream")
    if name is not None:
        yield name


def named(holder: OptionReader) -> Iterator[ScalarNode]:
    """The names of all upstreams of a route."""
    yield from passed(holder)
    yield from named_upstreams(holder)


def named_upstreams(holder: OptionReader) -> Iterator[ScalarNode]:
    """The names of those that are asked in another way than the client asked."""
    parts = holder.section("aggregate").section("parts")
    for reader in (*(holder.section(key) for key in _ACTIONS), *map(parts.section, parts)):
        name = reader.one("upstream")
        if name is not None:
            yield name


def _shares(holder: OptionReader) -> Iterator[OptionReader]:
    """Written as a list, or as a mapping that has the list in it."""
    reader, key = (holder.section("split"), "legs") if isinstance(holder.raw("split"), dict) else (holder, "split")
    return reader.sections(key)
