"""Concurrency limit of an upstream: requests in flight, those that wait for a turn, and refusals.

Pure: no clock is read, and nothing waits here.  Whoever has a request asks `verdict`; with QUEUE it joins the
`WaitQueue` and waits until it is taken out of it, by somebody who left (`WaitQueue.next`) or because its patience ended
(`WaitQueue.expired`).  An upstream that is sent little more than it can work on at once answers as fast as when it is
idle, so a request that is let through keeps its latency however many are refused.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ADMIT: Final = 0
QUEUE: Final = 1
SHED: Final = 2

#: milliseconds that a request may wait: in a burst, and while others have been refused within the last `MEMORY`
PATIENCE: Final = 45
IMPATIENCE: Final = 2
MEMORY: Final = 1_000

#: seconds in Retry-After of what is refused
RETRY_AFTER: Final = 1


def verdict(inflight: int, limit: int, waiting: int, queue: int) -> int:
    """ADMIT, QUEUE or SHED. Who comes late does not overtake those who wait; without a queue nobody waits."""
    if inflight < limit and not waiting:
        return ADMIT
    return QUEUE if queue else SHED


class WaitQueue(Generic[T]):
    """Those who wait: first come first served in a burst; once one was refused, last come first served for a second.

    When there is more to do than can be done, serving in order means that everybody waits as long as anybody can bear;
    serving the last one first, and refusing early who waits too long, keeps latency short for all who are served.
    """

    __slots__ = ("_refused_at", "_waiting", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._waiting: deque[tuple[int, T]] = deque()
        self._refused_at = -MEMORY

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, one: T, now_ms: int) -> T | None:
        """Wait. Who must go for it when the line is full: who has waited longest."""
        self._waiting.append((now_ms, one))
        if len(self._waiting) <= self.size:
            return None
        self._refused_at = now_ms
        return self._waiting.popleft()[1]

    def next(self, now_ms: int) -> T | None:
        """Who is served next; taken out of the line."""
        if not self._waiting:
            return None
        return (self._waiting.pop() if self.is_pressed(now_ms) else self._waiting.popleft())[1]

    def expired(self, now_ms: int) -> list[T]:
        """Whose patience has ended; taken out of the line."""
        gone: list[T] = []
        while self._waiting and now_ms >= self._waiting[0][0] + self.patience(now_ms):
            self._refused_at = now_ms
            gone.append(self._waiting.popleft()[1])
        return gone

    def due(self, now_ms: int) -> int | None:
        """When `expired` should be asked next; None while nobody waits."""
        return self._waiting[0][0] + self.patience(now_ms) if self._waiting else None

    def leave(self, one: T) -> None:
        """Give up waiting, for a client that went away."""
        for place, (_, each) in enumerate(self._waiting):
            if each is one:
                del self._waiting[place]
                return

    def is_pressed(self, now_ms: int) -> bool:
        """Whether somebody was refused lately."""
        return now_ms - self._refused_at < MEMORY

    def patience(self, now_ms: int) -> int:
        """Milliseconds that anybody may wait now."""
        return IMPATIENCE if self.is_pressed(now_ms) else PATIENCE


class AdaptiveLimit:
    """Finds out how many requests an upstream can work on at once, from latencies alone.

    Samples are gathered into rounds.  While a round's mean latency stays near the base (what the upstream takes when
    it is not crowded), the limit grows: by half at first, by half of its square root once it has been too high.  When
    the mean lies above, the limit shrinks in proportion, for what is in flight beyond the capacity only waits.  The
    base is measured again by halving the limit for a round: from time to time, and soon again if that made a
    difference.  When the limit has shrunk to half and latency has not, the work has grown, not the crowd: the base was
    wrong.  A mean is trusted no further than its standard error.  After Netflix's concurrency-limits (gradient) and
    TCP Vegas.

    One worker's limit for what it has in flight itself; it outlives a reload.  For an upstream that takes one or two at
    once, write a number.
    """

    __slots__ = (
        *("__weakref__", "_base", "_count", "_dropped", "_is_starting", "_limit", "_most", "_needed", "_probe_at"),
        *("_resume", "_since", "_skip", "_squares", "_sum", "_cut_limit", "_cut_mean"),
        *("inflight", "least", "limit", "most"),
    )

    #: the mean may lie this much above the base before the limit shrinks
    TOLERANCE: Final = 1.2
    #: samples in a round: at least this many, and one for each place; while starting, and in a measurement
    ROUND: Final = 30
    SHORT_ROUND: Final = 10
    PROBE_ROUND: Final = 20
    #: milliseconds between two measurements of the base; after one that made a difference
    PROBE_EVERY: Final = 10_000
    PROBE_SOON: Final = 500

    def __init__(self, *, first: int = 6, least: int = 1, most: int = 1000) -> None:
        self.least = least
        self.most = most
        self.inflight = 0  # counted by whoever admits
        self.limit = first  # whole requests; read by whoever admits
        self._limit = float(first)
        self._cut_limit = self._cut_mean = 0.0  # limit and mean when the limit began to shrink
        self._base = 0.0  # seconds; 0: not measured yet
        self._probe_at = 0
        self._resume = 0.0  # the limit before a measurement that is under way; 0: none is
        self._is_starting = True
        self._most = self._needed = 0
        self._begin_round(0)
        self._skip = first  # the first that come back are the fastest ones

    @property
    def base(self) -> float:
        """Seconds that the upstream takes when it is not crowded; 0 while that is not known."""
        return self._base

    def on_sample(self, seconds: float, inflight: int, now_ms: int, dropped: bool = False) -> int:
        """Take the result of one request into account; gives the limit.

        seconds     from the sending of the request to the head of the answer
        inflight    requests in flight when it was sent, itself included
        dropped     whether the upstream was too busy to answer: a timeout, or its own 503.  Other failures are fast
                    and tell nothing of the load: they are no samples
        """
        self._most = max(self._most, inflight)
        if dropped:
            self._dropped = True
            if now_ms - self._since >= max(100.0, self._base * 2000.0):
                self._end_round(now_ms)
        elif self._skip:
            self._skip -= 1
        else:
            self._sum += seconds
            self._squares += seconds * seconds
            self._count += 1
            if self._count >= self._needed:
                self._end_round(now_ms)
        return self.limit

    def _end_round(self, now_ms: int) -> None:
        mean, error = self._mean()
        before = self._limit
        if self._dropped:
            self._set(min(self._limit, self._resume or self._limit) * 0.9)
            self._is_starting, self._resume = False, 0.0
        elif self._resume:
            self._measured(mean + error, now_ms)
        elif not self._base:
            self._base, self._probe_at = mean + error, now_ms + self.PROBE_SOON
        elif self._is_starting:
            self._start(mean, error)
        else:
            self._follow(mean, error, now_ms)
        self._begin_round(now_ms)
        if self._is_starting or self._resume or abs(self._limit - before) > before / 4:
            # These were sent before the change, or are the fastest of those sent after it.
            self._skip = int(max(before, self._limit))

    def _mean(self) -> tuple[float, float]:
        """The mean of the round and its standard error."""
        if not self._count:
            return 0.0, 0.0
        mean = self._sum / self._count
        return mean, sqrt(max(0.0, self._squares / self._count - mean * mean) / self._count)

    def _start(self, mean: float, error: float) -> None:
        """Grow by half until the upstream is crowded."""
        if mean - 2 * error > self._base * self.TOLERANCE:
            self._is_starting = False
        elif self._is_used():
            self._set(self._limit * 1.5)

    def _follow(self, mean: float, error: float, now_ms: int) -> None:
        """One step towards the limit at which the mean is `TOLERANCE` above the base."""
        if mean + error < self._base:
            self._base += 0.05 * (mean + error - self._base)
        gradient = max(0.5, min(1.0, self.TOLERANCE * self._base / max(mean - error, 1e-9)))
        if gradient == 1.0 and not self._is_used():
            return  # nobody needs more
        before = self._limit
        self._set(before * gradient + sqrt(before) / 2)
        if self._limit >= before:
            self._cut_limit = 0.0
        elif not self._cut_limit:
            self._cut_limit, self._cut_mean = before, mean
        elif self._limit <= self._cut_limit / 2:
            if mean > 0.85 * self._cut_mean:
                self._base, self._is_starting = mean + error, True
            self._cut_limit = 0.0
        if now_ms >= self._probe_at and self._is_used() and not self._is_starting:
            self._resume = self._limit
            self._set(self._limit / 2)

    def _measured(self, base: float, now_ms: int) -> None:
        """The end of a measurement."""
        has_helped = base < 0.8 * self._base
        calm = max(self.PROBE_EVERY, 20 * (now_ms - self._since))
        self._base = base
        self._probe_at = now_ms + (self.PROBE_SOON if has_helped else calm)
        self._set(self._resume)
        self._cut_limit = self._resume = 0.0

    def _is_used(self) -> bool:
        """Whether as many were in flight as makes the round tell something of the limit."""
        return self._most * 2 > self._limit

    def _set(self, limit: float) -> None:
        self._limit = max(float(self.least), min(float(self.most), limit))
        self.limit = int(self._limit)

    def _begin_round(self, now_ms: int) -> None:
        self._since = now_ms
        self._sum = self._squares = 0.0
        self._count = self._most = self._skip = 0
        self._dropped = False
        if self._is_starting:
            self._needed = max(self.SHORT_ROUND, self.limit // 2)
        else:
            self._needed = max(self.PROBE_ROUND if self._resume else self.ROUND, self.limit)
