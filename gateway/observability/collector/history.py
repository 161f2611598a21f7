"""History of the last seconds, hours and three days, kept in memory.

    300 points of 1 s, 360 of 10 s, 576 of 5 minutes, 150 of half an hour

Each point is the difference of two readings, with detail for at most 256 routes: those that alerts name, then the
busiest. The rings hold about 24, 24, 36 and 12 MB at most: where there is less room left, new points have detail of
fewer routes. So all of it takes under 100 MB, whatever comes; a gateway of ten busy routes needs about 25 MB. It is
gone when the observer ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from gateway.observability.collector.ring import First, Sample, TimeSeriesRing
from gateway.observability.metrics.arithmetic import (
    calls_minus,
    calls_plus,
    has_calls,
    has_route,
    route_minus,
    route_plus,
)
from gateway.observability.metrics.snapshot import RouteStats, Snapshot, UpstreamStats

K = TypeVar("K")
V = TypeVar("V", RouteStats, UpstreamStats)

#: seconds of a step, how many there are, and how many bytes they may take
STEPS: Final = ((1.0, 300, 24 << 20), (10.0, 360, 24 << 20), (300.0, 576, 36 << 20), (1800.0, 150, 12 << 20))
#: windows that are kept up to date: more than alerts ask for
WINDOWS: Final = 64
NO_FIGURES: Final = Snapshot(0.0, {}, {}, {}, (), (), 0)


class Window:
    """The sum of the newest points of one ring, kept by adding what comes and taking away what goes."""

    def __init__(self, ring: TimeSeriesRing, points: int) -> None:
        self._ring = ring
        self._count = points
        self._held = 0
        self._routes: dict[str, RouteStats] = {}
        self._upstreams: dict[str, UpstreamStats] = {}
        self._targets: dict[tuple[str, str], UpstreamStats] = {}
        self._overflow = 0
        for point in list(ring.points)[-points:]:
            self._add(point.figures)

    def came(self, gone: list[Sample]) -> None:
        """The ring has one point more, and lost `gone`."""
        points = self._ring.points
        self._add(points[-1].figures)
        excess = self._held - len(points)
        for point in gone[-excess:] if excess > 0 else []:
            self._take(point.figures)
        while self._held > self._count:
            self._take(points[-self._held].figures)

    def sum(self, begun: Sample | None) -> Snapshot:
        """What it holds, with the point that has not ended yet."""
        held = Snapshot(0.0, dict(self._routes), dict(self._upstreams), dict(self._targets), (), (), self._overflow)
        return held if begun is None else together([held, begun.figures])

    def _add(self, figures: Snapshot) -> None:
        self._held += 1
        self._overflow += figures.overflow
        _into(self._routes, self._upstreams, self._targets, figures)

    def _take(self, figures: Snapshot) -> None:
        self._held -= 1
        self._overflow -= figures.overflow
        for name, route in figures.routes.items():
            left = route_minus(self._routes.pop(name), route)
            if has_route(left):
                self._routes[name] = left
        for name, calls in figures.upstreams.items():
            rest = calls_minus(self._upstreams.pop(name), calls)
            if has_calls(rest):
                self._upstreams[name] = rest
        for key, calls in figures.targets.items():
            rest = calls_minus(self._targets.pop(key), calls)
            if has_calls(rest):
                self._targets[key] = rest


class History:
    """Fed once a second; the methods that ask it take what was fed last as the present."""

    def __init__(self) -> None:
        self.now = 0.0
        self.current = NO_FIGURES
        self._rings = [TimeSeriesRing(*each) for each in STEPS]
        self._windows: OrderedDict[tuple[int, int], Window] = OrderedDict()

    @property
    def size(self) -> int:
        """About what it takes of memory, bytes."""
        return sum(ring.size for ring in self._rings)

    def keep(self, first: First) -> None:
        """Have detail of these before others, from now on."""
        for ring in self._rings:
            ring.first = first

    def add(self, now: float, figures: Snapshot) -> None:
        """A reading, at `now` of the wall clock."""
        self.now, self.current = now, figures
        for index, ring in enumerate(self._rings):
            point, gone = ring.add(now, figures)
            if point is not None:
                for (of, _), window in self._windows.items():
                    if of == index:
                        window.came(gone)

    def since(self, seconds: float, now: float | None = None) -> Snapshot:
        """What came in the last `seconds`, to the step of the finest ring that reaches so far back.

        In flight and clients are the present ones, failures those of that time. `now` is always that of the last
        reading; it may be given for clarity. Never waits; costs what the routes cost that were busy in that time.
        """
        index = next((at for at, ring in enumerate(self._rings) if seconds <= ring.span), len(self._rings) - 1)
        ring = self._rings[index]
        begun = ring.begun(self.now, self.current) if index else None
        count = max(1, round(seconds / ring.step) - (begun is not None))
        key = index, min(count, ring.capacity)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(ring, key[1])
            if len(self._windows) > WINDOWS:
                self._windows.popitem(last=False)
        self._windows.move_to_end(key)
        return self._present(window.sum(begun), self.now - seconds)

    def points(self, seconds: float, step: float = 0.0) -> list[tuple[float, Snapshot]]:
        """(end, what came) for each `step` of the last `seconds`, the oldest first; gaps are left out."""
        return [(point.at, point.figures) for point in self.steps(seconds, step)]

    def steps(self, seconds: float, step: float = 0.0) -> list[Sample]:
        """The same with how long each took. A step is at least that of the finest ring that reaches so far back."""
        ring = next((each for each in self._rings if seconds <= each.span), self._rings[-1])
        found = [point for point in ring.points if point.at > self.now - seconds]
        merge = max(1, round(step / ring.step))
        return found if merge == 1 else _merged(found, ring.step * merge)

    def covered(self) -> float:
        """Seconds for which there is anything."""
        oldest = [ring.points[0].at - ring.points[0].seconds for ring in self._rings if ring.points]
        return self.now - min(oldest) if oldest else 0.0

    def _present(self, came: Snapshot, since: float) -> Snapshot:
        current = self.current
        return replace(
            came,
            at=current.at,
            routes=_in_flight(came.routes, current.routes, route_minus),
            upstreams=_in_flight(came.upstreams, current.upstreams, calls_minus),
            targets=_in_flight(came.targets, current.targets, calls_minus),
            failures=tuple(each for each in current.failures if each.at > since),
            clients=current.clients,
        )


def _in_flight(came: Mapping[K, V], current: Mapping[K, V], minus: Callable[[V, V], V]) -> dict[K, V]:
    """What came, with what is in flight now; of what nothing came to, those alone that have something in flight."""
    found = {}
    for key, each in came.items():
        now = current.get(key)
        found[key] = replace(each, in_flight=0 if now is None else now.in_flight)
    for key, now in current.items():
        if now.in_flight and key not in found:
            found[key] = minus(now, now)
    return found


def together(all_figures: list[Snapshot]) -> Snapshot:
    """The sum of several differences."""
    routes: dict[str, RouteStats] = {}
    upstreams: dict[str, UpstreamStats] = {}
    targets: dict[tuple[str, str], UpstreamStats] = {}
    for figures in all_figures:
        _into(routes, upstreams, targets, figures)
    return Snapshot(0.0, routes, upstreams, targets, (), (), sum(each.overflow for each in all_figures))


def _into(
    routes: dict[str, RouteStats],
    upstreams: dict[str, UpstreamStats],
    targets: dict[tuple[str, str], UpstreamStats],
    more: Snapshot,
) -> None:
    for name, route in more.routes.items():
        had = routes.get(name)
        routes[name] = route if had is None else route_plus(had, route)
    for name, calls in more.upstreams.items():
        known = upstreams.get(name)
        upstreams[name] = calls if known is None else calls_plus(known, calls)
    for key, calls in more.targets.items():
        known = targets.get(key)
        targets[key] = calls if known is None else calls_plus(known, calls)


def _merged(points: list[Sample], step: float) -> list[Sample]:
    groups: dict[int, list[Sample]] = {}
    for point in points:
        # A point belongs to the step in whose middle or end it ends.
        groups.setdefault(int((point.at - 1e-6) // step), []).append(point)
    return [
        Sample(each[-1].at, sum(one.seconds for one in each), together([one.figures for one in each]), 0)
        for each in groups.values()
    ]
