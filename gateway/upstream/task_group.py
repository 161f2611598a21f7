"""Greenlets that work for one request at the same time, and the request that waits for what each of them gives.

PERF: one timer for all of them; a queue with a timeout takes one for each (perf/scenarios/aggregate.toml).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gevent import get_hub
from gevent.hub import Waiter

from gateway.upstream.greenlets import GreenletPool, PooledGreenlet

G = TypeVar("G")
T = TypeVar("T")


class TaskGroup(Generic[T]):
    """One for each request; to be used from its greenlet alone.

    `hurries` says whether a value is wanted at once, and all are while `is_eager`. PERF: others are left until all have
    ended or the one who waits looks by itself, since to wake it takes two switches.
    """

    __slots__ = ("_gave", "_hands", "_hub", "_hurries", "_running", "_timer", "_waiter", "is_eager")

    def __init__(self, hands: GreenletPool, hurries: Callable[[T], bool]) -> None:
        self._hurries = hurries
        self.is_eager = False
        self._hub = get_hub()
        self._hands = hands
        self._gave: deque[T] = deque()
        self._running: set[PooledGreenlet] = set()
        self._waiter: Waiter[None] | None = None
        self._timer: Any = None

    def start(self, work: Callable[[G], T], given: G) -> None:
        """Begin, with the next turn of the loop; `work` makes a value of what is `given` and raises nothing."""

        def run() -> None:
            value = work(given)
            self._gave.append(value)
            self._running.discard(hand)
            if not self._running or self.is_eager or self._hurries(value):
                self._wake()

        hand = self._hands.start(run)
        self._running.add(hand)

    def ready(self) -> T | None:
        """As `next`, without waiting."""
        return self._gave.popleft() if self._gave else None

    def next(self, seconds: float) -> T | None:
        """What one of them gave, in the order in which they ended; None after about `seconds` without.

        Those are counted from the first call on, or from that after the last None, and are what was given there.
        """
        if not self._gave:
            if self._timer is None:
                self._timer = self._hub.loop.timer(seconds)
                self._timer.start(self._late)
            waiter: Waiter[None] = Waiter(self._hub)
            self._waiter = waiter
            try:
                waiter.get()
            finally:
                self._waiter = None
        return self.ready()

    def end(self) -> None:
        """Nobody waits any more: those who still work are ended."""
        self._stop()
        for each in self._running:
            each.end()
        self._running.clear()

    def _late(self) -> None:
        self._stop()
        self._wake()

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
            timer.close()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._hub.loop.run_callback(waiter.switch, None)
