"""Many workers and one Redis, which does one thing at a time: batch by batch, as workers send them.

- exact: a request is one script call for all its limits, and waits for it; what came to a worker meanwhile goes
  together in its next round trip.  Each worker has one under way.
- leased: nobody waits; a worker says every key it let something in of, and rests 10 ms between two round trips.
- cache: a request that the worker's own memory does not answer is one GET, which goes by itself.
"""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import dataclass
from random import Random

from perf.simulation.costs import Costs
from perf.simulation.engine import Engine, Station
from perf.simulation.plants import poisson
from perf.simulation.shapes import distinct, lru_hits, zipf

BATCH, QUEUE = 256, 4096  # calls of a round trip, and that wait, as gateway.state.redis.scripts has them
PAUSE = 0.01  # seconds between two round trips of a process that says what it let in
PATIENCE = 0.1  # seconds that a request waits for an exact limit


@dataclass(frozen=True, slots=True)
class Keys:
    """Which callers there are: so many, asked for by Zipf's law; `memory` is how many answers a worker keeps."""

    count: int = 100_000
    skew: float = 1.0
    memory: int = 10_000


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a run; times in ms, of requests that wait, or where none does of the round trips."""

    calls: float  # a second
    busy: float  # share of the Redis's core
    p50_ms: float
    p99_ms: float
    refused: float  # share of requests that had no answer in time, or found no room


class Worker:
    """One process: what waits in it since when, and the round trip it has under way."""

    def __init__(self, run: Run, number: int) -> None:
        self.run, self.random = run, Random(run.seed * 100_003 + number)
        self.last = self.left = 0.0
        run.engine.after(self.random.random() * PAUSE, self.send)

    def send(self) -> None:
        """Take what came since the last round trip and still waits, at most a batch, and send it."""
        run, now = self.run, self.run.engine.now
        since, self.last = now - self.last, now
        if run.mode == "leased":
            self._ask(run.keys_of(poisson(run.each * since, self.random)), 0.0, 0.0)
            return
        # NOTE: while a round trip is late nobody joins the next one, and who waited too long has gone.
        youngest, oldest = max(0.0, since - PATIENCE), min(since, PATIENCE)
        waits = max(0.0, oldest - youngest)
        came = poisson(run.each * waits, self.random)
        run.lose(poisson(run.each * (since - waits), self.random) if since > waits else 0)
        if came or self.left:
            self._ask(came, youngest, oldest)
        else:  # who comes to a worker that has nothing under way is sent at once
            run.engine.after(self.random.expovariate(run.each), self._first)

    def _first(self) -> None:
        self.last = self.run.engine.now
        self._ask(1, 0.0, 0.0)

    def _ask(self, came: float, youngest: float, oldest: float) -> None:
        """Send, for those who have waited so long already."""
        run, sent = self.run, self.run.engine.now
        room = min(self.left + came, QUEUE)
        run.lose(self.left + came - room)
        calls = min(room, BATCH)
        self.left = room - calls
        if calls < 1:
            run.engine.after(PAUSE, self.send)
            return
        run.calls += calls

        def answered() -> None:
            took = run.engine.now - sent + run.rtt / 2
            run.answer(calls, youngest + took, oldest + took)
            rest = PAUSE if run.mode == "leased" and calls < BATCH else 0.0
            run.engine.after(run.rtt / 2 + rest, self.send)

        work = calls * run.costs.redis(run.kind, calls) / 1e6
        run.engine.after(run.rtt / 2, lambda: run.redis.work(work, answered))


class Run:
    """One rate with so many workers for some seconds."""

    def __init__(self, mode: str, costs: Costs, workers: int, rate: float, rtt: float, keys: Keys, seed: int) -> None:
        self.mode, self.costs, self.rtt, self.seed = mode, costs, rtt, seed
        self.kind = {"exact": "take2", "leased": "say", "cache": "get"}[mode]
        self.engine = Engine()
        self.redis = Station(self.engine)
        self.calls = self.lost = self.late = self.asked = 0.0
        self.waits: list[tuple[float, float]] = []
        shares = zipf(keys.count, keys.skew)
        self.each = rate / workers * (1 - lru_hits(shares, keys.memory) if mode == "cache" else 1.0)
        self._sizes = [2**power for power in range(17)]
        # each request asks a limit per client and one for all, which is one key more
        self._keys = [1 + distinct(shares, size) for size in self._sizes] if mode == "leased" else []
        for number in range(workers):
            Worker(self, number)

    def keys_of(self, requests: float) -> float:
        """How many keys so many requests are of; between two sizes that were counted, in proportion."""
        if requests < 1:
            return 0.0
        at = min(bisect(self._sizes, requests), len(self._sizes) - 1)
        low, high = self._sizes[at - 1], self._sizes[at]
        part = min(1.0, (requests - low) / (high - low))
        return self._keys[at - 1] + part * (self._keys[at] - self._keys[at - 1])

    def lose(self, requests: float) -> None:
        """No room."""
        self.lost += requests
        self.asked += requests

    def answer(self, requests: float, soonest: float, latest: float) -> None:
        """Answers came, after times that are spread evenly between these."""
        self.asked += requests
        parts = 4 if latest > soonest else 1
        for part in range(parts):
            wait = soonest + (latest - soonest) * (part + 0.5) / parts
            self.late += requests / parts if wait > PATIENCE else 0.0
            self.waits.append((wait, requests / parts))

    def result(self, seconds: float) -> Load:
        """Run for so long."""
        self.engine.run(seconds)
        busy, asked = min(1.0, self.redis.busy / seconds), max(self.asked, 1.0)
        self.waits.sort()
        p50, p99 = (1e3 * _weighted(self.waits, share) for share in (0.5, 0.99))
        return Load(self.calls / seconds, busy, p50, p99, (self.lost + self.late) / asked)


def _weighted(ordered: list[tuple[float, float]], share: float) -> float:
    whole, so_far = math.fsum(weight for _, weight in ordered) * share, 0.0
    for value, weight in ordered:
        so_far += weight
        if so_far >= whole:
            return value
    return 0.0
