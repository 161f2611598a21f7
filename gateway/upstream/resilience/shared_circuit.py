"""A circuit breaker where it stands: the decisions of breaker.py on the words that all workers share."""

from __future__ import annotations

import logging

from gateway._fast.atomics import Cell
from gateway._fast.target_stats import Window
from gateway.errors import CIRCUIT_OPEN, GatewayError
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience.circuit_breaker import FREE, REFUSED, CircuitBreakerPolicy
from gateway.upstream.target_state import advance, decide

log = logging.getLogger("gateway")


class SharedCircuitBreaker:
    """One breaker, of an upstream or of a target. Times are milliseconds of the shared monotonic clock."""

    __slots__ = ("_cell", "_window", "name", "rules")

    def __init__(self, name: str, rules: CircuitBreakerPolicy, cell: Cell, window: Window) -> None:
        """`name` is for the log."""
        self.name = name
        self.rules = rules
        self._cell = cell
        self._window = window

    def ticket(self, now: int) -> int:
        """FREE, REFUSED, or the ticket of a probe; every ticket but REFUSED must come back by `tell` or `give_up`."""
        if not self._cell.load() & 3:
            return FREE
        return decide(self._cell, breaker.admit, now, self.rules)

    def enter(self, now: int) -> int:
        """As `ticket`; raises GatewayError(CIRCUIT_OPEN) with Retry-After instead of REFUSED."""
        if not self._cell.load() & 3:
            return FREE
        ticket = self.ticket(now)
        if ticket == REFUSED:
            seconds = breaker.retry_after(self._cell.load(), now)
            raise GatewayError(
                CIRCUIT_OPEN,
                f"The upstream {self.name} fails too often; it is asked again in {seconds} s.",
                headers=(("Retry-After", str(seconds)),),
            )
        return ticket

    def admits(self, now: int) -> bool:
        """Whether `ticket` would not refuse."""
        return breaker.admits(self._cell.load(), now, self.rules)

    @property
    def word(self) -> int:
        """The state, for `breaker` to read."""
        return self._cell.load()

    def sums(self, now: int) -> tuple[int, int, int]:
        """(requests, failures, slow ones) of the window; what came before the last closing counts no more."""
        total, failed, slow = self._window.sums(now, breaker.span(self._cell.load(), now, self.rules))
        return total, failed, slow

    @property
    def is_closed(self) -> bool:
        """Whether nothing is held back."""
        return not self._cell.load() & 3

    def tell(self, now: int, ticket: int, has_failed: bool, seconds: float) -> bool:
        """What came of a request; whether that changed the state."""
        rules = self.rules
        is_slow = 0 < rules.slow_call <= seconds * 1000
        self._window.add(now, 1, has_failed, is_slow)
        if ticket:
            is_good = not (has_failed or is_slow)
            before, after = advance(self._cell, breaker.settle, now, ticket, is_good, rules)
        elif has_failed or is_slow:
            before, after = advance(self._cell, breaker.trip, now, self.sums(now), rules)
        else:
            return False
        if before & 3 == after & 3:
            return False
        log.warning("circuit of %s: %s, was %s", self.name, breaker.NAMES[after & 3], breaker.NAMES[before & 3])
        return True

    def give_up(self, ticket: int) -> None:
        """A request ended without a verdict on the other side: the client went away."""
        if ticket > 0:
            advance(self._cell, breaker.release, ticket)
