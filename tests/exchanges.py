"""Exchanges made by hand, as the server would make them."""

from __future__ import annotations

from typing import Any

from gateway.contracts import RoutePlan, Step, Steps
from gateway.exchange import Exchange, Headers, Response


def route(name: str = "item", steps: tuple[Step, ...] = (), fetch: Any = None, upstream: str = "catalog") -> RoutePlan:
    return RoutePlan(name, "gateway.yaml:1", steps, fetch or (lambda exchange: Response(200, [])), 60.0, upstream)


def step(name: str, **hooks: Any) -> Step:
    return Step(name, "gateway.yaml:1", Steps(**hooks))


def exchange(method: str = "GET", target: str = "/", headers: Headers | None = None, **known: Any) -> Exchange:
    """An exchange that nothing has been decided about; `known` are attributes to set."""
    made = Exchange(method, target, headers or [], {}, known.pop("started", 100.0))
    made.path, _, made.query = target.partition("?")
    made.host = made.authority = "api.example.com"
    made.scheme, made.version = "https", "1.1"
    made.peer = made.client = "192.0.2.1"
    made.trusted = False
    made.request_id = "0123456789abcdef0123456789abcdef"
    made.route = route()
    made.deadline = made.started + 60.0
    for name, value in known.items():
        setattr(made, name, value)
    return made
