"""What pods do with requests, in two ways: each request by itself, or as a liquid.

Both take what arrives within a step and spread it evenly over the pods that the balancer knows.  A pod serves first in
first out, with as many cores as it may use; who would wait longer than `patience` is refused at once.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from perf.simulation.costs import used


@dataclass(slots=True)
class Pod:
    """One pod: when it is ready; whether it is gone though the balancer still sends to it; how busy it was."""

    ready: float
    zone: int = 0
    is_gone: bool = False
    leaves: float = math.inf  # when the balancer and the controllers stop counting with it
    queue: float = 0.0  # requests (liquid)
    came: float = 0.0  # requests of a step (by request)
    free: list[float] = field(default_factory=list)  # when each core is (by request)
    busy: float = 0.0  # CPU seconds so far
    seen: float = 0.0  # of them at the last scrape
    usage: float | None = None  # cores, as the metrics server says


@dataclass(frozen=True, slots=True)
class Step:
    """What became of the requests of a step; `wait` is the longest queue of a pod in seconds."""

    served: float = 0.0
    shed: float = 0.0
    lost: float = 0.0
    wait: float = 0.0


class Plant(Protocol):
    """How requests are served."""

    def advance(self, pods: list[Pod], now: float, seconds: float, rate: float) -> Step:
        """Let `seconds` pass."""


class Fluid:
    """Requests as a liquid: no chance, any rate; queues that come from chance alone (below full load) are not seen."""

    def __init__(self, cpu_us: float, cores: float, patience: float, wake_us: float = 0.0) -> None:
        self.cpu_us, self.wake_us, self.cores, self.patience = cpu_us, wake_us, cores, patience
        self.speed = cores * 1e6 / cpu_us

    def advance(self, pods: list[Pod], now: float, seconds: float, rate: float) -> Step:
        """See Plant."""
        if not pods:
            return Step(shed=rate * seconds)
        each = rate * seconds / len(pods)
        served = shed = lost = wait = 0.0
        for pod in pods:
            if pod.is_gone:
                lost += each
                continue
            done = min(pod.queue + each, self.speed * seconds)
            left = pod.queue + each - done
            pod.queue = min(left, self.speed * self.patience)
            pod.busy += seconds * self.cores * used(done / seconds / self.cores, self.cpu_us, self.wake_us)
            served, shed, wait = served + done, shed + left - pod.queue, max(wait, pod.queue / self.speed)
        return Step(served, shed, lost, wait)


class Requests:
    """One by one, of `scale` requests one: it costs as much as `scale` do, so pods are as full as with all of them."""

    def __init__(
        self, cpu_us: float, cores: int, patience: float, scale: float, random: Random, wake_us: float = 0.0
    ) -> None:
        self.cost, self.cores, self.patience, self.scale = cpu_us / 1e6 * scale, cores, patience, scale
        self.cpu_us, self.wake_us, self.random = cpu_us, wake_us, random

    def advance(self, pods: list[Pod], now: float, seconds: float, rate: float) -> Step:
        """See Plant."""
        random = self.random
        served = shed = lost = 0
        longest = 0.0
        count = poisson(rate * seconds / self.scale, random)
        for time in sorted(now + seconds * random.random() for _ in range(count)):
            pod = pods[random.randrange(len(pods))] if pods else None
            if pod is None:
                shed += 1
            elif pod.is_gone:
                lost += 1
            else:
                pod.free = pod.free or [0.0] * self.cores
                wait = max(0.0, pod.free[0] - time)
                longest = max(longest, wait)
                if wait > self.patience:
                    shed += 1
                    continue
                heapq.heapreplace(pod.free, time + wait + self.cost)
                pod.came += self.scale
                served += 1
        for pod in pods:
            if pod.came:
                rate, pod.came = pod.came / seconds / self.cores, 0.0
                # NOTE: more of a sample may come within a step than a pod can do; it is busy later with that
                whole = used(rate, self.cpu_us, self.wake_us) if rate < 1e6 / self.cpu_us else rate * self.cpu_us / 1e6
                pod.busy += seconds * self.cores * whole
        return Step(served * self.scale, shed * self.scale, lost * self.scale, longest)


def poisson(mean: float, random: Random) -> int:
    """A number of arrivals; for many of them the normal distribution is as good."""
    if mean > 500:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
