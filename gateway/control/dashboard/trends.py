"""Patterns and trends: errors over time by who was at fault, and traffic beside that of the time before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import gevent

from gateway.errors import KINDS
from gateway.observability.collector.history import History
from gateway.observability.collector.ring import Sample
from gateway.observability.metrics.arithmetic import OTHER, failed_tries_of, requests_of
from gateway.observability.metrics.snapshot import RouteStats, Snapshot

#: seconds of a range, seconds of its points
RANGES: Final = {"5m": (300.0, 5.0), "1h": (3600.0, 30.0), "24h": (86400.0, 600.0)}
HOUR: Final = 3600.0
#: lines of a chart and rows of a table; what is beyond them is "(other)"
LINES: Final = 6
ROWS: Final = 20

_SOURCES: Final = {kind.slug: kind.source for kind in KINDS}
_STATUSES: Final = {kind.slug: f"{kind.status // 100}xx" for kind in KINDS}


@dataclass(frozen=True, slots=True)
class ErrorTotals:
    """What is told of a point: how many requests, and what failed by whose fault, of which type, at which upstream."""

    requests: int
    sources: Counter[str]
    types: Counter[str]
    upstreams: Counter[str]

    @staticmethod
    def of(figures: Snapshot) -> ErrorTotals:
        """Of the figures of a point."""
        found = [each for route in figures.routes.values() for each in fault(route)]
        return ErrorTotals(
            sum(map(requests_of, figures.routes.values())),
            _counted((source, count) for source, _, count in found),
            _counted((slug, count) for _, slug, count in found),
            _counted((name, failed_tries_of(calls)) for name, calls in figures.upstreams.items()),
        )

    def plus(self, other: ErrorTotals) -> ErrorTotals:
        """Both together."""
        return ErrorTotals(
            self.requests + other.requests,
            self.sources + other.sources,
            self.types + other.types,
            self.upstreams + other.upstreams,
        )


NO_SUM: Final = ErrorTotals(0, Counter(), Counter(), Counter())


class Trends:
    """Looks at each point of the history once: what it was does not change."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._sums: dict[str, dict[float, ErrorTotals]] = {}

    def of(self, name: str) -> dict[str, Any]:
        """All of it for a range of RANGES, as JSON; rates are a second."""
        seconds, step = RANGES[name]
        now, both = self._history.since(seconds), self._history.since(2 * seconds)
        return {
            "range": name,
            "seconds": seconds,
            "errors": self._errors(name, seconds, step),
            "hours": self._hours(),
            "methods": _rows(_methods(now), _methods(both)),
            "routes": _rows(_routes(now), _routes(both)),
            "clients": [{"name": client, "requests": requests} for client, requests in now.clients[:ROWS]],
        }

    def _summed(self, name: str, points: list[Sample]) -> list[ErrorTotals]:
        """A sum for each point; those of before are kept as long as they are asked for."""
        known = self._sums.get(name, {})
        sums: dict[float, ErrorTotals] = {}
        for point in points:
            found = known.get(point.at)
            if found is None:
                found = ErrorTotals.of(point.figures)
                gevent.sleep(0)  # the first look at all of them takes a while: the observer goes on meanwhile
            sums[point.at] = found
        self._sums[name] = sums
        return [sums[point.at] for point in points]

    def _errors(self, name: str, seconds: float, step: float) -> dict[str, Any]:
        points = self._history.steps(seconds)
        groups: dict[int, tuple[float, float, ErrorTotals]] = {}
        for point, found in zip(points, self._summed(name, points), strict=True):
            number = int((point.at - 1e-6) // step)
            _, length, before = groups.get(number, (0.0, 0.0, NO_SUM))
            groups[number] = point.at, length + point.seconds, before.plus(found)
        lengths = [length for _, length, _ in groups.values()]
        sums = [found for *_, found in groups.values()]
        return {
            "times": [round(at, 3) for at, *_ in groups.values()],
            "sources": {
                source: _rates([each.sources for each in sums], lengths, [source])
                for source in ("client", "upstream", "gateway")
            },
            "types": _lines([each.types for each in sums], lengths),
            "upstreams": _lines([each.upstreams for each in sums], lengths),
        }

    def _hours(self) -> dict[str, Any]:
        """Requests of each of the last 24 hours of the clock, with the one that runs, and of the same a day before."""
        current = int(self._history.now // HOUR)
        points = self._history.steps(48 * HOUR)
        ended = points[-1].at if points else 0.0
        # What came since the last of these has ended is in the finest ring.
        lately = [point for point in self._history.steps(300.0) if point.at > ended]
        counts: Counter[int] = Counter()
        for kind, some in (("hours", points), ("lately", lately)):
            for point, found in zip(some, self._summed(kind, some), strict=True):
                # A point belongs to the hour in which most of it lies.
                counts[int((point.at - point.seconds / 2) // HOUR)] += found.requests
        hours = range(current - 23, current + 1)
        return {
            "times": [hour * HOUR for hour in hours],
            "now": [counts.get(hour) for hour in hours],
            "before": [counts.get(hour - 24) for hour in hours],
        }


def fault(route: RouteStats) -> Iterator[tuple[str, str, int]]:
    """(source, type, answers) of what went wrong: the gateway's own errors, and what upstreams answered."""
    own: Counter[str] = Counter()
    for slug, count in route.errors.items():
        own[_STATUSES.get(slug, "5xx")] += count
        yield _SOURCES.get(slug, "gateway"), slug, count
    classes: Counter[str] = Counter()
    for (_, status), count in route.requests.items():
        classes[status] += count
    for status, source in (("4xx", "client"), ("5xx", "upstream")):
        if (more := classes[status] - own[status]) > 0:
            yield source, f"answered {status}", more


def _counted(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, count in pairs:
        if count:
            found[name] += count
    return found


def _rates(points: list[Counter[str]], lengths: list[float], names: Collection[str]) -> list[float]:
    """How many a second there were of `names` together, at each point."""
    counts = (sum(point[name] for name in names) for point in points)
    return [round(count / seconds, 3) if seconds else 0.0 for count, seconds in zip(counts, lengths, strict=True)]


def _lines(points: list[Counter[str]], lengths: list[float]) -> dict[str, list[float]]:
    """The most frequent ones, each over time, and what is left."""
    total: Counter[str] = Counter()
    for point in points:
        total.update(point)
    kept = [name for name, _ in total.most_common(LINES if len(total) <= LINES else LINES - 1) if name != OTHER]
    lines = {name: _rates(points, lengths, [name]) for name in kept}
    if len(kept) < len(total):
        lines[OTHER] = _rates(points, lengths, total.keys() - kept)
    return lines


def _methods(figures: Snapshot) -> Counter[str]:
    return _counted(
        (method, count) for route in figures.routes.values() for (method, _), count in route.requests.items()
    )


def _routes(figures: Snapshot) -> Counter[str]:
    return _counted((name, requests_of(route)) for name, route in figures.routes.items())


def _rows(now: Counter[str], both: Counter[str]) -> list[dict[str, Any]]:
    """What came in the range and in the one before it, the most first; `both` is what came in the two of them."""
    before = both - now
    names = sorted({*now, *before}, key=lambda name: (-now[name], -before[name], name))
    return [{"name": name, "requests": now[name], "before": before[name]} for name in names[:ROWS]]
