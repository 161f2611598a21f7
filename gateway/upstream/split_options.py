"""Options of `split` and `mirror` of a route: where else its requests go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from gateway.config import schema_parts as schemas
from gateway.config.header_edits import read_headers
from gateway.config.header_edits_model import HeaderRules
from gateway.config.options import Options, Schema, custom, integer, read, schema_of, share, text

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.variables import Known

#: what asks an upstream in its own way
_ACTIONS = ("grpc", "jsonrpc", "graphql")
_UPSTREAM = text("an upstream's name", "The upstream.").must()


class Leg(Options, frozen=True):
    """One upstream of a split and its share beside the others."""

    upstream: Annotated[str, _UPSTREAM]
    weight: Annotated[int, integer("Its share of the requests beside the others; 0 for none.", 0, 65535, 1)]
    headers: Annotated[HeaderRules | None, custom({"$ref": "#/definitions/headers"}, _no_edits)]
    where: str


class Split(Options, frozen=True):
    """Legs of different upstreams, one at least with a weight; `override` is a header's name or ""."""

    legs: tuple[Leg, ...]
    sticky: bool
    override: str
    where: str


class Mirror(Options, frozen=True):
    """The upstream that gets copies, and of which share (0..1) of the requests."""

    upstream: Annotated[str, _UPSTREAM]
    share: Annotated[float, share("The share of the requests that is copied.", "100%")]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    legs = schemas.listing("The ways to go.", schema_of(Leg, "One way to go."), least=1)
    override = "A header that names the upstream to take."
    chosen = {
        "legs": legs,
        "sticky": schemas.choice("A cookie keeps each client on its side.", "cookie"),
        "override": schemas.text("a header name (RFC 9110 token)", override, schemas.FIELD_NAME),
    }
    return {
        "split": schemas.either(
            "a list of {upstream, weight}, or a mapping with `legs`",
            "Shares the requests out among upstreams by weight.",
            legs,
            schemas.section("The ways to go, and what else decides.", chosen, ("legs",)),
        ),
        "mirror": schema_of(Mirror, "Sends copies to a second upstream, whose answers are dropped."),
    }


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
    return read(Mirror, reader)


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


def _no_edits(reader: OptionReader, key: str) -> None:
    """Edits may hold variables of the route, so that `read_split` reads them."""
