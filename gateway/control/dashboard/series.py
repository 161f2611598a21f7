"""Time series as JSON: for a chart, and for a heatmap of latencies."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from typing import Any, Final

import gevent

from gateway.control.dashboard.rows import ms, share
from gateway.observability.collector.history import History
from gateway.observability.metrics.arithmetic import NO_ROUTE, all_routes, errors_of, requests_of
from gateway.observability.metrics.snapshot import Histogram, RouteStats

#: at most so many points of a series
POINTS: Final = 300
#: upper edges of the heatmap's rows, seconds: two for each doubling from 0.1 ms to 74 s, and one for all above
ROWS: Final = tuple(1e-4 * 2 ** (number / 2) for number in range(40))


def of(history: History, seconds: float, route: str | None) -> dict[str, Any]:
    """One list for each figure, all as long as `times` (the end of each step, Unix seconds); None for all routes.

    `heatmap` has for each step the rows that are not empty, as [row, count]; row n ends at `edges_ms[n]`, and the one
    beyond the last is for all above.
    """
    points = history.steps(seconds, seconds / POINTS)
    steps = []
    for point in points:
        steps.append(_route(point.figures.routes, route))
        gevent.sleep(0)  # PERF: all routes of all points take 0.2 s where they are 100; the observer goes on meanwhile
    lengths = [max(point.seconds, 1e-3) for point in points]
    return {
        "route": route,
        "step": round(max((each for each in lengths), default=0.0), 3),
        "times": [round(point.at, 3) for point in points],
        "requests_per_second": [round(requests_of(each) / s, 3) for each, s in zip(steps, lengths, strict=True)],
        "error_rate": [share(errors_of(each), requests_of(each)) for each in steps],
        "p50_ms": [ms(each.duration.quantile(0.5)) for each in steps],
        "p95_ms": [ms(each.duration.quantile(0.95)) for each in steps],
        "p99_ms": [ms(each.duration.quantile(0.99)) for each in steps],
        "upstream_p50_ms": [ms(each.upstream_time.quantile(0.5)) for each in steps],
        "gateway_p50_ms": [ms(each.gateway_time.quantile(0.5)) for each in steps],
        "classes": {
            name: [_class(each, name) for each in steps] for name in ("1xx", "2xx", "3xx", "4xx", "5xx")
        },
        "heatmap": [heat(each.duration) for each in steps],
        "edges_ms": [round(edge * 1000, 3) for edge in ROWS],
    }  # fmt: skip


def newest(history: History, seconds: float) -> dict[str, Any] | None:
    """The last point that `of` has of all routes, for a chart that has the others; None before the first."""
    points = history.steps(seconds)
    if not points:
        return None
    last = points[-1]
    total = all_routes(last.figures.routes.values())
    return {
        "at": round(last.at, 3),
        "seconds": round(last.seconds, 3),
        "classes": {name: _class(total, name) for name in ("1xx", "2xx", "3xx", "4xx", "5xx")},
        "p50_ms": ms(total.duration.quantile(0.5)),
        "p95_ms": ms(total.duration.quantile(0.95)),
        "p99_ms": ms(total.duration.quantile(0.99)),
    }


def heat(durations: Histogram) -> list[list[int]]:
    """[row, count] of the rows of ROWS that are not empty."""
    rows: Counter[int] = Counter()
    for edge, count in durations.buckets():
        # A bucket ends at most 3 % above what it counts, so that what lies on an edge is below it.
        rows[bisect_left(ROWS, edge * 0.985) if math.isfinite(edge) else len(ROWS)] += count
    return [[row, rows[row]] for row in sorted(rows)]


def _route(routes: Any, name: str | None) -> RouteStats:
    return all_routes(routes.values()) if name is None else routes.get(name, NO_ROUTE)


def _class(route: RouteStats, name: str) -> int:
    return sum(count for (_, status), count in route.requests.items() if status == name)
