"""Leased limits of several hosts, request by request: how far beyond the limit they let in, and how far below.

What each host keeps is what gateway/ratelimit/redis_leased.py keeps: a bucket of what is known of all hosts, a lease of
what is not said yet, and every 10 ms a round trip that says it and learns what the bucket owes.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from perf.simulation.engine import Engine

LIFE = 4.0  # seconds in which a lease is free again by itself
PAUSE = 0.01


class Bucket:
    """What is owed of `burst`, at `rate` a second."""

    __slots__ = ("owed", "rate", "time")

    def __init__(self, rate: float) -> None:
        self.rate, self.owed, self.time = rate, 0.0, 0.0

    def at(self, now: float) -> float:
        """What is owed now."""
        self.owed = max(0.0, self.owed - self.rate * (now - self.time))
        self.time = now
        return self.owed


def lease(rate: float, burst: float) -> float:
    """The units that a host may let in before the Redis knows (gateway.ratelimit.redis_leased.lease)."""
    return min(burst, max(1.0, rate // 10, burst // 10))


class Host:
    """One host of the limit."""

    def __init__(self, run: Run, demand: float, seed: int) -> None:
        self.run, self.demand, self.random = run, demand, Random(seed)
        whole = lease(run.rate, run.burst)
        self.whole, self.room = whole, max(1.0, whole - whole // 16)
        self.known, self.leased = Bucket(run.rate), Bucket(self.room / LIFE)
        self.unsaid = 0
        self.is_saying = False
        self._next()

    def _next(self) -> None:
        self.run.engine.after(self.random.expovariate(self.demand), self._ask)

    def _ask(self) -> None:
        now = self.run.engine.now
        self.run.asked += 1
        if self.known.at(now) + 1 <= self.run.burst and self.leased.at(now) + 1 <= self.room:
            self.known.owed += 1
            self.leased.owed += 1
            self.unsaid += 1
            self.run.let_in(now)
        if not self.is_saying and self.unsaid:
            self.is_saying = True
            self._say()
        self._next()

    def _say(self) -> None:
        said, self.unsaid = self.unsaid, 0
        engine, half = self.run.engine, self.run.rtt / 2

        def arrive() -> None:
            bucket = self.run.shared
            owed = bucket.owed = bucket.at(engine.now) + said
            engine.after(half, lambda: self._learn(said, owed))

        engine.after(half, arrive)

    def _learn(self, said: int, owed: float) -> None:
        now = self.run.engine.now
        known = self.known.at(now)
        self.known.owed = max(known, owed)
        if known - owed - self.whole > 0:
            self.known.owed = owed + self.whole
        self.leased.owed = max(0.0, self.leased.at(now) - said)
        if self.unsaid:
            self.run.engine.after(PAUSE, self._say)
        else:
            self.is_saying = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was let in, and the most that went beyond the limit in any stretch of time; `bound` is a lease a host."""

    asked: int
    admitted: int
    share: float  # of rate x seconds + burst
    over: float  # requests
    bound: float


class Run:
    """`hosts` share a limit and are asked for `pressure` times what it admits."""

    def __init__(self, hosts: int, rate: float, burst: float, pressure: float, rtt: float, seed: int) -> None:
        self.rate, self.burst, self.rtt = rate, burst, rtt
        self.engine = Engine()
        self.shared, self.ideal = Bucket(rate), Bucket(rate)
        self.asked = self.admitted = 0
        self.over = 0.0
        self.bound = hosts * lease(rate, burst)
        for number in range(hosts):
            Host(self, rate * pressure / hosts, seed * 1009 + number)

    def let_in(self, now: float) -> None:
        """One more; what a single bucket of the limit would owe by now says how many are too many."""
        self.admitted += 1
        self.ideal.owed = self.ideal.at(now) + 1
        self.over = max(self.over, self.ideal.owed - self.burst)

    def result(self, seconds: float) -> Found:
        """Run for so long."""
        self.engine.run(seconds)
        return Found(
            self.asked, self.admitted, self.admitted / (self.rate * seconds + self.burst), self.over, self.bound
        )
