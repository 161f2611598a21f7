"""The notification of one alert: its fields and its texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

NoteState = Literal["firing", "acknowledged", "resolved"]

LONGEST: Final = 1000
_FIELD: Final = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_-]+)?)\}")
FIELDS: Final = ("name", "severity", "value", "threshold", "since", "host")


@dataclass(frozen=True, slots=True)
class Notification:
    """One message. `key` is the same for all messages of one alert; `since` is wall clock seconds."""

    key: str
    name: str
    state: NoteState
    severity: str
    tier: int
    value: float | None
    shown_value: str
    since: float
    at: float
    summary: str
    labels: tuple[tuple[str, str], ...]
    host: str
    by: str = ""
    is_test: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Any) -> Notification:
        """What was kept. Raises KeyError, TypeError or ValueError for what is none."""
        return cls(**{**kept, "labels": tuple((str(name), str(value)) for name, value in kept["labels"])})


def iso(seconds: float) -> str:
    """A wall clock time as text (RFC 3339)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def key_of(name: str, labels: Mapping[str, str]) -> str:
    """What tells alerts of one rule apart: `odd{metric=p99,route=item}`."""
    inner = ",".join(f"{label}={value}" for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name


def fields(template: str) -> list[str]:
    """The names in braces in a summary's template."""
    return _FIELD.findall(template)


def fill(template: str, values: Callable[[str], str]) -> str:
    """A summary: each {name} is what `values` says, and what becomes too long is cut."""
    text = _FIELD.sub(lambda found: values(found[1]), template)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def title(note: Notification) -> str:
    """One line about it."""
    word = "TEST" if note.is_test else note.state.upper()
    return f"[{word}] {note.name} ({note.severity}): {note.summary}"


def details(note: Notification) -> dict[str, Any]:
    """Everything about it, for JSON."""
    found: dict[str, Any] = {
        "name": note.name,
        "state": note.state,
        "severity": note.severity,
        "tier": note.tier,
        "value": note.value,
        "value_text": note.shown_value,
        "since": iso(note.since),
        "at": iso(note.at),
        "summary": note.summary,
        "labels": dict(note.labels),
        "host": note.host,
        "key": note.key,
    }
    if note.by:
        found["acknowledged_by"] = note.by
    if note.is_test:
        found["test"] = True
    return found
