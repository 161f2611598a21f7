"""The route to be measured, and the request that is sent to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from gateway.config.diagnostics import did_you_mean
from gateway.config.model import Document, Route

#: a value for each type of path parameter
VALUES = {
    "": "a",
    "int": "42",
    "float": "1.5",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "dt": "2026-01-31",
    "path": "a",
}
_PARAMETER = re.compile(r"\{[^{}:]*(?::([^{}]*))?\}")
#: methods whose answers have the form that the generator reads, the best first
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class CannotTune(Exception):
    """Why there is nothing to measure, in one line for people."""


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """What the user asks for; "" and () are "find something"."""

    route: str = ""
    path: str = ""
    method: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def has(self, name: str) -> bool:
        """Whether such a header is among them."""
        return any(each.lower() == name for each, _ in self.headers)


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """One request. `target` is the path with its query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def text(self, *, last: bool = False) -> str:
        """The bytes of it as Latin-1; `last` asks for the connection to be closed."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        lines += [f"Content-Length: {len(self.body)}"] if self.body or self.method in ("POST", "PUT", "PATCH") else []
        lines += ["Connection: close"] if last else []
        return "\r\n".join([*lines, "", ""]) + self.body.decode("latin-1")


def route_of(document: Document, wish: TargetRequest, *, is_echo: bool) -> Route:
    """The named route, else the first that a stranger may call, or whose token is at hand. Raises CannotTune."""
    if wish.route:
        for route in document.routes:
            if route.name == wish.route and route.passes_grpc:
                raise CannotTune(f"the route {route.name} takes calls of gRPC, which nobody makes here: choose another")
            if route.name == wish.route:
                return route
        hint = did_you_mean(wish.route, [route.name for route in document.routes])
        raise CannotTune(f"there is no route {wish.route!r}" + (f": {hint}" if hint else ""))
    if wish.path:
        raise CannotTune("--path needs --route: the route says what else a request must be")
    has_token = wish.has("authorization")
    for route in document.routes:
        is_open = route.access is None or route.access.is_optional
        if is_open != has_token and _is_plain(route, document, is_echo=is_echo):
            return route
    kind = "with `auth`" if has_token else "without `auth`"
    hint = "" if has_token else ", or send a token: --header 'Authorization: Bearer …'"
    raise CannotTune(f"no route {kind} takes a plain GET to an HTTP upstream: choose one with --route{hint}")


def _is_plain(route: Route, document: Document, *, is_echo: bool) -> bool:
    """Whether it can be asked without knowing more: one HTTP upstream, and a method of a plain answer."""
    upstream = next((each for each in document.upstreams if each.name == route.upstream), None)
    if upstream is None or upstream.is_grpc:
        return False
    return (not route.match.methods or "GET" in route.match.methods) and route.validate is None


def ask_for(route: Route, wish: TargetRequest) -> RequestTemplate:
    """A request that this route takes, as far as `match` tells. Raises CannotTune."""
    match = route.match
    method = wish.method or _method(match.methods)
    hosts = [host.replace("*", "tune", 1) for host in match.hosts]
    headers = [] if wish.has("host") else [("Host", hosts[0] if hosts else "localhost")]
    headers += [(name, _value(value)) for name, value in match.headers if not wish.has(name.lower())]
    if wish.body and not wish.has("content-type"):
        headers.append(("Content-Type", "application/json"))
    target = wish.path or filled(match.path)
    query = [] if "?" in target else [f"{name}={_value(value)}" for name, value in match.query]
    target += "?" + "&".join(query) if query else ""
    return RequestTemplate(method, target, (*headers, *wish.headers), wish.body)


def filled(path: str) -> str:
    """A path template with a value for each parameter, as it travels."""
    return quote(_PARAMETER.sub(lambda found: VALUES[found[1] or ""], path), safe="/%:@!$&'()*+,;=~")


def _value(wanted: str) -> str:
    return "1" if wanted == "*" else wanted


def _method(methods: Sequence[str]) -> str:
    for method in METHODS:
        if not methods or method in methods:
            return method
    raise CannotTune(f"the route takes {', '.join(methods)} only, of which none can be measured: choose another")
