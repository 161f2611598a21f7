"""The same rules for Prometheus: a term as PromQL over the metrics of docs/observe.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gateway.alerting.rules.signals import QUANTILES
from gateway.alerting.rules.terms import And, Call, Comparison, Flag, Not, Operand, Quantity, Term

#: the upper edges of buckets in /metrics, seconds
EDGES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_SERVER: Final = "http_server_request_duration_seconds"
_CLIENT: Final = "http_client_request_duration_seconds"


class NotInMetrics(ValueError):
    """A signal that /metrics has no series for."""


def expression(term: Term) -> str:
    """PromQL that has a series while the term holds."""
    if isinstance(term, Comparison):
        return f"{operand(term.left)} {term.operator} {operand(term.right)}"
    if isinstance(term, Flag):
        return f"{operand(term.call)} > 0"
    if isinstance(term, Not):
        return f"absent({expression(term.term)})"
    word = " and on() " if isinstance(term, And) else " or on() "
    return word.join(f"({expression(each)})" for each in term.terms)


def operand(one: Operand) -> str:
    """One side of a comparison."""
    if isinstance(one, Quantity):
        return f"{one.value:.12g}"
    return _SIGNALS[one.signal](one)


def _selector(call: Call, *more: str) -> str:
    """Labels in braces; empty for none."""
    pairs = [f'{name}="{_escaped(value)}"' for name in ("route", "upstream") if (value := getattr(call, name))]
    inner = ",".join((*pairs, *more))
    return f"{{{inner}}}" if inner else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _rate(name: str, call: Call, *more: str) -> str:
    return f"sum(rate({name}{_selector(call, *more)}[{window(call.window)}]))"


def window(seconds: float) -> str:
    """A range as PromQL writes it."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


def _share(part: str, whole: str) -> str:
    return f"({part} / ({whole} > 0))"


def _class(status: str) -> Callable[[Call], str]:
    name, label = "http_server_requests_total", f'status_class="{status}"'
    return lambda call: _share(f"({_rate(name, call, label)} or vector(0))", _rate(name, call))


def _quantile(family: str) -> Callable[[Call], str]:
    def made(call: Call) -> str:
        inner = f"rate({family}_bucket{_selector(call)}[{window(call.window)}])"
        return f"histogram_quantile({QUANTILES[call.signal]:g}, sum by (le) ({inner}))"

    return made


def _slow(call: Call) -> str:
    edge = f'le="{nearest_edge(call.limit)!r}"'
    return f"(1 - {_share(_rate(f'{_SERVER}_bucket', call, edge), _rate(f'{_SERVER}_count', call))})"


def nearest_edge(limit: float) -> float:
    """The bucket that stands for a limit on latency: the largest that is not above it, else the first."""
    return max((edge for edge in EDGES if edge <= limit + 1e-9), default=EDGES[0])


def _cached(call: Call) -> str:
    name = "gateway_cache_requests_total"
    hits, asked = _rate(name, call, 'verdict=~"hit|stale"'), _rate(name, call, 'verdict=~"hit|stale|miss"')
    return _share(f"({hits} or vector(0))", asked)


def _upstream_errors(call: Call) -> str:
    failures = f"({_rate('gateway_upstream_failures_total', call)} or vector(0))"
    label = 'status_class="5xx"'
    bad = f"({_rate('gateway_upstream_answers_total', call, label)} or vector(0))"
    answers = f"({_rate('gateway_upstream_answers_total', call)} or vector(0))"
    return _share(f"({failures} + {bad})", f"({failures} + {answers})")


def _limited(call: Call) -> str:
    refused = f"({_rate('gateway_limit_refused_total', call)} or vector(0))"
    return _share(refused, _rate("http_server_requests_total", call))


def _saturation(call: Call) -> str:
    if call.upstream is None:
        return "(sum(gateway_worker_connections) / sum(gateway_connections_max))"
    raise NotInMetrics(f"`{call.text}`: /metrics does not say what fits")


_SIGNALS: Final[Mapping[str, Callable[[Call], str]]] = {
    "error_rate": _class("5xx"),
    "client_error_rate": _class("4xx"),
    "requests": lambda call: f"({_rate('http_server_requests_total', call)} or vector(0))",
    "p50": _quantile(_SERVER),
    "p95": _quantile(_SERVER),
    "p99": _quantile(_SERVER),
    "slow": _slow,
    "limited": _limited,
    "cache_hit_rate": _cached,
    "upstream_error_rate": _upstream_errors,
    "upstream_p99": _quantile(_CLIENT),
    "target_health": lambda call: f"avg(gateway_target_up{_selector(call)})",
    "saturation": _saturation,
    "loop_lag": lambda call: "max(gateway_worker_loop_lag_max_seconds)",
    "memory": lambda call: "max(gateway_worker_memory_bytes)",
    "certificate_expiry": lambda call: "min(gateway_certificate_expiry_seconds)",
    "config_refused": lambda call: "max(gateway_config_mistakes)",
}
