from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self, final

__all__ = ["RouteSpec", "Table", "Verdict", "build", "template"]

_Pairs = tuple[tuple[str, str], ...]

class RouteSpec(NamedTuple):
    """What a route asks of a request.  Empty means any; "*" as the value of a condition asks for presence only."""

    payload: Any  # what match gives back; not None
    path: str  # a template: "/v1/items/{id:int}", "/files/{rest:path}"
    methods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()  # "api.example.com", "*.example.com"
    headers: _Pairs = ()
    query: _Pairs = ()
    priority: int = 0

class Verdict(NamedTuple):
    """Why one route did not win."""

    payload: Any
    aspect: str  # host, path, method, header, query, less specific or priority
    detail: str  # words for the user: "X-Beta is '2', wants '1'"

@final
class Table:
    """An immutable set of routes, made by build; one without routes takes nothing."""

    def __new__(cls) -> Self: ...
    def match(
        self, host: str, method: str, path: str, environ: dict[str, Any], query: str, raw: tuple[str, ...] | None = None
    ) -> tuple[Any, Any]:
        """(payload, parameters: dict or None) of the most specific route that takes the request, else (None, methods).

        The methods are those with which the same request would be taken: 405 and its Allow; an empty tuple is a 404.
        `host` is in lower case and without port, `path` canonical and `raw` its segments as sent where they differ.
        """

    def explain(
        self, host: str, method: str, path: str, environ: dict[str, Any], query: str, raw: tuple[str, ...] | None = None
    ) -> list[Verdict]:
        """At most ten routes that came close to what match gives, closest first."""

    def routes(self) -> list[Any]:
        """The payloads in rank order, the most specific first."""

def build(routes: Iterable[tuple[Any, ...]], pause: Callable[[], object] = ...) -> Table:
    """A Table of RouteSpec-like tuples; ValueError, with words for the user, for a route that could never match.

    `pause` is called every millisecond or so of the work that follows when `routes` has given its last.
    """

def template(path: str) -> tuple[tuple[str, str], ...]:
    """The segments of a path template as ((kind, text), ...), kind being literal, uuid, int, dt, float, "" or path.

    `text` is the literal or the parameter's name.  ValueError, with words for the user, for what could never match.
    """
