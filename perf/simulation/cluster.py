"""Pods under a HorizontalPodAutoscaler, with everything that is late about it: scrapes, looks, and pods that start."""

from __future__ import annotations

from dataclasses import dataclass

from perf.simulation.hpa import Autoscaler, Policy, Rules
from perf.simulation.plants import Plant, Pod, Step
from perf.simulation.shapes import Rate

ZONES = 3
#: as the chart writes `behavior` (gateway.behavior)
UP = Rules((Policy("Percent", 100, 15), Policy("Pods", 4, 15)))
DOWN = Rules((Policy("Percent", 10, 60), Policy("Pods", 2, 60)), window=300, select="Min")


@dataclass(frozen=True, slots=True)
class Setting:
    """The chart's values, and what the cluster does; times in seconds, CPU in cores."""

    least: int = 3
    most: int = 30
    target: float = 0.7
    request: float = 0.5
    limit: float = 2.0
    workers: int = 2
    start: float = 5.5  # from replicas to a Ready pod: scheduling and image, cold start, startup and readiness probes
    scrape: float = 15.0  # metrics server: how often, and over how long it averages
    look: float = 15.0  # of the autoscaler
    behind: float = 7.0  # how long after a scrape the autoscaler looks
    notice: float = 50.0  # until a node that is gone is NotReady and its pods get no more requests
    evict: float = 300.0  # until its pods are replaced (tolerationSeconds)

    @property
    def cores(self) -> float:
        """How many a pod can use."""
        return min(self.limit, self.workers)


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a run: per-second figures of the time since the one before."""

    time: float
    rate: float
    served: float
    shed: float
    lost: float
    wait: float
    ready: int
    replicas: int


class Cluster:
    """One run; `loss` is when a zone goes, with all of its pods at once."""

    def __init__(self, setting: Setting, plant: Plant, replicas: int, loss: float | None = None) -> None:
        self.setting, self.plant, self.loss = setting, plant, loss
        self.replicas = replicas
        self.pods = [Pod(0.0, zone) for _, zone in zip(range(replicas), _zones(), strict=False)]
        self.scaler = Autoscaler(setting.least, setting.most, setting.target, UP, DOWN)

    def run(self, rate: Rate, seconds: float, step: float = 0.1, every: float = 1.0) -> list[Moment]:
        """All moments, `every` so many seconds."""
        found: list[Moment] = []
        total, longest = [0.0] * 4, 0.0
        per, scrape = round(every / step), round(self.setting.scrape / step)
        look, phase = round(self.setting.look / step), round(self.setting.behind / step)
        for number in range(round(seconds / step)):
            now = number * step
            self._events(now, step)
            if number % scrape == 0 and number:
                self._scrape(now)
            if number % look == phase and now > self.setting.scrape:
                self._look(now)
            made = self.plant.advance(self._known(now), now, step, rate(now))
            total = [a + b for a, b in zip(total, (made.served, made.shed, made.lost, rate(now) * step), strict=True)]
            longest = max(longest, made.wait)
            if (number + 1) % per == 0:
                served, shed, lost, asked = (each / every for each in total)
                ready = sum(not pod.is_gone and pod.ready <= now for pod in self.pods)
                found.append(Moment(now + step, asked, served, shed, lost, longest, ready, self.replicas))
                total, longest = [0.0] * 4, 0.0
        return found

    def _known(self, now: float) -> list[Pod]:
        """The pods that requests are sent to."""
        return [
            pod for pod in self.pods
            if pod.ready <= now and (not pod.is_gone or (self.loss or 0.0) + self.setting.notice > now)
        ]  # fmt: skip

    def _events(self, now: float, step: float) -> None:
        if self.loss is not None and self.loss <= now < self.loss + step:
            for pod in self.pods:
                if pod.zone == 0:
                    pod.is_gone, pod.usage, pod.leaves = True, None, now + self.setting.evict
        self.pods = [pod for pod in self.pods if pod.leaves > now]
        self._fill(now)

    def _fill(self, now: float) -> None:
        """The ReplicaSet: as many pods as replicas; the youngest end first."""
        while len(self.pods) < self.replicas:
            zones = [zone for zone in range(ZONES) if zone or self.loss is None or now < self.loss]
            zone = min(zones, key=lambda each: sum(pod.zone == each and not pod.is_gone for pod in self.pods))
            self.pods.append(Pod(now + self.setting.start, zone))
        while len(self.pods) > self.replicas:
            # NOTE: what it has not answered yet is moved: a pod drains before it ends.
            last = self.pods.pop()
            for pod in self.pods:
                pod.queue += last.queue / len(self.pods)

    def _scrape(self, now: float) -> None:
        for pod in self.pods:
            if not pod.is_gone and pod.ready <= now:
                young = now - pod.ready < self.setting.scrape
                pod.usage = None if young else (pod.busy - pod.seen) / self.setting.scrape
                pod.seen = pod.busy

    def _look(self, now: float) -> None:
        used = [pod.usage / self.setting.request for pod in self.pods if pod.usage is not None]
        self.replicas = self.scaler.look(now, self.replicas, used, len(self.pods) - len(used))


def _zones() -> list[int]:
    return [number % ZONES for number in range(10_000)]


def totals(moments: list[Moment]) -> Step:
    """All of a run, in requests (moments are a second each, or alike); `wait` is the longest."""
    span = moments[0].time
    served, shed, lost = (span * sum(getattr(m, name) for m in moments) for name in ("served", "shed", "lost"))
    return Step(served, shed, lost, max(m.wait for m in moments))
