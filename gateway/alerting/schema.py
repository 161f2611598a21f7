"""The sections `alerts`, `escalation`, `inhibit` and `silences`."""

from typing import Final, get_args

from gateway.alerting.model import ChannelKind
from gateway.config.schema_parts import (
    FIELD_NAME,
    LINE,
    NAME,
    REFERENCE,
    Schema,
    choice,
    either,
    file_name,
    listing,
    mapping,
    one_or_more,
    quantity,
    section,
    text,
)

LABEL: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
METRICS: Final = ("requests", "error_rate", "p50", "p95", "p99")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHANNELS: Final[tuple[ChannelKind, ...]] = get_args(ChannelKind)
_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def root_sections() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    severity = text("a severity of letters, digits, `_`, `-` and `.`", "What alerts name as their `severity`.", NAME)
    tiers = listing("Who is told, and after which time; each entry is a tier.", _tier(), least=1)
    return {
        "alerts": listing("When people are told that something is wrong.", _alert()),
        "escalation": mapping("Who is told, by the severity of an alert.", tiers, severity),
        "inhibit": listing("Alerts that keep others quiet while they fire.", _inhibition()),
        "silences": listing("Times of every week (UTC) in which nobody is told.", _weekly()),
    }


def _alert() -> Schema:
    label = text("a label's name", "A name of your own.", LABEL)
    keys = {
        "name": text("a name of letters, digits, `_`, `-` and `.`", "Its name, unique.", NAME),
        "when": text("an expression such as error_rate(5m) > 2%", "The condition; docs/alerts.md has the language."),
        "anomaly": _anomaly(),
        "slo": _slo(),
        "for": quantity("duration", "How long the condition must hold before it fires.", "0s"),
        "keep_firing_for": quantity(
            "duration",
            "How long it must be gone before it is resolved; as long as `for`, at least 15s, when not written.",
        ),
        "severity": text("a severity", "One of those under `escalation`.", NAME),
        "labels": mapping("Labels of your own.", text("a string", "A value."), label),
        "summary": text("a string", "What people read; may use {value}, {threshold}, {labels.NAME} and others."),
        "no_data": choice(
            "What a firing alert does while there is nothing to tell it by.", "keep", "ok", "alert", default="keep"
        ),
    }
    return section("A rule.", keys, ("name", "severity"))


def _anomaly() -> Schema:
    sensitivity = {
        "type": ["number", "integer", "string"],
        "title": "a number from 1 to 20",
        "description": "How far from what is usual; less is more sensitive.",
        "pattern": REFERENCE,
        "default": 3,
    }
    keys = {
        "metrics": listing("What is watched.", choice("A metric.", *METRICS), least=1),
        "sensitivity": sensitivity,
        "routes": listing(
            "Routes that are watched; the busiest when not written.", text("a route", "A name."), least=1
        ),
    }
    return section("Whatever is unusual for the time of day and week.", keys, ("metrics",))


def _slo() -> Schema:
    keys = {
        "objective": quantity("share", "The share of requests that have to be good, over 30 days."),
        "metric": text("errors, or latency < 250ms", "What a good request is.", default="errors"),
        "route": text("a route", "The route; all when not written."),
        "slow": text("a severity", "The severity of a slow burn; nobody is told of one when not written.", NAME),
    }
    return section("An objective; the budget's burn rate over several windows alerts.", keys, ("objective",))


def _tier() -> Schema:
    url = text("an address such as https://hooks.example.com/a", "Where it is sent.", LINE)
    secret = {**url, "writeOnly": True}
    name = text("a header name (RFC 9110 token)", "A header name.", FIELD_NAME)
    ca = file_name("PEM certificates of the authorities to trust instead of the system's.")
    headers = mapping("Headers to send.", {**text("a string", "A value.", LINE), "writeOnly": True}, name)
    http = section("Where, and how.", {"url": secret, "headers": headers, "ca": ca}, ("url",))
    where = either("an address, or a mapping with `url`", "Where it is sent.", secret, http)
    key = {**text("an integration key", "The integration key (Events API v2).", LINE), "writeOnly": True}
    keys = {
        "after": quantity("duration", "After how much firing without an acknowledgement.", "0s"),
        "webhook": where,
        "slack": where,
        "alertmanager": where,
        "pagerduty": either(
            "an integration key, or a mapping with `routing_key`", "PagerDuty.", key,
            section("PagerDuty.", {"routing_key": key, "url": url, "ca": ca}, ("routing_key",)),
        ),
        "email": _email(ca),
    }  # fmt: skip
    return section("One tier.", keys)


def _email(ca: Schema) -> Schema:
    address = text("an e-mail address", "An address.", r"^[^\s@<>,]+@[^\s@<>,]+$")
    keys = {
        "to": one_or_more("Who gets it.", address),
        "from": address,
        "smtp": text("smtp://HOST:PORT or smtps://HOST:PORT", "The server; smtps is TLS from the first byte.", LINE),
        "user": text("a name", "The name to log in with.", LINE),
        "password": {**text("a string", "The password to log in with."), "writeOnly": True},
        "tls": choice("What smtp:// does before it sends.", "starttls", "none", default="starttls"),
        "ca": ca,
    }
    return section("E-mail.", keys, ("to", "from", "smtp"))


def _matchers(description: str) -> Schema:
    label = text("name, severity or a label", "A label.", LABEL)
    return mapping(description, text("a string, * for anything", "The value, in which * stands for anything."), label)


def _inhibition() -> Schema:
    keys = {
        "if": _matchers("While an alert with all of these fires,"),
        "mute": _matchers("nobody is told of those with all of these."),
    }
    return section("An alert that keeps others quiet.", keys, ("if", "mute"))


def _weekly() -> Schema:
    time = text("a time such as 02:30", "UTC.", _TIME)
    keys = {
        "matchers": _matchers("Which alerts."),
        "days": listing("On which days it begins; every day when not written.", choice("A day.", *DAYS), least=1),
        "from": time,
        "to": time,
        "comment": text("a string", "Why."),
    }
    return section("A window of maintenance.", keys, ("matchers", "from", "to"))
