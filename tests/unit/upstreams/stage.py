"""An upstream whose targets are played by a function, on a clock of its own where that matters."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import errors
from gateway.errors import GatewayError, Kind
from gateway.exchange import Exchange, Response
from gateway.upstream import attempts as attempt
from gateway.upstream.attempts import AttemptPolicy, RetryingUpstream
from gateway.upstream.balance.balancers import RoundRobin
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import outlier
from gateway.upstream.resilience.hedge import HedgePolicy as HedgeRules
from gateway.upstream.resilience.retry import RetryPolicy as RetryRules
from gateway.upstream.resilience.shared_circuit import SharedCircuitBreaker
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target, TargetFilters, TargetSet
from tests.exchanges import exchange

SAFE = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
RETRY = RetryRules(2, frozenset(("connect", "reset", 502, 503, 504)), SAFE, 1_000_000, 0.01, 100_000)
BREAKER = breaker.CircuitBreakerPolicy(500_000, 0, 1_000_000, 10_000, 4, 1_000, 2, 5_000)
OUTLIER = outlier.OutlierPolicy(3, 1_000, 1_000_000)

#: what a target does: a status, an answer, or the kind of a failure
Outcome = int | Response | Kind
Play = Callable[[Target, Exchange], Outcome]


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def now_ms(self) -> int:
        return round(self.now * 1000)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of attempt.py."""
    made = Clock()
    monkeypatch.setattr(attempt, "now_ms", made.now_ms)
    monkeypatch.setattr(attempt, "monotonic", made.monotonic)
    monkeypatch.setattr(attempt, "gevent", SimpleNamespace(sleep=made.sleep))
    return made


class Played:
    """Stands in for HttpUpstream. `unsent` failures are those where no byte of the request went out."""

    def __init__(self, play: Play, clock: Callable[[], float] = monotonic, total: float = 5.0) -> None:
        self.name, self.total = "catalog", total
        self.play, self.clock = play, clock
        #: (address, the beginning of the body) of each try
        self.tries: list[tuple[str, bytes]] = []
        self.unsent = {errors.UPSTREAM_REFUSED, errors.UPSTREAM_CONNECT_TIMEOUT}

    def send(self, exchange: Exchange, target: Target, first: bytes, started: float) -> Response:
        exchange.address = target.address
        exchange.attempts += 1
        exchange.upstream_started = started
        self.tries.append((target.address, first))
        target.state.enter()
        try:
            outcome = self.play(target, exchange)
        finally:
            target.state.leave()
            exchange.upstream_time += self.clock() - started
        if isinstance(outcome, Kind):
            error = GatewayError(outcome)
            error.was_sent = outcome not in self.unsent
            raise error
        return outcome if isinstance(outcome, Response) else Response(outcome, [], b"%d" % outcome)


class Stage:
    """An upstream of `targets` played targets, with the rules that are given."""

    def __init__(
        self,
        play: Play,
        targets: int = 3,
        *,
        retry: RetryRules | None = None,
        hedge: HedgeRules | None = None,
        rules: breaker.CircuitBreakerPolicy | None = None,
        guards: TargetFilters | None = None,
        clock: Clock | None = None,
        total: float = 5.0,
    ) -> None:
        self.region = TargetStateTable.private()
        self.clock = clock
        self.http = Played(play, clock.monotonic if clock else monotonic, total)
        names = [f"t{number}" for number in range(targets)]
        each = guards.breaker if guards else None
        made = [Target(name, None, self.region.target("catalog", name), 1, each) for name in names]
        self.fleet = TargetSet("catalog", RoundRobin(0, lambda: 0.5), made, guards)
        self.state = self.region.upstream("catalog")
        circuit = SharedCircuitBreaker("catalog", rules, self.state.breaker, self.state.window) if rules else None
        self.upstream = RetryingUpstream(self.http, self.fleet, self.state, AttemptPolicy(retry, hedge), circuit)

    def ask(self, method: str = "GET", **known: Any) -> Exchange:
        """The exchange after it was fetched, with its response."""
        asked = exchange(method, started=self.clock.now if self.clock else monotonic(), **known)
        asked.response = self.upstream.fetch(asked)
        return asked

    def outcome(self, method: str = "GET", **known: Any) -> int | Kind:
        """The status of the answer, or the kind of the failure."""
        try:
            response = self.ask(method, **known).response
        except GatewayError as error:
            return error.kind
        assert response is not None
        response.close()
        return response.status

    @property
    def tried(self) -> list[str]:
        """The addresses of all tries."""
        return [address for address, _ in self.http.tries]

    @property
    def inflight(self) -> int:
        return sum(target.state.inflight() for target in self.fleet.targets)


def by_turns(*outcomes: Outcome) -> Play:
    """Play these one after the other, the last one again and again."""
    left = list(outcomes)

    def play(target: Target, exchange: Exchange) -> Outcome:
        return left.pop(0) if len(left) > 1 else left[0]

    return play
