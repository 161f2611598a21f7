"""Figures as JSON. Rates are a second, shares 0 to 1, times in milliseconds where the name ends in `_ms`."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from gateway._fast.token_bucket import Buckets
from gateway.observability.metrics.arithmetic import errors_of, failed_tries_of, requests_of, tries_of
from gateway.observability.metrics.snapshot import Failure, Histogram, RouteStats, UpstreamStats
from gateway.observability.metrics.worker_stats import WorkerStats


def ms(seconds: float) -> float | None:
    """Milliseconds; None for what is not known."""
    return round(seconds * 1000, 3) if math.isfinite(seconds) else None


def quantiles(durations: Histogram) -> dict[str, float | None]:
    """The usual ones, and the mean."""
    mean = durations.sum / durations.count if durations.count else math.nan
    shares = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))
    return {"mean_ms": ms(mean)} | {name: ms(durations.quantile(share)) for name, share in shares}


def share(part: int, whole: int) -> float:
    """0 where there is nothing to have a share of."""
    return round(part / whole, 6) if whole else 0.0


def route_row(name: str, route: RouteStats, seconds: float) -> dict[str, Any]:
    """A route, or several together, over so many seconds."""
    requests, errors = requests_of(route), errors_of(route)
    classes: Counter[str] = Counter()
    methods: Counter[str] = Counter()
    for (method, status), count in route.requests.items():
        classes[status] += count
        methods[method] += count
    outcomes = route.outcomes
    hits = outcomes.get("cache_hit", 0) + outcomes.get("cache_stale", 0)
    asked = hits + outcomes.get("cache_miss", 0)
    return {
        "name": name,
        "requests": requests,
        "requests_per_second": round(requests / seconds, 3),
        "errors": errors,
        "error_rate": share(errors, requests),
        "in_flight": route.in_flight,
        "bytes_per_second": round(route.sent / seconds, 1),
        **quantiles(route.duration),
        "upstream_p50_ms": ms(route.upstream_time.quantile(0.5)),
        "upstream_p99_ms": ms(route.upstream_time.quantile(0.99)),
        "gateway_p50_ms": ms(route.gateway_time.quantile(0.5)),
        "gateway_p99_ms": ms(route.gateway_time.quantile(0.99)),
        "classes": dict(classes),
        "methods": dict(methods),
        "types": dict(route.errors),
        "outcomes": dict(outcomes),
        "cache_hit_rate": share(hits, asked) if asked else None,
        "limited": route.errors.get("rate-limited", 0) + route.errors.get("blocked", 0),
    }


def calls_row(calls: UpstreamStats, seconds: float) -> dict[str, Any]:
    """What was asked of an upstream or a target over so many seconds; a request may have several tries."""
    tries, failed = tries_of(calls), failed_tries_of(calls)
    return {
        "tries": tries,
        "tries_per_second": round(tries / seconds, 3),
        "failed": failed,
        "error_rate": share(failed, tries),
        "retries": calls.retries,
        "hedges": calls.hedges,
        "answers": dict(calls.answers),
        "failures": dict(calls.failures),
        **quantiles(calls.duration),
    }


def failure_row(failure: Failure) -> dict[str, Any]:
    """One of the last failures."""
    return {
        "at": round(failure.at, 3),
        "request_id": failure.request_id,
        "method": failure.method,
        "route": failure.route,
        "upstream": failure.upstream or None,
        "status": failure.status,
        "error": failure.error or None,
    }


def limits_row(total: RouteStats, buckets: Buckets) -> dict[str, Any]:
    """What limits refused, would have refused in shadow mode, and how full the table of their buckets is."""
    return {
        "limited": total.errors.get("rate-limited", 0),
        "blocked": total.errors.get("blocked", 0),
        "shadow": total.outcomes.get("limit_shadow", 0),
        "buckets": {"capacity": buckets.capacity, "used": buckets.used, "overflowed": buckets.overflowed},
    }


def vitals_row(vitals: WorkerStats | None) -> dict[str, Any]:
    """How a worker does; nothing of one that has not told yet."""
    if vitals is None:
        return {}
    return {
        "cpu_seconds": round(vitals.cpu, 3),
        "loop_lag_ms": ms(vitals.lag_max),
        "gc_pause_ms": ms(vitals.gc_max),
        "gc_seconds": round(vitals.gc_seconds, 6),
        "descriptors": vitals.descriptors,
        "descriptors_limit": vitals.descriptors_limit,
    }
