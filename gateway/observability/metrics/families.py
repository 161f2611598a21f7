"""The metrics of routes, upstreams and targets: their names, and the lines of one of them (docs/observe.md)."""

from __future__ import annotations

from typing import Final

from gateway.observability.metrics.exposition import Family, edges, histogram, labels, sample, samples, summary
from gateway.observability.metrics.snapshot import RouteStats, UpstreamStats

#: OpenTelemetry's advice for durations of HTTP, seconds
HTTP: Final = edges(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
#: what the gateway itself takes is less
OWN: Final = edges(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)

UNMATCHED: Final = "unmatched"

ROUTES: Final = (
    Family(
        "http_server_request_duration_seconds", "histogram", "From a request's head to the last byte of its answer."
    ),
    Family("http_server_requests_total", "counter", "Requests that ended."),
    Family("http_server_active_requests", "gauge", "Requests on their way."),
    Family("http_server_response_body_bytes_total", "counter", "Bytes of bodies sent to clients."),
    Family("gateway_errors_total", "counter", "Answers with an error of the gateway's."),
    Family("gateway_request_upstream_seconds", "histogram", "Of a request's time, spent waiting for upstreams."),
    Family("gateway_request_own_seconds", "histogram", "Of a request's time, the gateway's own."),
    Family("gateway_cache_requests_total", "counter", "Requests by the verdict of the route's cache."),
    Family("gateway_limit_refused_total", "counter", "Requests that a limit refused."),
    Family("gateway_limit_shadow_total", "counter", "Requests that a limit in shadow mode would have refused."),
    Family("gateway_limit_without_store_total", "counter", "Requests of which a limit was judged without its store."),
    Family("gateway_requests_retried_total", "counter", "Requests that were tried more than once."),
    Family("gateway_requests_hedged_total", "counter", "Requests with a second try beside a slow one."),
    Family("gateway_requests_mirrored_total", "counter", "Requests of which a copy was sent."),
)
UPSTREAMS: Final = (
    Family("http_client_request_duration_seconds", "histogram", "From the sending of a try to the head of its answer."),
    Family("http_client_active_requests", "gauge", "Tries on their way."),
    Family("gateway_upstream_answers_total", "counter", "Tries that were answered."),
    Family("gateway_upstream_failures_total", "counter", "Tries without a usable answer."),
    Family("gateway_upstream_retries_total", "counter", "Tries that were one more for the same request."),
    Family("gateway_upstream_hedges_total", "counter", "Tries made beside a slow one."),
)
TARGETS: Final = (
    Family(
        "gateway_target_request_duration_seconds", "summary", "From the sending of a try to the head of its answer."
    ),
    Family("gateway_target_active_requests", "gauge", "Tries on their way."),
    Family("gateway_target_answers_total", "counter", "Tries that were answered."),
    Family("gateway_target_failures_total", "counter", "Tries without a usable answer."),
)
_VERDICTS: Final = (("hit", "cache_hit"), ("stale", "cache_stale"), ("miss", "cache_miss"), ("bypass", "cache_bypass"))


def route_lines(name: str, route: RouteStats) -> tuple[str, ...]:
    """The lines of one route, in the order of ROUTES; "" for those of which there is nothing."""
    inner = labels(route=name or UNMATCHED)
    outcomes, errors = route.outcomes, route.errors
    cache = {verdict: outcomes[slug] for verdict, slug in _VERDICTS if slug in outcomes}
    refused = {slug: errors[slug] for slug in ("rate-limited", "blocked") if slug in errors}
    family = [each.name for each in ROUTES]
    return (
        histogram(family[0], inner, route.duration, HTTP),
        _requests(family[1], inner, route),
        sample(family[2], inner, route.in_flight),
        sample(family[3], inner, route.sent),
        samples(family[4], inner, "type", errors),
        histogram(family[5], inner, route.upstream_time, HTTP) if route.upstream_time.count else "",
        histogram(family[6], inner, route.gateway_time, OWN) if route.gateway_time.count else "",
        samples(family[7], inner, "verdict", cache),
        samples(family[8], inner, "type", refused),
        _one(family[9], inner, outcomes.get("limit_shadow", 0)),
        _one(family[10], inner, outcomes.get("limit_alone", 0)),
        _one(family[11], inner, outcomes.get("retried", 0)),
        _one(family[12], inner, outcomes.get("hedged", 0)),
        _one(family[13], inner, outcomes.get("mirrored", 0)),
    )


def upstream_lines(name: str, calls: UpstreamStats) -> tuple[str, ...]:
    """The lines of one upstream, in the order of UPSTREAMS."""
    inner = labels(upstream=name)
    family = [each.name for each in UPSTREAMS]
    return (
        histogram(family[0], inner, calls.duration, HTTP),
        sample(family[1], inner, calls.in_flight),
        samples(family[2], inner, "status_class", calls.answers),
        samples(family[3], inner, "type", calls.failures),
        _one(family[4], inner, calls.retries),
        _one(family[5], inner, calls.hedges),
    )


def target_lines(key: tuple[str, str], calls: UpstreamStats) -> tuple[str, ...]:
    """The lines of one target, in the order of TARGETS."""
    inner = labels(upstream=key[0], target=key[1])
    family = [each.name for each in TARGETS]
    return (
        summary(family[0], inner, calls.duration),
        sample(family[1], inner, calls.in_flight),
        samples(family[2], inner, "status_class", calls.answers),
        samples(family[3], inner, "type", calls.failures),
    )


def _requests(name: str, inner: str, route: RouteStats) -> str:
    start = f"{name}{{{inner},method="
    return "".join(
        [f'{start}"{method}",status_class="{status}"}} {count}\n' for (method, status), count in route.requests.items()]
    )


def _one(name: str, inner: str, count: int) -> str:
    return sample(name, inner, count) if count else ""
