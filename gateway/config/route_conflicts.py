"""Conflicts of routes: two of equal rank and priority that one request could match.

The choice between them would hang on their order in the file, so a tie is an error of the configuration.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from gateway._fast.route import RouteSpec, template
from gateway.config.model import Route

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import Pair, Reading

BREATH = 200  # routes looked at between two calls of `pause`
REPORTED = 100  # ties at most: a file with more has one mistake many times

Condition = tuple[str, str]


class _Route(NamedTuple):
    """A route as it is compared: its place in the file, and its conditions on a value, not those on presence."""

    place: int
    values: dict[str, str]


def matcher_spec(route: Route, payload: object) -> RouteSpec:
    """What the matcher is told of a route."""
    match = route.match
    return RouteSpec(payload, match.path, match.methods, match.hosts, match.headers, match.query, route.priority)


def route_conflicts(
    named: Sequence[tuple[str, RouteSpec]], pause: Callable[[], None] = lambda: None
) -> list[tuple[str, str, str]]:
    """[(name, name, why), ...] of the routes that tie, in the order of the file, the first hundred at most.

    Two routes are of equal rank for a request that takes both by the same host pattern, templates of the same kinds and
    literals, both with methods or both without, and as many conditions, as many of them on a value.  No such request
    exists where one header or query name must have two values, or where the listed methods have none in common.
    `pause` is called every millisecond or so of work.
    NOTE: a request that repeats a query name (`?v=1&v=2`) may match both of two such routes all the same; Table.match
    then chooses by their conditions in alphabetical order, which no order of the file can change.
    """
    found: dict[tuple[int, int], str] = {}
    for alike, why in _alike(named, pause):
        for one, other in _overlapping(alike):
            found.setdefault((min(one.place, other.place), max(one.place, other.place)), why)
            if len(found) == REPORTED:
                break
        if len(found) == REPORTED:
            break
    return [(named[one][0], named[other][0], why) for (one, other), why in sorted(found.items())]


def _alike(named: Sequence[tuple[str, RouteSpec]], pause: Callable[[], None]) -> Iterator[tuple[list[_Route], str]]:
    """The routes of equal rank and priority by one host pattern and one method, with words that say so."""
    groups: defaultdict[tuple[object, str, str], list[_Route]] = defaultdict(list)
    for place, (_, spec) in enumerate(named):
        if place % BREATH == 0:
            pause()
        _, path, methods, hosts, headers, query, priority = spec
        conditions = _conditions(headers, query)
        route = _Route(place, {name: value for name, value in conditions if value != "*"})
        rank = (_shape(path), len(conditions), len(route.values), priority)
        for host in {host.lower() for host in hosts} or {""}:
            for method in set(methods) or {""}:
                groups[(rank, host, method)].append(route)
    for (_, host, method), alike in groups.items():
        if len(alike) > 1:
            path = named[alike[0].place][1].path
            yield (
                alike,
                f"both match {method or 'any method'} {path} on {host or 'any host'} with equal rank and priority",
            )


def _shape(path: str) -> tuple[tuple[str, str], ...]:
    """A template without the names of its parameters."""
    return tuple((kind, text if kind == "literal" else "") for kind, text in template(path))


def _conditions(headers: Iterable[Condition], query: Iterable[Condition]) -> tuple[Condition, ...]:
    """All conditions; a prefix tells headers from query, and header names are compared as WSGI keys (PEP 3333)."""
    return (
        *((f"header {name.upper().replace('-', '_')}", value) for name, value in headers),
        *((f"query {name}", value) for name, value in query),
    )


def _overlapping(routes: list[_Route]) -> Iterator[tuple[_Route, _Route]]:
    """The pairs whose conditions one request can meet.

    PERF: routes that all want a value of one name are first parted by it, so that ten thousand on one path, told apart
    by a header, are not compared each with each.
    """
    if len(routes) < 2:
        return
    for name in routes[0].values:
        if all(name in route.values for route in routes):
            parts: defaultdict[str, list[_Route]] = defaultdict(list)
            for route in routes:
                parts[route.values[name]].append(route)
            if len(parts) > 1:
                for part in parts.values():
                    yield from _overlapping(part)
                return
    for one, other in combinations(routes, 2):
        if all(other.values.get(name, value) == value for name, value in one.values.items()):
            yield one, other


def check_conflicts(reading: Reading) -> None:
    """Complain about routes that tie, among those whose match is right."""
    own = {each.name: each for each in reading.own_routes}
    sound: dict[str, Pair] = {}
    for section, route in reading.pairs:
        if _is_matched(section):
            sound.setdefault(route.name, (section, route))
    named = [(each.name, RouteSpec(None, each.path, each.methods)) for each in own.values()]
    named += [(name, matcher_spec(route, None)) for name, (_, route) in sound.items()]
    for one, other, why in route_conflicts(named):
        where = own[one].where if one in own else sound[one][1].where
        words = f"ties with the route {one} ({where}): {why}"
        if other in sound:  # else both are pages, of which there is a complaint already
            sound[other][0].complain(words, key="match")


def _is_matched(section: OptionReader) -> bool:
    return "match" in section and section.is_sound("match") and section.is_sound("priority")
