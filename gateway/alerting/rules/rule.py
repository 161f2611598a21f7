"""Rules as they are watched, made of the alerts of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.alerting.alert_state import Timing
from gateway.alerting.rules import slo
from gateway.alerting.rules.expression import parse
from gateway.alerting.rules.terms import Term, calls

if TYPE_CHECKING:
    from gateway.alerting.options import Alert, Alerting, Watch


@dataclass(frozen=True, slots=True)
class Rule:
    """`delays` are those of the tiers; `text` is the expression, `term` it parsed; for anomalies there is a `watch`."""

    name: str
    severity: str
    timing: Timing
    labels: tuple[tuple[str, str], ...]
    summary: str
    delays: tuple[float, ...]
    text: str = ""
    term: Term | None = None
    watch: Watch | None = None
    #: the share that an objective allows; 0 where there is none
    budget: float = 0.0

    @property
    def identity(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What a rule is known by over reloads of the configuration."""
        return self.name, tuple(each for each in self.labels if each[0] == "burn")


def rules(alerting: Alerting) -> tuple[Rule, ...]:
    """All of a configuration; an objective makes two where a slow burn has a severity of its own."""
    return tuple(rule for alert in alerting.alerts for rule in _of(alert, alerting))


def _of(alert: Alert, alerting: Alerting) -> Iterator[Rule]:
    timing = Timing(alert.wait, alert.keep, alert.no_data)
    delays = tuple(tier.after for tier in alerting.tiers(alert.severity))
    rule = Rule(alert.name, alert.severity, timing, alert.labels, alert.summary, delays)
    if alert.watch is not None:
        yield replace(rule, watch=alert.watch, text=f"anomaly of {', '.join(alert.watch.metrics)}")
    elif alert.slo is None:
        yield _watching(rule, alert.when)
    else:
        objective = alert.slo
        for is_slow, severity in ((False, alert.severity), (True, objective.slow)):
            if severity:
                text = slo.expression(objective.objective, objective.limit, objective.route, slow=is_slow)
                one = replace(
                    rule,
                    severity=severity,
                    delays=tuple(tier.after for tier in alerting.tiers(severity)),
                    labels=(*rule.labels, ("burn", "slow" if is_slow else "fast")),
                    budget=1 - objective.objective,
                )
                yield _watching(one, text)


def _watching(rule: Rule, text: str) -> Rule:
    """The rule of an expression; a route or upstream that all of its signals name becomes a label."""
    term = parse(text)
    found = calls(term)
    labels = list(rule.labels)
    for label in ("route", "upstream"):
        names = {getattr(call, label) for call in found}
        if len(names) == 1 and None not in names:
            labels.append((label, names.pop()))
    return replace(rule, text=text, term=term, labels=tuple(labels))


def of_name(all_rules: tuple[Rule, ...], name: str) -> list[Rule]:
    """The rules of one alert."""
    return [rule for rule in all_rules if rule.name == name]


def labelled(rule: Rule, more: Mapping[str, str]) -> dict[str, str]:
    """The labels of one alert of a rule."""
    return {**dict(rule.labels), **more}
