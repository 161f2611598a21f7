"""One note in the shape that each kind of receiver takes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, Final

from gateway.alerting.notification import Notification, details, iso, title

_COLOURS: Final = {"firing": "#c62828", "acknowledged": "#f9a825", "resolved": "#2e7d32"}
_ACTIONS: Final = {"firing": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}
#: what PagerDuty knows, by words that people use for severities
_PAGERDUTY: Final = {
    "page": "critical", "critical": "critical", "error": "error", "warn": "warning", "warning": "warning",
    "info": "info",
}  # fmt: skip
#: seconds after which an Alertmanager that hears no more takes a firing alert for resolved
ALERTMANAGER_ENDS: Final = 900.0


def webhook(note: Notification) -> dict[str, Any]:
    """The gateway's own shape."""
    return details(note)


def slack(note: Notification) -> dict[str, Any]:
    """For an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat)."""
    fields = [
        {"title": _escaped(name), "value": _escaped(value), "short": True}
        for name, value in (
            ("Value", note.shown_value), ("Since", iso(note.since)), ("Tier", str(note.tier)), ("Host", note.host),
            ("By", note.by), *note.labels,
        )
        if value
    ]  # fmt: skip
    attachment = {
        "color": _COLOURS[note.state],
        "title": _escaped(title(note)[:300]),
        "text": _escaped(note.summary),
        "fallback": _escaped(title(note)),
        "fields": fields,
        "ts": int(note.at),
    }
    return {"text": _escaped(title(note)), "attachments": [attachment]}


def _escaped(text: str) -> str:
    """Slack reads links and mentions in the text between < and >."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pagerduty(note: Notification, routing_key: str) -> dict[str, Any]:
    """An event of PagerDuty's Events API, version 2."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS[note.state],
        "dedup_key": f"gateway/{note.key}"[:255],
    }
    if note.state == "firing":
        event["payload"] = {
            "summary": title(note)[:1024],
            "source": note.host,
            "severity": _PAGERDUTY.get(note.severity.lower(), "error"),
            "timestamp": iso(note.since),
            "component": "gateway",
            "group": note.name,
            "custom_details": details(note),
        }
    return event


def alertmanager(note: Notification) -> list[dict[str, Any]]:
    """Alerts for POST /api/v2/alerts of an Alertmanager."""
    labels = {"alertname": note.name, "severity": note.severity, **{_label(name): text for name, text in note.labels}}
    ends = note.at if note.state == "resolved" else note.at + ALERTMANAGER_ENDS
    annotations = {"summary": note.summary, "value": note.shown_value, "host": note.host}
    if note.by:
        annotations["acknowledged_by"] = note.by
    return [{"labels": labels, "annotations": annotations, "startsAt": iso(note.since), "endsAt": iso(ends)}]


def _label(name: str) -> str:
    """A name that Prometheus takes for a label's."""
    text = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)
    return f"_{text}" if text[:1].isdigit() else text


def email(note: Notification, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """A message of plain text; those of one alert make a thread (RFC 5322 section 3.6.4)."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(to)
    # SECURITY: a header field has one line (tests/unit/alerting/test_bodies.py)
    message["Subject"] = " ".join(title(note).split())[:200]
    message["Date"] = format_datetime(datetime.fromtimestamp(note.at, UTC))
    message["Message-ID"] = make_msgid(domain="gateway.invalid")
    thread = f"<{note.key.encode().hex()[:60]}.{int(note.since)}@gateway.invalid>"
    message["References"] = message["In-Reply-To"] = thread
    message["Auto-Submitted"] = "auto-generated"
    lines = [note.summary, ""]
    lines += [f"{name}: {value}" for name, value in details(note).items() if name not in ("summary", "labels", "key")]
    lines += [f"{name}: {value}" for name, value in note.labels]
    message.set_content("\n".join(lines) + "\n")
    return message
