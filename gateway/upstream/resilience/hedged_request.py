"""Two tries side by side: the first answer wins, the other one is broken off and its connection closed.

An answer of 500 and more wins only where the other try does no better.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.queue import Empty, SimpleQueue

from gateway._fast.target_stats import now_ms
from gateway.errors import CLIENT_CLOSED, GatewayError
from gateway.exchange import BESIDE, HEDGED, Exchange, Response

if TYPE_CHECKING:
    from gateway.upstream.attempts import RetryingUpstream
    from gateway.upstream.targets import Target

#: seconds between two looks at whether the client is still there: the tries cannot tell by themselves
LOOK_EVERY: Final = 0.05
#: seconds for which an answer may still come after the client's end of stream: it may have closed one half only
GRACE: Final = 0.2


class HedgedRequest:
    """Each try has a copy of the exchange to itself; what the winner wrote into its own is taken over."""

    def __init__(self, attempts: RetryingUpstream, exchange: Exchange, first: bytes, tried: tuple[Target, ...]) -> None:
        self._attempts = attempts
        self._exchange = exchange
        self._first = first
        self._tried = tried
        self._results: SimpleQueue[tuple[Exchange, Response | None, BaseException | None]] = SimpleQueue()
        self._runners: list[gevent.Greenlet[..., None]] = []
        self._copies: list[Exchange] = []
        self._attempts_before = exchange.attempts
        #: the answer of 500 and more that came while the other try was under way
        self._held: tuple[Exchange, Response] | None = None
        self._running = 0
        self._gone_at = 0.0
        self._is_over = False

    def run(self, after: float, may_hedge: Callable[[], bool]) -> Response:
        """The first answer; the second try begins after `after` seconds if `may_hedge` then. Raises GatewayError."""
        hedge_at: float | None = monotonic() + after
        failure: BaseException | None = None
        try:
            self._start(self._tried)
            while self._running:
                if hedge_at is not None and monotonic() >= hedge_at:
                    hedge_at = None
                    if may_hedge():
                        self._exchange.marks |= HEDGED
                        self._start(self._tried_now(), BESIDE)
                try:
                    exchange, response, error = self._results.get(timeout=hedge_delay(hedge_at))
                except Empty:
                    self._check_client()
                    continue
                self._running -= 1
                self._take_over(exchange)
                if response is None:
                    failure = failure or error
                elif response.status < 500 or not self._running:
                    return response
                else:
                    self._held = exchange, response
            if self._held is not None:
                (exchange, response), self._held = self._held, None
                self._take_over(exchange)
                return response
            assert failure is not None
            raise failure
        finally:
            self._end()

    def _start(self, tried: tuple[Target, ...], mark: int = 0) -> None:
        exchange = copy(self._exchange)
        exchange.marks |= mark
        # The client's channel can be linked to one upstream only, so to none of the two; nor may a loser write to it.
        exchange.environ = {**exchange.environ, "gateway.channel": None, "wsgi.early_hints": None}
        self._copies.append(exchange)
        self._running += 1
        self._runners.append(gevent.spawn(self._try, exchange, tried))

    def _try(self, exchange: Exchange, tried: tuple[Target, ...]) -> None:
        response = failure = None
        try:
            response = self._attempts.attempt(exchange, self._first, True, now_ms(), tried)
        except Exception as error:  # ours to report, in the greenlet that waits
            failure = error
        if self._is_over and response is not None:
            response.close()
        self._results.put((exchange, response, failure))

    def _tried_now(self) -> tuple[Target, ...]:
        """Those tried before, and the one that is late: it is known as soon as its try has begun."""
        late = self._copies[0].target_tried
        return self._tried if late is None else (*self._tried, late)

    def _check_client(self) -> None:
        channel: Any = self._exchange.environ.get("gateway.channel")
        if channel is not None and channel.gone:
            self._gone_at = self._gone_at or monotonic()
            if monotonic() - self._gone_at >= GRACE:
                raise GatewayError(CLIENT_CLOSED, "The client went away.")

    def _take_over(self, won: Exchange) -> None:
        mine = self._exchange
        mine.address, mine.upstream_time, mine.upstream_started = won.address, won.upstream_time, won.upstream_started
        mine.attempts = self._attempts_before + sum(each.attempts - self._attempts_before for each in self._copies)
        mine.target_tried = won.target_tried

    def _end(self) -> None:
        """Break off who is still at it, and close an answer that came a moment too late."""
        self._is_over = True
        gevent.killall([runner for runner in self._runners if not runner.ready()], block=False)
        late: list[Response | None] = [] if self._held is None else [self._held[1]]
        while not self._results.empty():
            late.append(self._results.get()[1])
        for response in late:
            if response is not None:
                response.close()


def hedge_delay(hedge_at: float | None) -> float:
    """Seconds until a second try is due, at most LOOK_EVERY; `hedge_at` is on the monotonic clock."""
    return LOOK_EVERY if hedge_at is None else max(0.0005, min(LOOK_EVERY, hedge_at - monotonic()))
