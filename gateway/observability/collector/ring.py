"""A ring of what happened: one point for each step of time, of bounded number and bounded size."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Final, TypeVar

from gateway.observability.metrics.arithmetic import OTHER, all_calls, all_routes, difference, requests_of, tries_of
from gateway.observability.metrics.snapshot import RouteStats, Snapshot, UpstreamStats

K = TypeVar("K")

#: routes with detail of their own in one point, at most and at least
MOST: Final = 256
LEAST: Final = 4


@dataclass(frozen=True, slots=True)
class First:
    """What keeps detail of its own before what is busier: what the rules of alerts name."""

    routes: frozenset[str] = frozenset()
    upstreams: frozenset[str] = frozenset()


NOBODY: Final = First()


@dataclass(frozen=True, slots=True)
class Sample:
    """What came in one step that ended at `at` (wall clock) after so many seconds."""

    at: float
    seconds: float
    figures: Snapshot
    #: about what it takes of memory, bytes
    size: int


class TimeSeriesRing:
    """`capacity` points of `step` seconds in `budget` bytes: the less is left, the less detail has a new point."""

    def __init__(self, step: float, capacity: int, budget: int) -> None:
        self.step = step
        self.capacity = capacity
        self.points: deque[Sample] = deque()
        self.size = 0
        self.detail = MOST
        self.first = NOBODY
        self._budget = budget
        self._base: Snapshot | None = None
        self._began = 0.0

    @property
    def span(self) -> float:
        """Seconds that it can hold."""
        return self.step * self.capacity

    def add(self, now: float, figures: Snapshot) -> tuple[Sample | None, list[Sample]]:
        """A reading at `now`: (the point that it ends, if any; the points that had to go for it)."""
        if self._base is None:
            self._base, self._began = figures, now
            return None, []
        # A clock that was set back begins anew; the points stay.
        if now < self._began or now - self._began < self.step - 0.01:
            self._began = min(self._began, now)
            return None, []
        gone = self._make_room(now)
        point = self._fitting(Sample(now, now - self._began, difference(figures, self._base), 0))
        self._base, self._began = figures, now
        self.points.append(point)
        self.size += point.size
        return point, gone

    def begun(self, now: float, figures: Snapshot) -> Sample | None:
        """The point that has not ended yet, as it would be now."""
        if self._base is None or figures is self._base:
            return None
        came = downsample(difference(figures, self._base), self.detail, self.first)
        return Sample(now, max(0.0, now - self._began), came, 0)

    def _make_room(self, now: float) -> list[Sample]:
        gone = []
        while self.points and (len(self.points) >= self.capacity or self.points[0].at <= now - self.span):
            gone.append(self.points.popleft())
            self.size -= gone[-1].size
        return gone

    def _fitting(self, point: Sample) -> Sample:
        """With detail for as many as there is room for: a fair share, and an eighth of what others left of theirs."""
        fair = self._budget // self.capacity
        spare = self._budget - self.size - fair * (self.capacity - len(self.points))
        allowed = fair + max(0, spare) // 8
        self.detail = min(MOST, self.detail * 2)
        while True:
            figures = downsample(point.figures, self.detail, self.first)
            size = size_of(figures)
            if size <= allowed or self.detail <= LEAST:
                return replace(point, figures=figures, size=size)
            self.detail //= 2


def downsample(figures: Snapshot, most: int, first: First = NOBODY) -> Snapshot:
    """The same with detail for `most` routes, upstreams and targets, `first` and then the busiest; else "(other)"."""
    routes, upstreams, targets = figures.routes, figures.upstreams, figures.targets
    if max(len(routes), len(upstreams), len(targets)) <= most:
        return replace(figures, failures=(), clients=())
    return replace(
        figures, routes=_routes(routes, most, first.routes), upstreams=_calls(upstreams, most, OTHER, first.upstreams),
        targets=_calls(targets, most, (OTHER, OTHER)), failures=(), clients=(),
    )  # fmt: skip


def _routes(routes: Mapping[str, RouteStats], most: int, first: frozenset[str]) -> Mapping[str, RouteStats]:
    if len(routes) <= most:
        return routes
    kept = set(nlargest(most, routes, key=lambda name: (name in first, requests_of(routes[name]))))
    chosen = {name: each for name, each in routes.items() if name in kept and name != OTHER}
    return {**chosen, OTHER: all_routes(each for name, each in routes.items() if name not in chosen)}


def _calls(
    calls: Mapping[K, UpstreamStats], most: int, other: K, first: frozenset[K] = frozenset()
) -> Mapping[K, UpstreamStats]:
    if len(calls) <= most:
        return calls
    kept = set(nlargest(most, calls, key=lambda name: (name in first, tries_of(calls[name]))))
    chosen = {name: each for name, each in calls.items() if name in kept and name != other}
    return {**chosen, other: all_calls(each for name, each in calls.items() if name not in chosen)}


def size_of(figures: Snapshot) -> int:
    """About what figures take of memory: ten bytes for each bucket in use, and the objects around them."""
    size = 700
    for route in figures.routes.values():
        size += 900 + 100 * (len(route.requests) + len(route.errors) + len(route.outcomes))
        size += 10 * sum(len(each.buckets()) for each in (route.duration, route.upstream_time, route.gateway_time))
    for calls in (*figures.upstreams.values(), *figures.targets.values()):
        size += 600 + 100 * (len(calls.answers) + len(calls.failures)) + 10 * len(calls.duration.buckets())
    return size
