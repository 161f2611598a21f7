"""Mistakes that show only where parts of a configuration are seen together: names, ties, bounds, steps of plugins."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway._fast.route import RouteSpec
from gateway.auth.section import Identity
from gateway.auth.session.section import Page
from gateway.config.diagnostics import Position, path_text
from gateway.config.name_registry import NameRegistry
from gateway.config.reader import OptionReader, ScalarNode
from gateway.handlers.grpc.passthrough_section import read_passing
from gateway.routing.conflicts import matcher_spec, route_conflicts
from gateway.routing.model import Route, Server
from gateway.upstream.model import Upstream
from gateway.upstream.split_section import named, named_upstreams

Pair = tuple[OptionReader, Route]
"""A route and where it was read."""

_SETTINGS = ("server", "observability", "audit", "store", "plugins")


def route_names(readers: Sequence[OptionReader], routes: Iterable[str], *, is_complete: bool) -> NameRegistry:
    """The names of all routes; there may be others where one could not be read, or what is made of a document."""
    is_open = any(
        "openapi" in section and section.load.complaints for reader in readers for section in reader.sections("routes")
    )
    return NameRegistry(
        routes, is_open=is_open or not is_complete or any(_has_nameless(each, "routes") for each in readers)
    )


def alert_names(readers: Sequence[OptionReader], *, is_complete: bool) -> NameRegistry:
    """The names of all alerts, and whether there may be others."""
    names = (section.text("name") for reader in readers for section in reader.sections("alerts"))
    return NameRegistry(names, is_open=not is_complete or any(_has_nameless(each, "alerts") for each in readers))


def _has_nameless(reader: OptionReader, key: str) -> bool:
    """Whether the list under a key, or the name of an entry, could not be read."""
    entries = reader.raw(key)
    count = len(entries) if isinstance(entries, list) else 0
    return reader.is_wrong(key) or any(reader.is_wrong(key, index, "name") for index in range(count))


def check_upstreams(
    section: OptionReader, route: Route, upstreams: Mapping[str, Upstream], names: NameRegistry
) -> None:
    """Complain about upstreams that a route cannot use; `upstreams` have no mistake, `names` are those of all."""
    for text in named(section):
        names.check(text, "there is no upstream {}")
    for text in named_upstreams(section):
        upstream = upstreams.get(text.value)
        if upstream is not None and upstream.is_grpc is not ("grpc" in text.path):
            _check_kind(text, upstream)
    upstream = upstreams.get(route.upstream or "")
    if upstream is not None and route.timeout is not None and route.timeout.total > upstream.timeout.total:
        section.warn(f"`timeout` has no effect: the upstream {upstream.name} ends at {upstream.timeout.total:g}s")


def passing(
    pairs: Iterable[Pair], upstreams: Mapping[str, Upstream], reader: OptionReader, server: Server
) -> list[Pair]:
    """The routes, those as they are whose upstreams speak gRPC; `reader` is that of `server`."""
    has_http2 = reader.is_wrong("tls", "http2") or bool(server.tls and server.tls.http2)
    return [(section, read_passing(section, route, upstreams, has_http2=has_http2)) for section, route in pairs]


def check_documents(readers: Iterable[OptionReader], identity: Identity) -> None:
    """Complain about names beside `openapi`, also where the document has mistakes, so that no route is made of it."""
    for reader in readers:
        for section in reader.sections("routes"):
            if "openapi" in section:
                identity.check_names(section)
                for text in named(section):
                    identity.names["upstreams"].check(text, "there is no upstream {}")


def _check_kind(text: ScalarNode, upstream: Upstream) -> None:
    if upstream.is_grpc:
        text.complain(f"the upstream {text.shown} speaks gRPC", "call it by `grpc`")
    elif upstream.targets or upstream.discovery:
        text.complain(f"the upstream {text.shown} does not speak gRPC", "its targets begin with grpc:// or grpcs://")


def check_ties(pairs: Iterable[Pair], pages: Iterable[tuple[str, str, Page]]) -> None:
    """Complain about routes that tie, among those whose match is right; `pages` are those of providers."""
    own = {name: (where, page) for name, where, page in pages}
    sound: dict[str, Pair] = {}
    for section, route in pairs:
        if _is_matched(section):
            sound.setdefault(route.name, (section, route))
    named = [(name, RouteSpec(None, page.path, page.methods)) for name, (_, page) in own.items()]
    named += [(name, matcher_spec(route, None)) for name, (_, route) in sound.items()]
    for one, other, why in route_conflicts(named):
        where = own[one][0] if one in own else sound[one][1].where
        words = f"ties with the route {one} ({where}): {why}"
        if other in sound:  # else both are pages, of which there is a complaint already
            sound[other][0].complain(words, key="match")


def _is_matched(section: OptionReader) -> bool:
    return "match" in section and section.is_sound("match") and section.is_sound("priority")


def lead_to_plugins(pairs: Sequence[Pair], defaults: OptionReader) -> None:
    """Note what plugins are to be asked: whether they take their options, and where their steps belong."""
    users: dict[int, str] = {}
    for section, route in pairs:
        for use in route.policies:
            users.setdefault(id(use), route.name)
        if route.policies:
            text = (section if "policies" in section else defaults).key("policies")
            text.leads_to("order", *(use.name for use in route.policies))
    for text, use in list(defaults.load.policies):
        if id(use) in users:
            text.leads_to("options", use, users[id(use)])


def places(readers: Iterable[OptionReader]) -> tuple[tuple[str, Position], ...]:
    """Where settings stand that a process may have to complain of later, each with its path."""
    return tuple(pair for reader in readers for pair in _places_in(reader))


def _places_in(reader: OptionReader) -> Iterator[tuple[str, Position]]:
    for key in filter(reader.__contains__, _SETTINGS):
        yield from _places(reader, key)
    for key in ("auth", "cors"):
        section = reader.section(key)
        for name in section:
            yield path_text((key, name)), section.key_place(name)


def _places(reader: OptionReader, key: str) -> Iterator[tuple[str, Position]]:
    yield path_text((*reader.path, key)), reader.spot(key)
    section = reader.section(key)
    for inner in section:
        yield from _places(section, inner)
