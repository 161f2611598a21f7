"""`alerts`: what each rule says, and whether what it speaks of is there."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

from gateway.alerting.escalation_section import read_escalations
from gateway.alerting.muting_section import read_inhibitions, read_windows
from gateway.alerting.notification import FIELDS, fields
from gateway.alerting.options import METRICS, Alert, Alerting, Escalation, Slo, Watch
from gateway.alerting.rules import slo
from gateway.alerting.rules.expression import ExpressionError, parse
from gateway.alerting.rules.terms import calls
from gateway.config import units as values
from gateway.config.diagnostics import among, did_you_mean
from gateway.config.header_edits_model import Pairs
from gateway.config.name_registry import NameRegistry
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import Reading

MOST = 500
_SUBJECTS = ("when", "anomaly", "slo")
_RESERVED = ("name", "severity", "route", "upstream", "metric", "burn")
_LATENCY = re.compile(r"\s*latency\s*<\s*(\S+)\s*")


class Known:
    """The names that a rule may speak of."""

    def __init__(self, routes: Collection[str], upstreams: Collection[str], severities: Collection[str]) -> None:
        self.routes, self.upstreams, self.severities = routes, upstreams, severities

    def check(self, text: ScalarNode, kind: str, name: str) -> None:
        """Complain about a name of which there is none."""
        names = {"route": self.routes, "upstream": self.upstreams}[kind]
        if name not in names:
            text.complain(f"there is no {kind} {name!r}", among(name, names))


def read_alerting(readers: list[OptionReader], names: Mapping[str, NameRegistry], *, is_counted: bool) -> Alerting:
    """All four sections; `names` are those of other sections, by section; `is_counted`: requests are."""
    escalations = tuple(each for reader in readers for each in read_escalations(reader))
    known = Known(names["routes"], names["upstreams"], names["escalation"])
    alerts: dict[str, Alert] = {}
    for reader in readers:
        for section in reader.sections("alerts"):
            alert = _alert(section, known)
            if alert.name in alerts:
                section.complain(
                    f"there are two alerts {alert.name!r}, the first at {alerts[alert.name].where}", key="name"
                )
            alerts.setdefault(alert.name, alert)
        if "alerts" in reader and not is_counted:
            reader.warn("`metrics` are off: what an alert asks about requests stays unknown", key="alerts")
        if len(alerts) > MOST:
            reader.complain(f"there are more than {MOST} alerts", key="alerts")
    used = {alert.severity for alert in alerts.values()} | {a.slo.slow for a in alerts.values() if a.slo and a.slo.slow}
    _check_used(readers, escalations, used)
    severities = NameRegistry(
        used.union(known.severities), is_open=names["escalation"].is_open or names["alerts"].is_open
    )
    is_open = names["alerts"].is_open
    labels = (*_RESERVED, *(name for alert in alerts.values() for name, _ in alert.labels))
    known_of = {
        "name": NameRegistry(alerts, is_open=is_open),
        "severity": severities,
        "labels": NameRegistry(labels, is_open=is_open),
    }
    return Alerting(
        alerts=tuple(alerts.values()),
        escalations=escalations,
        inhibitions=tuple(each for reader in readers for each in read_inhibitions(reader, known_of)),
        windows=tuple(each for reader in readers for each in read_windows(reader, known_of)),
    )


def _check_used(readers: list[OptionReader], escalations: tuple[Escalation, ...], used: Collection[str]) -> None:
    for reader in readers:
        for name in reader.section("escalation") if "escalation" in reader else ():
            if used and name not in used:
                reader.section("escalation").warn(f"no alert has the severity {name!r}", key=name)
        if used and not escalations and "alerts" in reader:
            reader.warn("there is no `escalation`: nobody is told, alerts are only shown", key="alerts")


def _alert(reader: OptionReader, known: Known) -> Alert:
    written = [key for key in _SUBJECTS if key in reader]
    if not written:
        reader.complain("the alert says nothing of when it fires", "write one of `when`, `anomaly` and `slo`")
    elif len(written) > 1:
        reader.complain(f"`{written[1]}` stands beside `{written[0]}`", "an alert has one of them", key=written[1])
    objective = _slo(reader.section("slo"), known) if "slo" in reader else None
    wait = reader.duration("for")
    return Alert(
        name=reader.text("name"),
        when=_when(reader, known),
        watch=_watch(reader.section("anomaly"), known) if "anomaly" in reader else None,
        slo=objective,
        wait=wait,
        keep=_keep(reader, wait),
        severity=_severity(reader, "severity", known),
        labels=_labels(reader),
        summary=_summary(reader),
        no_data=_no_data(reader.text("no_data")),
        where=reader.where,
    )


def _no_data(word: str) -> Literal["keep", "ok", "alert"]:
    return "ok" if word == "ok" else "alert" if word == "alert" else "keep"


def _keep(reader: OptionReader, wait: float) -> float:
    if "keep_firing_for" in reader:
        return reader.duration("keep_firing_for") if _is_duration(reader.text("keep_firing_for")) else 0.0
    least = 180.0 if "anomaly" in reader else 120.0 if "slo" in reader else 15.0
    return max(wait, least)


def _is_duration(text: str) -> bool:
    return re.fullmatch(values.DURATION, text) is not None


def _severity(reader: OptionReader, key: str, known: Known) -> str:
    text = reader.one(key)
    if text is None:
        return ""
    if known.severities and text.value not in known.severities:
        text.complain(f"there is no escalation {text.shown}", among(text.value, known.severities))
    return text.value


def _when(reader: OptionReader, known: Known) -> str:
    text = reader.one("when")
    if text is None:
        return ""
    try:
        term = parse(text.value)
    except ExpressionError as error:
        message = f"{error.message}, at character {error.column + 1} of the expression"
        _at(text, error.column).complain(message, error.hint)
        return text.value
    for call in calls(term):
        if call.route is not None:
            known.check(_at(text, call.column), "route", call.route)
        if call.upstream is not None:
            known.check(_at(text, call.column), "upstream", call.upstream)
    return text.value


def _at(text: ScalarNode, column: int) -> ScalarNode:
    """The same text, complained about at a character of it; what came from a reference stands nowhere."""
    file, line, start = text.place
    if text.origin or "\n" in text.value[:column]:
        return text
    return replace(text, place=(file, line, start + column + _quote(file, line, start)))


def _quote(file: str, line: int, column: int) -> int:
    """1 where a value stands in quotes in its file."""
    try:
        with open(file, encoding="utf-8") as stream:
            found = next((row for number, row in enumerate(stream, 1) if number == line), "")
    except (OSError, ValueError):
        return 1
    return int(found[column - 1 : column] in ('"', "'"))


def _watch(reader: OptionReader, known: Known) -> Watch:
    value = reader.raw("sensitivity")
    sensitivity = float(value) if type(value) in (int, float) else 3.0
    if not 1 <= sensitivity <= 20:
        reader.complain("the sensitivity is a number from 1 to 20", "3 is a good start", key="sensitivity")
    metrics = tuple(dict.fromkeys(text.value for text in reader.texts("metrics") if text.value in METRICS))
    routes = list(reader.texts("routes"))
    for text in routes:
        known.check(text, "route", text.value)
    return Watch(metrics, sensitivity, tuple(dict.fromkeys(text.value for text in routes)))


def _slo(reader: OptionReader, known: Known) -> Slo:
    text = reader.one("objective")
    objective = reader.share("objective") if text and re.fullmatch(values.SHARE, text.value) else 0.999
    if text is not None and not slo.LEAST < objective < 1:
        hint = "below it no burn rate of 14.4 can be; write `when: error_rate(1h) > …`" if objective < 1 else ""
        text.complain(f"an objective is from {slo.LEAST:.1%} up to below 100%", hint)
    limit = 0.0
    metric = reader.one("metric")
    if metric is not None and metric.value != "errors":
        found = _LATENCY.fullmatch(metric.value)
        if found is None or not re.fullmatch(values.POSITIVE_DURATION, found[1]):
            metric.complain(f"{metric.shown} is nothing that an objective may be about", "errors, or latency < 250ms")
        else:
            limit = values.parse_duration(found[1])
    route = reader.one("route")
    if route is not None:
        known.check(route, "route", route.value)
    return Slo(objective, limit, route.value if route else None, _severity(reader, "slow", known))


def _labels(reader: OptionReader) -> Pairs:
    found = []
    for name, text in reader.pairs("labels"):
        if name.value in _RESERVED:
            name.complain(f"`{name.value}` is a label that every alert has", f"not one of {', '.join(_RESERVED)}")
        found.append((name.value, text.value))
    return tuple(found)


def _summary(reader: OptionReader) -> str:
    text = reader.one("summary")
    for name in fields(text.value) if text else ():
        if text and name not in FIELDS and not name.startswith("labels."):
            hint = did_you_mean(name, FIELDS) or f"there are: {', '.join(FIELDS)} and labels.NAME"
            text.complain(f"there is no {{{name}}} in a summary", hint)
    return text.value if text else ""


def read(reading: Reading) -> dict[str, Alerting]:
    """The four sections of a configuration."""
    listed = (section.text("name") for reader in reading.readers for section in reader.sections("alerts"))
    reading.name_list("alerts", listed)
    names = {key: reading.names(key) for key in ("routes", "upstreams", "escalation", "alerts")}
    return {"alerting": read_alerting(reading.readers, names, is_counted=reading.found["metrics"].is_on)}
