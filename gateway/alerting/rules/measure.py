"""Signals read from what a window of the meter holds. None: there is nothing to tell it by, which is not zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gateway.alerting.rules.signals import QUANTILES
from gateway.alerting.rules.terms import Call
from gateway.observability.metrics.snapshot import Histogram, RouteStats, Snapshot, UpstreamStats

_REFUSALS: Final = ("rate-limited", "blocked")
_FROM_CACHE: Final = ("cache_hit", "cache_stale")
_OF_CACHE: Final = (*_FROM_CACHE, "cache_miss")


def measure(call: Call, figures: Snapshot, covered: float) -> float | None:
    """The value of a signal with a window; `figures` are differences over `covered` seconds."""
    if call.signal in ("upstream_error_rate", "upstream_p99"):
        tries = figures.upstreams.get(call.upstream or "")
        return None if tries is None else _of_upstream(call, tries)
    routes = _routes(figures, call.route)
    if call.signal == "requests":
        return sum(map(_ended, routes)) / covered if covered > 0 else None
    return _OF_ROUTES[call.signal](call, routes)


def _routes(figures: Snapshot, name: str | None) -> list[RouteStats]:
    if name is None:
        return list(figures.routes.values())
    return [figures.routes[name]] if name in figures.routes else []


def _ended(route: RouteStats) -> int:
    return sum(route.requests.values())


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def _class_share(name: str) -> Callable[[Call, list[RouteStats]], float | None]:
    def share(call: Call, routes: list[RouteStats]) -> float | None:
        part = sum(count for each in routes for (_, status), count in each.requests.items() if status == name)
        return _share(part, sum(map(_ended, routes)))

    return share


def _quantile(call: Call, routes: list[RouteStats]) -> float | None:
    return _of(merged(each.duration for each in routes), QUANTILES[call.signal])


def _slow(call: Call, routes: list[RouteStats]) -> float | None:
    whole = merged(each.duration for each in routes)
    if whole is None or whole.count <= 0:
        return None
    return _share(whole.count - whole.at_most(call.limit), whole.count)


def _limited(call: Call, routes: list[RouteStats]) -> float | None:
    return _share(sum(_sum(each.errors, _REFUSALS) for each in routes), sum(map(_ended, routes)))


def _cached(call: Call, routes: list[RouteStats]) -> float | None:
    hits = sum(_sum(each.outcomes, _FROM_CACHE) for each in routes)
    return _share(hits, sum(_sum(each.outcomes, _OF_CACHE) for each in routes))


def _sum(counts: Mapping[str, int], names: Iterable[str]) -> int:
    return sum(counts.get(name, 0) for name in names)


_OF_ROUTES: Final[Mapping[str, Callable[[Call, list[RouteStats]], float | None]]] = {
    "error_rate": _class_share("5xx"),
    "client_error_rate": _class_share("4xx"),
    "p50": _quantile,
    "p95": _quantile,
    "p99": _quantile,
    "slow": _slow,
    "limited": _limited,
    "cache_hit_rate": _cached,
}


def _of_upstream(call: Call, tries: UpstreamStats) -> float | None:
    if call.signal == "upstream_p99":
        return _of(tries.duration, QUANTILES[call.signal])
    failed = sum(tries.failures.values())
    return _share(failed + tries.answers.get("5xx", 0), failed + sum(tries.answers.values()))


def merged(histograms: Iterable[Histogram]) -> Histogram | None:
    """All of them together; None for none."""
    whole: Histogram | None = None
    for each in histograms:
        whole = each if whole is None else whole.plus(each)
    return whole


def _of(histogram: Histogram | None, share: float) -> float | None:
    if histogram is None or histogram.count <= 0:
        return None
    value = histogram.quantile(share)
    return None if math.isnan(value) else value
