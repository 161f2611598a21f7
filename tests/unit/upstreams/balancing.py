"""Targets that are no more than what a balancer looks at, and an exchange to pick for."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.exchanges import exchange


class Word:
    """A word of the shared page."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def load(self) -> int:
        return self.value


class State:
    """The load of a target; a peak EWMA as the shared one is: up at once, down by half in a half-life."""

    HALF_LIFE = 5_000

    def __init__(self, seconds: float = 0.0) -> None:
        self.since = Word()
        self.now = 0
        self.seconds = seconds
        self.seen = 0
        self.fades = False

    def inflight(self) -> int:
        return self.now

    def latency(self, now_ms: int) -> float:
        return self.seconds * 0.5 ** ((now_ms - self.seen) / self.HALF_LIFE) if self.fades else self.seconds

    def observe(self, now_ms: int, seconds: float) -> None:
        old, kept = self.latency(now_ms), 0.5 ** ((now_ms - self.seen) / self.HALF_LIFE)
        self.seconds = seconds if seconds > old else old * kept + seconds * (1 - kept)
        self.seen, self.fades = now_ms, True


@dataclass(frozen=True, eq=False, slots=True)
class Target:
    address: str
    weight: float = 1.0
    state: State = field(default_factory=State)


def targets(*weights: float, seconds: float = 0.01) -> tuple[Target, ...]:
    return tuple(Target(f"10.0.0.{n}:8080", weight, State(seconds)) for n, weight in enumerate(weights, 1))


def dice(seed: int = 7):
    return random.Random(seed).random


ANY = exchange(client="192.0.2.7")


def drawn(balancer, eligible, times: int = 100_000, tried=(), now: int = 0) -> list[float]:
    """The share of each target in so many picks."""
    counts = Counter(balancer.pick(eligible, ANY, now, tried) for _ in range(times))
    return [counts[target] / times for target in eligible]
