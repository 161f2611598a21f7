"""An upstream behind a gate: no more requests at once than it can take, a short line before it, the rest refused.

The decisions are overload.py's; requests in flight are counted over all workers of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Final

import gevent
from gevent.event import AsyncResult

from gateway._fast.target_stats import now_ms
from gateway.contracts import Fetch
from gateway.errors import OVERLOADED, UPSTREAM_READ_TIMEOUT, UPSTREAM_SATURATED, UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Response
from gateway.upstream.resilience.adaptive_limit import ADMIT, QUEUE, RETRY_AFTER, AdaptiveLimit, WaitQueue, verdict
from gateway.upstream.target_state import UpstreamState

#: failures that say that the upstream had too much to do
_CROWDED: Final = frozenset((UPSTREAM_READ_TIMEOUT, UPSTREAM_TIMEOUT, UPSTREAM_SATURATED))
#: seconds between two looks, at most, while somebody waits: places that come free in other workers are not told to this
_LOOK: Final = 0.005
#: and at least
_BREATH: Final = 0.0005


class ConcurrencyLimit:
    """`fetch` of an upstream with a limit of requests in flight: a number, or one that is found out by measuring."""

    __slots__ = ("_fetch", "_fixed", "_limiter", "_line", "_sweeper", "name", "state")

    def __init__(self, name: str, fetch: Fetch, state: UpstreamState, limit: int | AdaptiveLimit, queue: int) -> None:
        self.name = name
        self.state = state
        self._fetch = fetch
        self._fixed = limit if isinstance(limit, int) else 0
        self._limiter = limit if isinstance(limit, AdaptiveLimit) else None
        self._line: WaitQueue[AsyncResult[bool]] = WaitQueue(queue)
        self._sweeper: gevent.Greenlet[[], None] | None = None

    @property
    def limit(self) -> int:
        """Requests that may be in flight now."""
        return self._fixed if self._limiter is None else self._limiter.limit

    def before(self, fetch: Fetch) -> Fetch:
        """The same gate before another way to ask the same upstream."""
        return lambda exchange: self.fetch(exchange, fetch)

    def fetch(self, exchange: Exchange, way: Fetch | None = None) -> Response:
        """The answer, after a turn in the line where there is one. Raises GatewayError(OVERLOADED)."""
        decided = verdict(self._inflight(), self.limit, len(self._line), self._line.size)
        if decided == ADMIT:
            self._enter()
        elif decided == QUEUE:
            self._wait()
        else:
            raise self._overloaded()
        inflight, began = self._inflight(), monotonic()
        try:
            response = self._fetch(exchange) if way is None else way(exchange)
        except GatewayError as error:
            if error.kind in _CROWDED:
                self._sample(began, inflight, True)
            self._leave()
            raise
        except BaseException:
            self._leave()
            raise
        if response.status < 500 or response.status == 503:
            self._sample(began, inflight, response.status == 503)
        if isinstance(response.body, bytes) or response.status == 101:
            self._leave()
        else:
            response.body = CountedBody(response.body, self._leave)
        return response

    def _inflight(self) -> int:
        """What the limit bounds: in flight in all workers by a written one, in this one by one that was found out."""
        return self.state.inflight() if self._limiter is None else self._limiter.inflight

    def _sample(self, began: float, inflight: int, was_crowded: bool) -> None:
        if self._limiter is not None:
            self._limiter.on_sample(monotonic() - began, inflight, now_ms(), dropped=was_crowded)

    def _wait(self) -> None:
        """Stand in line until let in, which counts as entered. Raises GatewayError(OVERLOADED)."""
        turn: AsyncResult[bool] = AsyncResult()
        pushed_out = self._line.join(turn, now_ms())
        if pushed_out is not None:
            pushed_out.set(False)
        if self._sweeper is None or self._sweeper.dead:
            self._sweeper = gevent.spawn(self._sweep)
        try:
            is_let_in = turn.get()
        except BaseException:
            if turn.ready() and turn.value:
                self._leave()
            else:
                self._line.leave(turn)
            raise
        if not is_let_in:
            raise self._overloaded()

    def _enter(self) -> None:
        self.state.enter()
        if self._limiter is not None:
            self._limiter.inflight += 1

    def _leave(self) -> None:
        """A request is over: somebody else may go in."""
        self.state.leave()
        if self._limiter is not None:
            self._limiter.inflight -= 1
        self._let_in()

    def _let_in(self) -> None:
        # NOTE: who is let in is counted at once, not when its greenlet runs: nobody else may take the place meanwhile.
        while len(self._line) and self._inflight() < self.limit:
            turn = self._line.next(now_ms())
            if turn is not None:
                self._enter()
                turn.set(True)

    def _sweep(self) -> None:
        """While anybody waits: refuse who waited long enough, and notice places that came free elsewhere."""
        while (due := self._line.due(now_ms())) is not None:
            gevent.sleep(max(_BREATH, min(_LOOK, (due - now_ms()) / 1000)))
            for turn in self._line.expired(now_ms()):
                turn.set(False)
            self._let_in()

    def _overloaded(self) -> GatewayError:
        return GatewayError(
            OVERLOADED,
            f"The upstream {self.name} has as many requests as it can take.",
            headers=(("Retry-After", str(RETRY_AFTER)),),
        )


class CountedBody(Iterator[bytes]):
    """A body whose end, however it comes, is told once."""

    __slots__ = ("_body", "_next", "_over")

    def __init__(self, body: Iterable[bytes], over: Callable[[], None]) -> None:
        self._body = body
        self._next = iter(body).__next__
        self._over: Callable[[], None] | None = over

    @property
    def ready(self) -> bool:
        """Whether the next piece is here already."""
        return bool(getattr(self._body, "ready", False))

    def __next__(self) -> bytes:
        return self._next()

    def close(self) -> None:
        """Close the body and tell. Safe to call twice."""
        over, self._over = self._over, None
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            if over is not None:
                over()
