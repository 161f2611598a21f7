"""Effective weights of targets: the configured weight, and less of it during slow start."""

from __future__ import annotations

from itertools import accumulate
from typing import Generic, Protocol, TypeVar

#: the share of its weight that a target has at the moment it comes back
SLOW_START_FLOOR = 0.1
#: while targets start slowly, weights are worked out anew this often in the whole of it
SLOW_START_STEPS = 100

NEVER = 1 << 62


class Since(Protocol):
    """A word that may be read."""

    def load(self) -> int:
        """Milliseconds on the monotonic clock."""
        ...


class Load(Protocol):
    """What is known about a target's work, over all workers of the host."""

    #: when the target became eligible again; 0 = it was never away
    since: Since

    def inflight(self) -> int:
        """Requests that it has now."""
        ...

    def latency(self, now_ms: int) -> float:
        """Its peak EWMA in seconds; 0.0 = unknown."""
        ...


class Candidate(Protocol):
    """A target that may be picked; `weight` is above zero."""

    @property
    def address(self) -> str:
        """What tells it from the others of its upstream, on every host."""
        ...

    @property
    def weight(self) -> float:
        """Its share beside the others."""
        ...

    @property
    def state(self) -> Load:
        """Its work."""
        ...


T = TypeVar("T", bound=Candidate)


def ramp(since: int, now: int, span: int) -> float:
    """The share of its weight that a target has: 0.1 at `since`, evenly up to 1 after `span`; all in milliseconds."""
    if not since or now >= since + span:
        return 1.0
    return SLOW_START_FLOOR + (1.0 - SLOW_START_FLOOR) * max(0, now - since) / span


class Weights(Generic[T]):
    """Targets with their weights now, as sums for drawing; a value that holds for these very targets before `until`."""

    __slots__ = ("each", "inflight", "is_even", "latency", "scale", "sums", "targets", "total", "until")

    def __init__(self, targets: tuple[T, ...], each: tuple[float, ...] = (), until: int = -1) -> None:
        self.targets = targets
        self.each = each
        #: milliseconds
        self.until = until
        self.sums = tuple(accumulate(each))
        self.total = self.sums[-1] if each else 0.0
        mean = self.total / len(each) if each else 0.0
        #: what to multiply a target's load with to compare it with the others'
        self.scale = tuple([mean / weight for weight in each])
        self.is_even = len(set(each)) == 1
        # PERF: looked up once, not for every pick (perf/micro/bench_balance.py).
        self.inflight = tuple([target.state.inflight for target in targets])
        self.latency = tuple([target.state.latency for target in targets])

    def without(self, tried: tuple[T, ...]) -> Weights[T]:
        """The weights of the targets that are not in `tried`; of all when all of them are."""
        kept = [(target, weight) for target, weight in zip(self.targets, self.each, strict=True) if target not in tried]
        if not kept:
            return self
        targets, each = zip(*kept, strict=True)
        return Weights(targets, each, self.until)


def effective_weights(targets: tuple[T, ...], now: int, slow_start: int) -> Weights[T]:
    """The weights of `targets` at `now`; milliseconds, and a `slow_start` of 0 is none."""
    each = tuple([float(target.weight) for target in targets])
    if not slow_start:
        return Weights(targets, each, NEVER)
    shares = [ramp(target.state.since.load(), now, slow_start) for target in targets]
    until = NEVER if min(shares) == 1.0 else now + max(1, slow_start // SLOW_START_STEPS)
    return Weights(targets, tuple([weight * share for weight, share in zip(each, shares, strict=True)]), until)
