"""The targets of an upstream: which of them may be used now, whose turn it is, and what each answer says of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway._fast.metrics import Call
from gateway.errors import CIRCUIT_OPEN, NO_TARGET, GatewayError, Kind
from gateway.exchange import Exchange
from gateway.upstream import override
from gateway.upstream.balance.balancers import Balancer
from gateway.upstream.pool.pool import TargetPool
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience import outlier
from gateway.upstream.resilience.shared_circuit import SharedCircuitBreaker
from gateway.upstream.target_state import TargetState, advance

log = logging.getLogger("gateway")

#: milliseconds for which a look at the targets' words holds; what this worker changes itself is seen at once
LOOK: Final = 20
#: a failed try counts as this many times what its target takes, in seconds between these bounds: a target that fails
#: fast must not look like the fastest, nor may one failure in a thousand keep all requests away from it
FAILURE_COUNTS: Final = 4.0
FAILURE_LEAST: Final = 0.01
FAILURE_MOST: Final = 1.0


@dataclass(frozen=True, slots=True)
class TargetFilters:
    """What speaks against a target: the rules that the configuration asks for, None or False for those it does not."""

    is_checked: bool = False
    outlier: outlier.OutlierPolicy | None = None
    breaker: breaker.CircuitBreakerPolicy | None = None
    #: the share of usable targets under which all are used
    panic: float = 0.0


class Target:
    """One place to send a request to; `address` as the log shows it."""

    __slots__ = ("address", "call", "circuit", "configured", "pool", "state", "where")

    def __init__(
        self,
        address: str,
        pool: TargetPool,
        state: TargetState,
        weight: int = 1,
        rules: breaker.CircuitBreakerPolicy | None = None,
        where: tuple[str, str] = ("", ""),
        call: Call | None = None,
    ) -> None:
        """`where` is zone and region, for those who look; `call` counts its tries."""
        self.address = address
        self.call = call
        self.where = where
        self.pool = pool
        self.state = state
        self.configured = weight
        self.circuit = (
            SharedCircuitBreaker(f"{state.upstream} {address}", rules, state.breaker, state.window) if rules else None
        )

    @property
    def weight(self) -> int:
        """The configured weight, or the one that people put in its place."""
        return override.weight(self.state.override.load()) or self.configured


class TargetSet:
    """The targets of one upstream in one worker; what is known of each is shared by all workers.

    Who knows better (discovery) replaces the targets while others pick: an exchange keeps the target it has.
    """

    __slots__ = ("_balancer", "_eligible", "_seen", "_targets", "_until", "answered", "guards", "is_in_panic", "name")

    def __init__(
        self, name: str, balancer: Balancer[Target], targets: Sequence[Target] = (), guards: TargetFilters | None = None
    ) -> None:
        self.name = name
        self.guards = guards or TargetFilters()
        self.answered = balancer.answered
        self.is_in_panic = False
        self._balancer = balancer
        self._eligible: tuple[Target, ...] = ()
        self._seen: tuple[tuple[int, int, int], ...] = ()
        self._until = 0
        self.replace(targets)

    def replace(self, targets: Sequence[Target]) -> None:
        """Have these targets from the next pick on; one store, so that no pick sees half of it."""
        self._targets = tuple(targets)
        self._until = 0

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets now; the very same tuple until they are replaced."""
        return self._targets

    def pick(self, exchange: Exchange, now: int, tried: tuple[Target, ...] = ()) -> tuple[Target, int]:
        """(the target for this try, the ticket of its circuit). Raises GatewayError NO_TARGET or CIRCUIT_OPEN."""
        eligible = self._eligible if now < self._until else self.look(now)
        while True:
            target = self._balancer.pick(eligible, exchange, now, tried)
            circuit = target.circuit
            if circuit is None or self.is_in_panic:
                return target, breaker.FREE
            ticket = circuit.ticket(now)
            if ticket != breaker.REFUSED:
                return target, ticket
            self._until = 0  # its probes have all been let through since the last look
            eligible = tuple([each for each in eligible if each is not target])
            if not eligible:
                detail = f"Every target of {self.name} fails too often."
                raise GatewayError(CIRCUIT_OPEN, detail, headers=(("Retry-After", "1"),))

    def look(self, now: int) -> tuple[Target, ...]:
        """The targets that may be picked; the same tuple as before where nothing changed. Raises GatewayError."""
        able = [target for target in self._targets if override.may_serve(target.state.override.load())]
        if not able:
            raise GatewayError(NO_TARGET, f"The upstream {self.name} has no target.")
        usable = [self.is_usable(each, now) for each in able]
        chosen, self.is_in_panic = health.eligible(able, usable, self.guards.panic)
        seen = tuple([(id(target), target.weight, target.state.since.load()) for target in chosen])
        if seen != self._seen:
            self._eligible, self._seen = tuple(chosen), seen
        self._until = now + LOOK
        return self._eligible

    def is_usable(self, target: Target, now: int) -> bool:
        """Whether nothing speaks against a target."""
        guards, state = self.guards, target.state
        if guards.is_checked and not health.is_up(state.health.load()):
            return False
        if guards.outlier is not None and outlier.is_ejected(state.ejection.load(), now):
            return False
        return target.circuit is None or target.circuit.admits(now)

    def observe(self, target: Target, ticket: int, outcome: int | Kind, seconds: float, now: int) -> None:
        """What came of a try: a status or the kind of its failure, and how long it took; 0.0 tells nothing of that."""
        has_failed = outlier.is_failure(outcome)
        if has_failed:
            if target.state.since.load() <= now:  # else it has been left out already, and this is late news
                worse = min(FAILURE_MOST, FAILURE_COUNTS * target.state.latency(now))
                target.state.observe(now, max(seconds, FAILURE_LEAST, worse))
        elif seconds:
            target.state.observe(now, seconds)
        if target.circuit is not None and target.circuit.tell(now, ticket, has_failed, seconds):
            self._until = 0
            if target.circuit.is_closed:
                target.state.come_back(now)
        rules = self.guards.outlier
        if rules is not None and (has_failed or target.state.ejection.load() & outlier.STREAK):
            self._judge(target, has_failed, now, rules)

    def give_up(self, target: Target, ticket: int) -> None:
        """A try ended without a verdict on the target."""
        if target.circuit is not None:
            target.circuit.give_up(ticket)

    def _judge(self, target: Target, has_failed: bool, now: int, rules: outlier.OutlierPolicy) -> None:
        """Passive ejection."""
        cell = target.state.ejection
        word = cell.load()
        allowed = True
        if has_failed and outlier.is_close(word, rules):
            out = sum(outlier.is_ejected(each.state.ejection.load(), now) for each in self._targets)
            allowed = outlier.may_eject(out, len(self._targets), rules)
        before, after = advance(cell, outlier.observe, has_failed, now, allowed, rules)
        if outlier.until(after) > outlier.until(before):
            target.state.come_back(outlier.until(after))
            self._until = 0
            seconds = (outlier.until(after) - now) / 1000
            log.warning("%s of %s is left out for %g s: it failed in a row", target.address, self.name, seconds)
