"""A dashboard for Grafana over the metrics of docs/observe.md, with a panel for each alert of the configuration."""

from __future__ import annotations

from typing import Any, Final

from gateway.alerting.export.promql import NotInMetrics, expression, operand
from gateway.alerting.options import Alerting
from gateway.alerting.rules.rule import Rule, rules
from gateway.alerting.rules.terms import And, Comparison, Not, Or, Quantity, Term

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_ROUTE: Final = 'route=~"$route"'
_UNITS: Final = {"share": "percentunit", "duration": "s", "rate": "reqps", "size": "bytes", "flag": "bool"}
_RATE: Final = "[$__rate_interval]"
_BUCKETS: Final = f"sum by (le) (rate(http_server_request_duration_seconds_bucket{{{_ROUTE}}}{_RATE}))"

_CLIENT: Final = "http_client_request_duration_seconds_bucket"
_FAILED: Final = f'sum by (route) (rate(http_server_requests_total{{status_class="5xx",{_ROUTE}}}{_RATE}))'
_ENDED: Final = f"sum by (route) (rate(http_server_requests_total{{{_ROUTE}}}{_RATE}))"

#: (title, unit, ((expression, legend), …))
PANELS: Final = (
    ("Requests", "rate", ((f"sum by (route) (rate(http_server_requests_total{{{_ROUTE}}}{_RATE}))", "{{route}}"),)),
    (
        "Status classes",
        "rate",
        ((f"sum by (status_class) (rate(http_server_requests_total{{{_ROUTE}}}{_RATE}))", "{{status_class}}"),),
    ),
    (
        "Error rate",
        "share",
        (
            (
                f"{_FAILED} / {_ENDED}",
                "{{route}}",
            ),
        ),
    ),
    (
        "Duration",
        "duration",
        tuple((f"histogram_quantile({share}, {_BUCKETS})", f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)),
    ),
    ("Errors by type", "rate", ((f"sum by (type) (rate(gateway_errors_total{{{_ROUTE}}}{_RATE}))", "{{type}}"),)),
    ("In flight", "number", ((f"sum by (route) (http_server_active_requests{{{_ROUTE}}})", "{{route}}"),)),
    (
        "Upstreams: p99",
        "duration",
        (
            (
                f"histogram_quantile(0.99, sum by (le, upstream) (rate({_CLIENT}{_RATE})))",
                "{{upstream}}",
            ),
        ),
    ),
    ("Targets that are up", "number", (("sum by (upstream) (gateway_target_up)", "{{upstream}}"),)),
    (
        "Cache",
        "rate",
        ((f"sum by (verdict) (rate(gateway_cache_requests_total{{{_ROUTE}}}{_RATE}))", "{{verdict}}"),),
    ),
    ("Limited", "rate", ((f"sum by (route) (rate(gateway_limit_refused_total{{{_ROUTE}}}{_RATE}))", "{{route}}"),)),
    ("Event loop lag", "duration", (("max(gateway_worker_loop_lag_max_seconds)", "worst worker"),)),
    ("Alerts that fire", "number", (('sum by (name) (gateway_alerts{state="firing"})', "{{name}}"),)),
)


def dashboard(alerting: Alerting) -> tuple[dict[str, Any], list[str]]:
    """(the dashboard, what could not be exported and why)."""
    left_out: list[str] = []
    panels = [_panel(number, *each) for number, each in enumerate(PANELS)]
    for rule in rules(alerting):
        try:
            panels += _of_rule(rule, len(panels))
        except NotInMetrics as error:
            left_out.append(f"{rule.name}: {error}")
    found = {
        "uid": "gateway",
        "title": "Gateway",
        "tags": ["gateway"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }
    return found, left_out


def _variables() -> list[dict[str, Any]]:
    query = "label_values(http_server_requests_total, route)"
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        {
            "name": "route", "type": "query", "datasource": _SOURCE, "query": query, "refresh": 2, "multi": True,
            "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "label": "Route",
        },
    ]  # fmt: skip


def _of_rule(rule: Rule, first: int) -> list[dict[str, Any]]:
    """A panel for each comparison of a rule, with its threshold."""
    if rule.term is None:
        raise NotInMetrics("what is unusual is known to the gateway alone")
    expression(rule.term)
    made = []
    for number, term in enumerate(_comparisons(rule.term)):
        is_turned = isinstance(term.left, Quantity)
        left, right = (term.right, term.left) if is_turned else (term.left, term.right)
        limit = right.value if isinstance(right, Quantity) else None
        query = operand(left) if limit is not None else expression(term)
        panel = _panel(first + number, f"Alert {rule.name}: {left.text}", left.unit, ((query, left.text),))
        if limit is not None:
            steps = [{"color": "green", "value": None}, {"color": "red", "value": limit}]
            panel["fieldConfig"]["defaults"]["thresholds"] = {"mode": "absolute", "steps": steps}
            panel["fieldConfig"]["defaults"]["custom"] = {"thresholdsStyle": {"mode": "line"}}
        made.append(panel)
    return made


def _comparisons(term: Term) -> list[Comparison]:
    if isinstance(term, Comparison):
        return [term]
    if isinstance(term, Not):
        return _comparisons(term.term)
    return [found for each in term.terms for found in _comparisons(each)] if isinstance(term, And | Or) else []


def _panel(number: int, title: str, unit: str, queries: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"x": number % 2 * 12, "y": number // 2 * 8, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": _UNITS.get(unit, "short")}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
            for index, (query, legend) in enumerate(queries)
        ],
    }
