"""Balancers, which pick a request's target, and their names in the configuration.

`pick(eligible, exchange, now, tried)` has a fleet's targets to choose from.  What follows from `eligible` is kept for
as long as the very same tuple comes in: the fleet makes a new one whenever a target comes, goes, or changes its weight.
`eligible` is never empty, `now` is monotonic milliseconds, and the targets in `tried` are left out unless all are.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from itertools import accumulate
from typing import Generic, Protocol

from gateway.exchange import Exchange, Response
from gateway.upstream.balance.affinity import CookieAffinity, HashBalancer, key_of
from gateway.upstream.balance.options import Balance
from gateway.upstream.balance.slow_start import T, Weights, effective_weights

Random = Callable[[], float]
Answered = Callable[[Exchange, T, Response], None]


class Balancer(Protocol[T]):
    """Chooses targets."""

    @property
    def answered(self) -> Answered[T] | None:
        """To be called with the target and its answer before that goes back; None = not needed."""
        ...

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """The target for this try of an exchange."""
        ...


class _Weighted(Generic[T]):
    """What the balancers by weight have in common."""

    __slots__ = ("_random", "_slow_start", "_weights")
    answered = None

    def __init__(self, slow_start: int = 0, random: Random = random.random) -> None:
        self._slow_start = slow_start
        self._random = random
        self._weights: Weights[T] = Weights(())


class RoundRobin(_Weighted[T]):
    """The target whose turn it is. Turns of a target are 1/weight apart, so heavy ones do not come in rows.

    Every worker begins with each target at a random place of its interval: together they take even turns too.
    """

    __slots__ = ("_queue",)

    def __init__(self, slow_start: int = 0, random: Random = random.random) -> None:
        super().__init__(slow_start, random)
        #: (when it is due, a number to break ties, the interval, the target)
        self._queue: list[tuple[float, int, float, T]] = []

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """The target that is due first."""
        weights = self._weights
        if eligible is not weights.targets or now >= weights.until:
            self._weights = weights = effective_weights(eligible, now, self._slow_start)
            self._enqueue(weights)
        queue = self._queue
        due, number, interval, target = queue[0]
        if tried and target in tried:
            return self._pass_over(tried)
        heapreplace(queue, (due + interval, number, interval, target))
        return target

    def _pass_over(self, tried: tuple[T, ...]) -> T:
        """As pick; those in `tried` keep their turns."""
        queue, passed = self._queue, []
        while queue and queue[0][3] in tried:
            passed.append(heappop(queue))
        due, number, interval, target = passed.pop(0) if not queue else heappop(queue)
        for entry in (*passed, (due + interval, number, interval, target)):
            heappush(queue, entry)
        return target

    def _enqueue(self, weights: Weights[T]) -> None:
        """Who was there keeps the part of its interval that is left; who is new starts anywhere in its own."""
        start = self._queue[0][0] if self._queue else 0.0
        left = {target: (due - start) / interval for due, _, interval, target in self._queue}
        self._queue = []
        for number, (target, weight) in enumerate(zip(weights.targets, weights.each, strict=True)):
            part = left.get(target)
            self._queue.append(((self._random() if part is None else part) / weight, number, 1.0 / weight, target))
        heapify(self._queue)


class RandomBalancer(_Weighted[T]):
    """Any target, drawn by weight."""

    __slots__ = ()

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """A target by chance."""
        weights = self._weights
        if eligible is not weights.targets or now >= weights.until:
            self._weights = weights = effective_weights(eligible, now, self._slow_start)
        if tried:
            weights = weights.without(tried)
        targets, sums = weights.targets, weights.sums
        return targets[bisect(sums, self._random() * weights.total, 0, len(sums) - 1)]


class LeastRequests(_Weighted[T]):
    """The target with the fewest requests for its weight; among equals one by weight. Looks at every target."""

    __slots__ = ()

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """The target with the least to do."""
        weights = self._weights
        if eligible is not weights.targets or now >= weights.until:
            self._weights = weights = effective_weights(eligible, now, self._slow_start)
        if tried:
            weights = weights.without(tried)
        loads = [inflight() / weight for inflight, weight in zip(weights.inflight, weights.each, strict=True)]
        least = min(loads)
        if loads.count(least) == 1:
            return weights.targets[loads.index(least)]
        equals = [at for at, load in enumerate(loads) if load == least]
        sums = list(accumulate([weights.each[at] for at in equals]))
        return weights.targets[equals[bisect(sums, self._random() * sums[-1], 0, len(sums) - 1)]]


class PowerOfTwoChoices(_Weighted[T]):
    """Two targets drawn by weight, and of them the one where a request would wait less ("p2c").

    The wait is the peak EWMA of the latency times the requests before and including this one, those before in
    proportion to the weight.  A target whose latency is unknown is compared by its requests alone: it gets its share,
    and what it has not answered yet counts against it.
    """

    __slots__ = ()

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """The better one of two."""
        weights = self._weights
        if eligible is not weights.targets or now >= weights.until:
            self._weights = weights = effective_weights(eligible, now, self._slow_start)
        if tried:
            weights = weights.without(tried)
        targets = weights.targets
        last = len(targets) - 1
        if not last:
            return targets[0]
        scale = weights.scale
        one, other = self._two(weights, last)
        first, second = weights.latency[one](now), weights.latency[other](now)
        if not first or not second:
            first = second = 1.0
        first *= weights.inflight[one]() * scale[one] + 1.0
        second *= weights.inflight[other]() * scale[other] + 1.0
        return targets[one] if first <= second else targets[other]

    def _two(self, weights: Weights[T], last: int) -> tuple[int, int]:
        """Two different indexes."""
        if weights.is_even:  # PERF: from one number
            one, other = divmod(int(self._random() * (last + 1) * last), last)
            return one, other + (other >= one)
        # Drawing by weight gives each its share when all are equal; else a heavy one would be met too seldom.
        sums, each = weights.sums, weights.each
        one = bisect(sums, self._random() * weights.total, 0, last)
        rest = self._random() * (weights.total - each[one])
        if rest >= sums[one] - each[one]:
            rest += each[one]
        other = bisect(sums, rest, 0, last)
        if other == one:  # by rounding
            other = one - 1 if one else 1
        return one, other


def make(spec: Balance, upstream: str, random: Random = random.random) -> Balancer[T]:
    """The balancer that an upstream asks for; `hash` and `sticky` leave what they cannot decide to p2c."""
    by_weight: dict[str, Callable[[int, Random], Balancer[T]]] = {
        "round_robin": RoundRobin,
        "random": RandomBalancer,
        "least_requests": LeastRequests,
        "p2c": PowerOfTwoChoices,
    }
    slow_start = round(spec.slow_start * 1000)
    if spec.kind == "hash":
        return HashBalancer(key_of(spec.key, spec.name), PowerOfTwoChoices(0, random), spec.headroom)
    if spec.kind == "sticky":
        return CookieAffinity(upstream, PowerOfTwoChoices(slow_start, random))
    return by_weight[spec.kind](slow_start, random)
