"""An upstream of several targets: choose one, try, and where the configuration says so, try again or beside it.

    overload -> circuit -> [ target -> one exchange -> what it says of the target ] again, within budget and deadline

Every decision is a pure function (balance, breaker, budget, backoff, retry, hedge); this file asks them in order and
does what they say.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

import gevent

from gateway._fast.target_stats import now_ms
from gateway.errors import UPSTREAM_TIMEOUT, GatewayError, Kind
from gateway.exchange import RETRIED, Exchange, Response
from gateway.upstream.http import HttpUpstream
from gateway.upstream.resilience import backoff, hedge
from gateway.upstream.resilience import retry_budget as budget
from gateway.upstream.resilience.adaptive_limit import AdaptiveLimit
from gateway.upstream.resilience.hedge import HedgePolicy as HedgeRules
from gateway.upstream.resilience.hedge import Latencies
from gateway.upstream.resilience.hedged_request import HedgedRequest
from gateway.upstream.resilience.outlier import is_failure
from gateway.upstream.resilience.retry import RetryPolicy as RetryRules
from gateway.upstream.resilience.retry import should_retry
from gateway.upstream.resilience.shared_circuit import SharedCircuitBreaker
from gateway.upstream.target_state import UpstreamState
from gateway.upstream.targets import Target, TargetSet

FIRST_PIECE: Final = 65536


@dataclass(frozen=True, slots=True)
class AttemptPolicy:
    """What the configuration asks for beyond a single try."""

    retry: RetryRules | None = None
    hedge: HedgeRules | None = None


class RetryingUpstream:
    """`fetch` of an upstream over its fleet, in one worker for one plan; what is known of it is in `state`, for all."""

    __slots__ = (
        "_hedge", "_is_single", "_latencies", "_retry", "circuit", "fleet", "http", "limit", "name", "state", "total",
    )  # fmt: skip

    def __init__(
        self,
        http: HttpUpstream,
        fleet: TargetSet,
        state: UpstreamState,
        rules: AttemptPolicy,
        circuit: SharedCircuitBreaker | None = None,
    ) -> None:
        self.name = fleet.name
        self.http = http
        self.fleet = fleet
        self.state = state
        self.total = http.total
        self._retry = rules.retry
        self._hedge = rules.hedge
        self._is_single = circuit is None and rules.retry is None and rules.hedge is None
        self.circuit = circuit
        #: what may be in flight, where there is a limit.  NOTE: not its gate: plans go by reference counts alone, and
        #: that one knows who is behind it
        self.limit: int | AdaptiveLimit | None = None
        self._latencies = Latencies(rules.hedge.quantile) if rules.hedge and rules.hedge.quantile else None

    def with_retry(self, rules: RetryRules | None) -> RetryingUpstream:
        """The same with other rules for further tries; all that is known of the upstream is one."""
        made = RetryingUpstream(self.http, self.fleet, self.state, AttemptPolicy(rules, self._hedge), self.circuit)
        made._latencies = self._latencies
        return made

    def fetch(self, exchange: Exchange) -> Response:
        """The answer of a target. Raises GatewayError."""
        exchange.upstream = self.name
        if self._is_single and not exchange.body_length:  # PERF: most are; perf scenario `bare`
            return self.attempt(exchange, b"", True, now_ms(), ())
        circuit = self.circuit
        if circuit is None:
            return self._fetch(exchange, *self._first(exchange))
        ticket = circuit.enter(now_ms())
        before, is_whole = exchange.upstream_time, True
        try:
            first, is_whole = self._first(exchange)
            response = self._fetch(exchange, first, is_whole)
        except GatewayError as error:
            if not self._blames(error.kind, exchange, is_whole):
                circuit.give_up(ticket)
            else:
                circuit.tell(now_ms(), ticket, True, exchange.upstream_time - before)
            raise
        except BaseException:
            circuit.give_up(ticket)
            raise
        circuit.tell(now_ms(), ticket, response.status >= 500, exchange.upstream_time - before if is_whole else 0.0)
        return response

    def _fetch(self, exchange: Exchange, first: bytes, is_whole: bool) -> Response:
        now, retry = now_ms(), self._retry
        if retry is None and self._hedge is None:
            return self.attempt(exchange, first, is_whole, now, ())
        self.state.budget.add(now, 1)
        if retry is None:
            return self._hedged(exchange, first, is_whole, now, ())
        return self._again(exchange, first, is_whole, now, retry)

    def _first(self, exchange: Exchange) -> tuple[bytes, bool]:
        """(the beginning of the body, whether that is all of it): what may be sent again is read up to `max_body`.

        It comes before a connection is taken: a client that sends nothing must not hold one.
        """
        body, length = exchange.body, exchange.body_length
        if not length or body is None:
            return b"", True
        retry = self._retry
        keep = retry.max_body if retry is not None and exchange.method in retry.methods else 0
        first = body.read(FIRST_PIECE)
        if length > keep:
            return first, len(first) == length
        pieces, size = [first], len(first)
        while size != length and pieces[-1] and size <= keep:
            pieces.append(body.read(FIRST_PIECE))
            size += len(pieces[-1])
        return b"".join(pieces), size == length or not pieces[-1]

    def attempt(
        self, exchange: Exchange, first: bytes, is_whole: bool, now: int, tried: tuple[Target, ...]
    ) -> Response:
        """One try with one target, and what it says of it. Raises GatewayError."""
        fleet = self.fleet
        target, ticket = fleet.pick(exchange, now, tried)
        exchange.target_tried = target
        started = monotonic()
        try:
            if target.call is None:
                response = self.http.send(exchange, target, first, started)
            else:
                response = target.call.through(self.http.send, exchange, target, first, started)
        except GatewayError as error:
            if self._blames(error.kind, exchange, is_whole):
                fleet.observe(target, ticket, error.kind, monotonic() - started, now_ms())
            else:
                fleet.give_up(target, ticket)
            raise
        except BaseException:
            fleet.give_up(target, ticket)
            raise
        # A body that comes while it is sent takes as long as the client takes.
        seconds = monotonic() - started if is_whole else 0.0
        fleet.observe(target, ticket, response.status, seconds, now_ms())
        if self._latencies is not None and response.status < 500 and is_whole:
            self._latencies.record(seconds)
        if fleet.answered is not None:
            fleet.answered(exchange, target, response)
        return response

    def _blames(self, kind: Kind, exchange: Exchange, is_whole: bool) -> bool:
        """Whether a failure speaks against the target of the last try.

        SECURITY: running out of time does not where the client had a hand in it, by a deadline of its own or by
        sending its body slowly: else any client could have healthy targets ejected and circuits opened.
        """
        if kind is not UPSTREAM_TIMEOUT:
            return is_failure(kind)
        given = exchange.deadline - exchange.upstream_started
        enough = min(self.total, exchange.deadline - exchange.started) / 2
        return is_whole and not exchange.hurried and given >= enough

    def _again(self, exchange: Exchange, first: bytes, is_whole: bool, now: int, rules: RetryRules) -> Response:
        """Tries until one is good enough, or rules, budget, circuit or deadline say no."""
        tried: tuple[Target, ...] = ()
        while True:
            response = error = asked = None
            try:
                response = self._hedged(exchange, first, is_whole, now, tried)
                outcome: int | Kind = response.status
                if outcome not in rules.on:
                    return response
                was_sent, asked = True, backoff.named_wait(response.headers, time())
            except GatewayError as failure:
                error, outcome, was_sent = failure, failure.kind, failure.was_sent
            # Of what was not sent nothing is lost: the rest of the body is still the client's.
            pause = self._pause(exchange, outcome, len(tried), was_sent, is_whole or not was_sent, asked, rules)
            if pause is None:
                if response is None:
                    assert error is not None
                    raise error
                return response
            if response is not None:
                response.close()
            exchange.marks |= RETRIED
            if exchange.target_tried is not None:
                tried = (*tried, exchange.target_tried)
            gevent.sleep(pause)
            now = now_ms()

    def _pause(
        self,
        exchange: Exchange,
        outcome: int | Kind,
        retries: int,
        was_sent: bool,
        is_whole: bool,
        asked: float | None,
        rules: RetryRules,
    ) -> float | None:
        """Seconds until the next try, counted against the budget; None for no further try."""
        if not should_retry(outcome, exchange.method, retries, was_sent, is_whole, rules):
            return None
        if self.circuit is not None and not self.circuit.is_closed:
            return None
        pause = backoff.delay(retries + 1, rules.backoff, random.random())
        pause_or_none = backoff.wait(pause, asked, exchange.deadline - monotonic())
        if pause_or_none is None:
            return None
        now = now_ms()
        requests, retried, _ = self.state.budget.sums(now, budget.WINDOW)
        if not budget.may_retry(requests, retried, rules.budget):
            return None
        self.state.budget.add(now, 0, 1)
        return pause_or_none

    def _hedged(
        self, exchange: Exchange, first: bytes, is_whole: bool, now: int, tried: tuple[Target, ...]
    ) -> Response:
        """One try, and a second one beside it when it is late and the rules want one."""
        rules = self._hedge
        # A change of protocol is one connection's.
        if rules is None or not is_whole or exchange.environ.get("gateway.upgrade"):
            return self.attempt(exchange, first, is_whole, now, tried)
        estimate = self._latencies.quantile(now) if self._latencies is not None else None
        after = hedge.delay(exchange.method, estimate, exchange.deadline - monotonic(), rules)
        if after is None:
            return self.attempt(exchange, first, is_whole, now, tried)
        return HedgedRequest(self, exchange, first, tried).run(after, self._may_hedge)

    def _may_hedge(self) -> bool:
        """Whether the share of second tries allows one more, which is then counted."""
        assert self._hedge is not None
        now = now_ms()
        requests, _, hedges = self.state.budget.sums(now, budget.WINDOW)
        if not budget.may_hedge(requests, hedges, self._hedge.share):
            return False
        self.state.budget.add(now, 0, 0, 1)
        return True
