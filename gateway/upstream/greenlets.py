"""Greenlets that are used again: each works for one request after the other.

PERF: the first frame of a new greenlet takes a page of its own from the kernel, and its end gives it back: with what
else a gevent.Greenlet does, a third of what a part of an aggregate takes (perf/scenarios/aggregate.toml).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gevent import get_hub
from greenlet import greenlet

#: those that wait for work, of one worker
IDLE_MAX: Final = 512


class PooledGreenlet:
    """One greenlet. `job` is called in it, and raises nothing; None is no job."""

    __slots__ = ("_greenlet", "_hands", "begin", "hub", "job")

    def __init__(self, hands: GreenletPool) -> None:
        self._hands = hands
        self.hub = get_hub()
        self._greenlet = greenlet(self._work, self.hub)
        #: to be called by the loop, with a `job`
        self.begin = self._greenlet.switch
        self.job: Callable[[], None] | None = None

    def end(self) -> None:
        """End it, whatever it does; with the next turn of the loop."""
        self.hub.loop.run_callback(self._end, self.job)

    def _end(self, job: Callable[[], None] | None) -> None:
        if job is not None and self.job is job:  # else it was quicker, and may work for somebody else by now
            self._greenlet.throw()

    def _work(self) -> None:
        while self.job is not None:
            self.job()
            self.job = None
            if not self._hands.take_back(self):
                return
            self.hub.switch()


class GreenletPool:
    """The greenlets of one worker; they outlive its plans."""

    __slots__ = ("_idle",)

    def __init__(self) -> None:
        self._idle: list[PooledGreenlet] = []

    def start(self, job: Callable[[], None]) -> PooledGreenlet:
        """Have `job` done with the next turn of the loop. What is given is its own until the job ends."""
        hand = self._idle.pop() if self._idle else PooledGreenlet(self)
        hand.job = job
        hand.hub.loop.run_callback(hand.begin)
        return hand

    def take_back(self, hand: PooledGreenlet) -> bool:
        """Whether it shall wait for more work."""
        if len(self._idle) >= IDLE_MAX:
            return False
        self._idle.append(hand)
        return True
