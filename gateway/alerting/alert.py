"""One alert as it goes, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.alerting.alert_state import AlertState
from gateway.alerting.escalation import Ack, EscalationState
from gateway.alerting.notification import NoteState, Notification, fill, iso, key_of
from gateway.alerting.rules.evaluate import Evaluation
from gateway.alerting.rules.rule import Rule, labelled
from gateway.alerting.rules.signals import shown

_WORDS = {
    ">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to", "!=": "other than",
}  # fmt: skip


@dataclass(slots=True)
class ActiveAlert:
    """`words` are those of an anomaly, which explains itself; `muted` says by what."""

    rule: Rule
    more: dict[str, str] = field(default_factory=dict)
    course: AlertState = field(default_factory=AlertState)
    climb: EscalationState = field(default_factory=EscalationState)
    finding: Evaluation = field(default_factory=lambda: Evaluation(None))
    words: str = ""
    muted: str = ""

    @property
    def key(self) -> str:
        """What tells it apart from all others."""
        return key_of(self.rule.name, {**dict(self.rule.identity[1]), **self.more})

    @property
    def labels(self) -> dict[str, str]:
        """Its own and those that matchers may ask for."""
        return {**labelled(self.rule, self.more), "name": self.rule.name, "severity": self.rule.severity}

    def value_text(self) -> str:
        """The value for people."""
        return self._shown(self.finding.value)

    def _shown(self, value: float | None) -> str:
        unit = self.finding.call.unit if self.finding.call is not None else "number"
        return "unknown" if value is None else shown(value, unit)

    def summary(self, host: str) -> str:
        """What people read."""
        if not self.rule.summary:
            return self._by_itself()
        labels = self.labels

        def value(name: str) -> str:
            if name.startswith("labels."):
                return labels.get(name.removeprefix("labels."), "")
            texts = {
                "name": self.rule.name,
                "severity": self.rule.severity,
                "value": self.value_text(),
                "threshold": self._shown(self.finding.threshold),
                "since": iso(self.course.since),
                "host": host,
            }
            return texts.get(name, "")

        return fill(self.rule.summary, value)

    def _by_itself(self) -> str:
        if self.words:
            return self.words
        found = self.finding
        if found.call is None:
            return self.rule.text
        if found.value is None:
            return f"{found.call.text} is unknown: there is nothing to tell it by"
        if found.threshold is None:
            return f"{found.call.text} is {self.value_text()}"
        side = _WORDS[found.operator] if found.holds else "no more " + _WORDS[found.operator]
        text = f"{found.call.text} is {self.value_text()}, {side} {self._shown(found.threshold)}"
        if self.rule.budget and found.holds:
            text += f": {found.value / self.rule.budget:.3g} times what the objective allows"
        return text

    def note(self, state: NoteState, tier: int, now: float, host: str) -> Notification:
        """What a tier is told."""
        ack = self.climb.ack
        return Notification(
            key=self.key,
            name=self.rule.name,
            state=state,
            severity=self.rule.severity,
            tier=tier,
            value=self.finding.value,
            shown_value=self.value_text(),
            since=self.course.since,
            at=now,
            summary=self.summary(host),
            labels=tuple(sorted(labelled(self.rule, self.more).items())),
            host=host,
            by=ack.by if ack else "",
        )

    def row(self, host: str) -> dict[str, Any]:
        """For GET /api/alerts."""
        course, climb = self.course, self.climb
        is_firing = course.state == "firing"
        next_at = climb.next(self.rule.delays) if is_firing and not self.muted else None
        return {
            "name": self.rule.name,
            "key": self.key,
            "state": "acknowledged" if is_firing and climb.ack else course.state,
            "severity": self.rule.severity,
            "labels": labelled(self.rule, self.more),
            "expression": self.rule.text,
            "value": self.finding.value,
            "value_text": self.value_text(),
            "summary": self.summary(host) if course.state != "inactive" else "",
            "since": iso(course.since) if course.since else None,
            "fired_at": iso(course.fired) if course.fired else None,
            "resolved_at": iso(course.resolved) if course.state == "resolved" else None,
            "acknowledged_by": climb.ack.by if climb.ack else None,
            "acknowledged_at": iso(climb.ack.at) if climb.ack else None,
            "tiers_told": list(climb.told),
            "tiers": len(self.rule.delays),
            "next_escalation": iso(next_at) if next_at is not None else None,
            "muted_by": self.muted or None,
        }

    def kept(self) -> dict[str, Any]:
        """What outlives the process."""
        course, climb = self.course, self.climb
        return {
            "key": self.key, "more": self.more, "state": course.state, "since": course.since, "fired": course.fired,
            "resolved": course.resolved, "firings": course.firings, "told": climb.told, "climbing": climb.since,
            "ack": [climb.ack.by, climb.ack.at, climb.ack.comment] if climb.ack else None,
            "value": self.finding.value, "words": self.words,
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on where another process stopped. Raises KeyError, TypeError or ValueError for what is nothing kept."""
        state = kept["state"]
        if state not in ("inactive", "pending", "firing", "resolved"):
            raise ValueError(state)
        self.course = AlertState(
            state, float(kept["since"]), float(kept["fired"]), float(kept["resolved"]), 0.0,
            [float(each) for each in kept["firings"]],
        )  # fmt: skip
        ack = kept["ack"]
        told = [int(each) for each in kept["told"]]
        self.climb = EscalationState(
            float(kept["climbing"]), told, Ack(str(ack[0]), float(ack[1]), str(ack[2])) if ack else None
        )
        value = kept["value"]
        self.finding = Evaluation(None, None if value is None else float(value))
        self.words = str(kept["words"])
