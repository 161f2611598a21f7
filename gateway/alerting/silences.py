"""Matchers of alerts, and the three things that mute one: silences, maintenance windows, other alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Matchers = tuple[tuple[str, str], ...]
Labels = Mapping[str, str]

MOST_SILENCES: Final = 1000


def matches(matchers: Matchers, labels: Labels) -> bool:
    """Whether every matcher has a label that fits; a label that is not there is ""."""
    return all(_fits(value, labels.get(name, "")) for name, value in matchers)


def _fits(pattern: str, text: str) -> bool:
    """Whether a text is a pattern, in which * stands for anything."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *between, last = rest
    at, end = len(first), len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last):
        return False
    for piece in between:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= end


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody is told of what it matches until it ends."""

    id: str
    matchers: Matchers
    start: float
    until: float
    by: str
    comment: str

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "id": self.id, "matchers": dict(self.matchers), "start": self.start, "until": self.until,
            "by": self.by, "comment": self.comment,
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: Any) -> Silence:
        """What was kept. Raises KeyError, TypeError or ValueError for what is none."""
        matchers = tuple((str(name), str(value)) for name, value in dict(kept["matchers"]).items())
        start, until = float(kept["start"]), float(kept["until"])
        return cls(str(kept["id"]), matchers, start, until, str(kept["by"]), str(kept["comment"]))


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A window of maintenance, UTC: `days` from 0 (Monday), minutes of the day; it may reach past midnight."""

    matchers: Matchers
    days: tuple[int, ...]
    start: int
    end: int
    comment: str = ""

    def covers(self, now: float) -> bool:
        """Whether a wall clock time is in it."""
        moment = datetime.fromtimestamp(now, UTC)
        minute = moment.hour * 60 + moment.minute
        if self.start < self.end:
            return moment.weekday() in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return moment.weekday() in self.days
        return (moment - timedelta(days=1)).weekday() in self.days and minute < self.end


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert that `when` matches fires, those that `mute` matches are not told of."""

    when: Matchers
    mute: Matchers


def inhibited(labels: Labels, firing: Iterable[Labels], rules: Iterable[Inhibition]) -> str:
    """The name of an alert that mutes the one with `labels`; empty when none does. None mutes itself."""
    for rule in rules:
        if not matches(rule.mute, labels):
            continue
        for other in firing:
            if other != labels and matches(rule.when, other):
                return other.get("name", "")
    return ""
