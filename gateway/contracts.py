"""The types that all rooms agree on, and types only: read this and pipeline.py to know where a change goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from gateway.exchange import Exchange, Response

if TYPE_CHECKING:
    from gateway._fast.route import Table

OnRequest = Callable[[Exchange], Response | None]
OnResponse = Callable[[Exchange, Response], Response | None]
OnClose = Callable[[Exchange], None]
Fetch = Callable[[Exchange], Response]


@dataclass(frozen=True, slots=True)
class Steps:
    """What one policy does for one route; a hook that is None costs nothing.

    on_request(exchange)            a Response turns the walk round: the upstream is not asked
    on_response(exchange, response) may change the response in place or give another one; None keeps it.  Who gives
                                    another one closes the one it had, or wraps its body and closes that with its own
    on_close(exchange)              after the last byte went out or the client went away; must not raise
    """

    on_request: OnRequest | None = None
    on_response: OnResponse | None = None
    on_close: OnClose | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a policy may use besides its own spec, handed over at compile time."""

    route: str
    clock: Callable[[], float]
    log: Callable[[str], None]


class Policy(Protocol):
    """A policy, built-in or a user's. All reading of configuration happens in `compile`, nothing of it per request."""

    name: str
    #: the neighbour to stand behind or before: the name of a built-in step or of another policy
    after: str | None
    before: str | None

    def compile(self, spec: Mapping[str, Any], tools: Tools) -> Steps:
        """Turn `spec` into steps. Raises ValueError with words for the person who wrote the spec."""
        ...


class Upstream(Protocol):
    """Anything that answers an exchange: a fleet of targets, a fixed answer, an aggregation of other upstreams."""

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One entered policy of a route, with the place in the configuration that asked for it."""

    name: str
    where: str
    steps: Steps


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A route, ready to serve."""

    name: str
    where: str
    steps: tuple[Step, ...]
    fetch: Fetch
    #: seconds for the whole exchange
    total: float
    #: what `explain` and the log call the upstream: its name, or "respond"
    upstream: str
    on_request: tuple[OnRequest, ...] = field(init=False)
    #: back[n]: the on_response hooks to walk when the n-th on_request hook turned round; back[-1]: after the fetch
    back: tuple[tuple[OnResponse, ...], ...] = field(init=False)
    on_close: tuple[OnClose, ...] = field(init=False)

    def __post_init__(self) -> None:
        entered: list[OnResponse] = []
        back: list[tuple[OnResponse, ...]] = [()]
        for step in self.steps:
            if step.steps.on_response is not None:
                entered.append(step.steps.on_response)
            if step.steps.on_request is not None:
                back.append(tuple(reversed(entered)))
        back.append(tuple(reversed(entered)))
        hooks = [step.steps for step in self.steps]
        object.__setattr__(self, "on_request", tuple(h.on_request for h in hooks if h.on_request is not None))
        object.__setattr__(self, "back", tuple(back))
        object.__setattr__(self, "on_close", tuple(h.on_close for h in hooks if h.on_close is not None))


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole configuration, ready to serve; immutable, swapped as one reference."""

    version: str
    table: Table
    routes: tuple[RoutePlan, ...]
    #: walked by what matches no route; its fetch answers 404 or 405
    unmatched: RoutePlan
    #: walked by requests that are refused before they can be matched
    refused: RoutePlan
    trusted: tuple[Any, ...]
    #: largest request body, bytes
    max_body: int
    #: the pools that this plan uses; all others are drained after the swap
    pool_keys: frozenset[Any]
    #: the fleets whose targets are found while the plan serves
    follows: tuple[Any, ...] = ()
    #: the fleets whose targets are checked
    checks: tuple[Any, ...] = ()
    #: the upstreams, for those who look at their state
    attempts: tuple[Any, ...] = ()
    #: what the gateway serves itself on `bind`, as if it were written among the routes
    own_routes: tuple[Any, ...] = ()
    #: what looks after itself while the plan serves, such as keys that are fetched
    kept: tuple[Any, ...] = ()
