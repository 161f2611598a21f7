"""One host, request by request: a core that gateway workers share, and one where load and upstream are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from perf.simulation.engine import Engine, Event, Station
from perf.stats import percentile

FIRST = 0.5  # of a request's CPU is spent before it goes to the upstream, the rest when the answer came


@dataclass(frozen=True, slots=True)
class Seen:
    """What a load saw; `busy` is the share of the gateway's cores that it used."""

    rps: float
    busy: float
    p50_ms: float
    p99_ms: float


class Host:
    """Gateway cores and the core of load and upstream; or, where they are the same, `cores` for all of it.

    `share` is how much of a core who is never idle gets; the rest is the kernel's, the host's, and others'.
    """

    def __init__(
        self,
        gateway_us: float,
        load_us: float,
        cores: int = 1,
        is_shared: bool = False,
        wake_us: float = 0.0,
        share: float = 1.0,
    ) -> None:
        self.engine = Engine()
        self.share = share
        self.gateway, self.load = gateway_us / 1e6, load_us / 1e6
        self.cores = cores
        self.worker = Station(self.engine, cores, wake_us / 1e6 / 2)  # a request finds it idle twice at most
        self.other = self.worker if is_shared else Station(self.engine)
        self.spent = 0.0  # CPU seconds of the gateway, but for waking
        self.took: list[float] = []

    def closed(self, connections: int, seconds: float) -> Seen:
        """Each connection asks again as soon as it was answered, as wrk."""

        def again() -> None:
            self.request(again)

        for _ in range(connections):
            again()
        return self._seen(seconds)

    def open(self, rate: float, seconds: float, random: Random | None = None) -> Seen:
        """So many a second, evenly or, with a `random`, at any time; whether or not they are answered."""

        def due() -> None:
            self.engine.after(random.expovariate(rate) if random else 1 / rate, due)
            self.request(lambda: None)

        due()
        return self._seen(seconds)

    def request(self, then: Event) -> None:
        """One: half of the load's work, the gateway's first part, the upstream, the gateway's second part."""
        begun = self.engine.now
        self.other.work(self.load / 2 / self.share, lambda: self._there(begun, then))

    def _there(self, begun: float, then: Event) -> None:
        first = self.gateway * FIRST

        def at_upstream() -> None:
            self.spent += first
            self.other.work(self.load / 2 / self.share, back)

        def back() -> None:
            self.worker.work((self.gateway - first) / self.share, answered)

        def answered() -> None:
            self.spent += self.gateway - first
            self.took.append(self.engine.now - begun)
            then()

        self.worker.work(first / self.share, at_upstream)

    def _seen(self, seconds: float) -> Seen:
        self.engine.run(seconds)
        took = sorted(self.took)
        p50, p99 = ((1e3 * percentile(took, share) if took else math.nan) for share in (0.5, 0.99))
        spent = self.spent if self.other is self.worker else self.worker.busy * self.share
        return Seen(len(took) / seconds, spent / seconds / self.cores, p50, p99)
