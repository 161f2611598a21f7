"""The alerts of a configuration as rules for Prometheus: a rules file, or a PrometheusRule of its operator."""

from __future__ import annotations

from typing import Any

from gateway.alerting.export.promql import NotInMetrics, expression, window
from gateway.alerting.options import Alerting
from gateway.alerting.rules.rule import Rule, rules
from gateway.alerting.rules.terms import calls

_FORMATS = {"share": "humanizePercentage", "duration": "humanizeDuration", "size": "humanize1024"}


def rule_groups(alerting: Alerting) -> tuple[dict[str, Any], list[str]]:
    """(the content of a rules file, what could not be exported and why)."""
    made, left_out = [], []
    for rule in rules(alerting):
        try:
            made.append(_rule(rule))
        except NotInMetrics as error:
            left_out.append(f"{rule.name}: {error}")
    return {"groups": [{"name": "gateway", "rules": made}]}, left_out


def prometheus_rule(groups: dict[str, Any], name: str = "gateway") -> dict[str, Any]:
    """The same as an object of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "labels": {"app": "gateway"}},
        "spec": groups,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    if rule.term is None:
        raise NotInMetrics("what is unusual is known to the gateway alone")
    found: dict[str, Any] = {"alert": rule.name, "expr": expression(rule.term)}
    if rule.timing.wait:
        found["for"] = window(rule.timing.wait)
    if rule.timing.keep:
        found["keep_firing_for"] = window(rule.timing.keep)
    found["labels"] = {"severity": rule.severity, **dict(rule.labels)}
    unit = next((call.unit for call in calls(rule.term)), "number")
    shown = f"{{{{ $value | {_FORMATS.get(unit, 'humanize')} }}}}"
    found["annotations"] = {
        "summary": f"{rule.text} (now {shown})",
        "description": f"Alert {rule.name} of the gateway.",
    }
    return found
