"""Options of alerts, escalation, silences and inhibition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from gateway.config import schema_parts as schemas
from gateway.config.options import Options
from gateway.config.schema_parts import FIELD_NAME, LINE, NAME, REFERENCE, Schema

if TYPE_CHECKING:
    from gateway.alerting.silences import Inhibition, MaintenanceWindow
    from gateway.config.header_edits_model import Pairs

ChannelKind = Literal["webhook", "slack", "pagerduty", "alertmanager", "email"]


class Slo(Options, frozen=True):
    """`limit` is the latency that requests may not exceed, 0: they may not fail. `slow`: severity of a slow burn."""

    objective: float
    limit: float
    route: str | None
    slow: str


class Watch(Options, frozen=True):
    """What is watched for anomalies, and of which routes; no routes: of the busiest."""

    metrics: tuple[str, ...]
    sensitivity: float
    routes: tuple[str, ...]


class Alert(Options, frozen=True):
    """One rule: exactly one of `when` (an expression), `watch` and `slo` says of what."""

    name: str
    when: str
    watch: Watch | None
    slo: Slo | None
    wait: float
    keep: float
    severity: str
    labels: Pairs
    summary: str
    no_data: Literal["keep", "ok", "alert"]
    where: str


class Channel(Options, frozen=True):
    """One way to tell people. SECURITY: `url`, `key` and `password` are secrets and never shown; `label` is.

    `url` of e-mail is smtp://host:port or smtps://host:port; `tls` of smtp: starttls or none.
    """

    kind: ChannelKind
    url: str
    label: str
    key: str = ""
    to: tuple[str, ...] = ()
    sender: str = ""
    user: str = ""
    password: str = ""
    tls: str = "starttls"
    ca: str = ""
    headers: Pairs = ()

    def __repr__(self) -> str:
        return f"Channel({self.label})"


class Tier(Options, frozen=True):
    """Who is told `after` so many seconds of firing, unless somebody has acknowledged it."""

    after: float
    channels: tuple[Channel, ...]


class Escalation(Options, frozen=True):
    """The tiers of one severity, the first to be told first."""

    severity: str
    tiers: tuple[Tier, ...]
    where: str


class Alerting(Options, frozen=True):
    """All that is written about alerts."""

    alerts: tuple[Alert, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    windows: tuple[MaintenanceWindow, ...] = ()

    def tiers(self, severity: str) -> tuple[Tier, ...]:
        """Those of a severity; none where nobody is told."""
        return next((each.tiers for each in self.escalations if each.severity == severity), ())


LABEL: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
METRICS: Final = ("requests", "error_rate", "p50", "p95", "p99")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHANNELS: Final[tuple[ChannelKind, ...]] = get_args(ChannelKind)
_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def sections() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    severity = schemas.text(
        "a severity of letters, digits, `_`, `-` and `.`", "What alerts name as their `severity`.", NAME
    )
    tiers = schemas.listing("Who is told, and after which time; each entry is a tier.", _tier(), least=1)
    return {
        "alerts": schemas.listing("When people are told that something is wrong.", _alert()),
        "escalation": schemas.mapping("Who is told, by the severity of an alert.", tiers, severity),
        "inhibit": schemas.listing("Alerts that keep others quiet while they fire.", _inhibition()),
        "silences": schemas.listing("Times of every week (UTC) in which nobody is told.", _weekly()),
    }


def _alert() -> Schema:
    label = schemas.text("a label's name", "A name of your own.", LABEL)
    keys = {
        "name": schemas.text("a name of letters, digits, `_`, `-` and `.`", "Its name, unique.", NAME),
        "when": schemas.text(
            "an expression such as error_rate(5m) > 2%", "The condition; docs/alerts.md has the language."
        ),
        "anomaly": _anomaly(),
        "slo": _slo(),
        "for": schemas.quantity("duration", "How long the condition must hold before it fires.", "0s"),
        "keep_firing_for": schemas.quantity(
            "duration",
            "How long it must be gone before it is resolved; as long as `for`, at least 15s, when not written.",
        ),
        "severity": schemas.text("a severity", "One of those under `escalation`.", NAME),
        "labels": schemas.mapping("Labels of your own.", schemas.text("a string", "A value."), label),
        "summary": schemas.text(
            "a string", "What people read; may use {value}, {threshold}, {labels.NAME} and others."
        ),
        "no_data": schemas.choice(
            "What a firing alert does while there is nothing to tell it by.", "keep", "ok", "alert", default="keep"
        ),
    }
    return schemas.section("A rule.", keys, ("name", "severity"))


def _anomaly() -> Schema:
    sensitivity = {
        "type": ["number", "integer", "string"],
        "title": "a number from 1 to 20",
        "description": "How far from what is usual; less is more sensitive.",
        "pattern": REFERENCE,
        "default": 3,
    }
    keys = {
        "metrics": schemas.listing("What is watched.", schemas.choice("A metric.", *METRICS), least=1),
        "sensitivity": sensitivity,
        "routes": schemas.listing(
            "Routes that are watched; the busiest when not written.", schemas.text("a route", "A name."), least=1
        ),
    }
    return schemas.section("Whatever is unusual for the time of day and week.", keys, ("metrics",))


def _slo() -> Schema:
    keys = {
        "objective": schemas.quantity("share", "The share of requests that have to be good, over 30 days."),
        "metric": schemas.text("errors, or latency < 250ms", "What a good request is.", default="errors"),
        "route": schemas.text("a route", "The route; all when not written."),
        "slow": schemas.text(
            "a severity", "The severity of a slow burn; nobody is told of one when not written.", NAME
        ),
    }
    return schemas.section("An objective; the budget's burn rate over several windows alerts.", keys, ("objective",))


def _tier() -> Schema:
    url = schemas.text("an address such as https://hooks.example.com/a", "Where it is sent.", LINE)
    secret = {**url, "writeOnly": True}
    name = schemas.text("a header name (RFC 9110 token)", "A header name.", FIELD_NAME)
    ca = schemas.file_name("PEM certificates of the authorities to trust instead of the system's.")
    headers = schemas.mapping(
        "Headers to send.", {**schemas.text("a string", "A value.", LINE), "writeOnly": True}, name
    )
    http = schemas.section("Where, and how.", {"url": secret, "headers": headers, "ca": ca}, ("url",))
    where = schemas.either("an address, or a mapping with `url`", "Where it is sent.", secret, http)
    key = {**schemas.text("an integration key", "The integration key (Events API v2).", LINE), "writeOnly": True}
    keys = {
        "after": schemas.quantity("duration", "After how much firing without an acknowledgement.", "0s"),
        "webhook": where,
        "slack": where,
        "alertmanager": where,
        "pagerduty": schemas.either(
            "an integration key, or a mapping with `routing_key`", "PagerDuty.", key,
            schemas.section("PagerDuty.", {"routing_key": key, "url": url, "ca": ca}, ("routing_key",)),
        ),
        "email": _email(ca),
    }  # fmt: skip
    return schemas.section("One tier.", keys)


def _email(ca: Schema) -> Schema:
    address = schemas.text("an e-mail address", "An address.", r"^[^\s@<>,]+@[^\s@<>,]+$")
    keys = {
        "to": schemas.one_or_more("Who gets it.", address),
        "from": address,
        "smtp": schemas.text(
            "smtp://HOST:PORT or smtps://HOST:PORT", "The server; smtps is TLS from the first byte.", LINE
        ),
        "user": schemas.text("a name", "The name to log in with.", LINE),
        "password": {**schemas.text("a string", "The password to log in with."), "writeOnly": True},
        "tls": schemas.choice("What smtp:// does before it sends.", "starttls", "none", default="starttls"),
        "ca": ca,
    }
    return schemas.section("E-mail.", keys, ("to", "from", "smtp"))


def _matchers(description: str) -> Schema:
    label = schemas.text("name, severity or a label", "A label.", LABEL)
    return schemas.mapping(
        description, schemas.text("a string, * for anything", "The value, in which * stands for anything."), label
    )


def _inhibition() -> Schema:
    keys = {
        "if": _matchers("While an alert with all of these fires,"),
        "mute": _matchers("nobody is told of those with all of these."),
    }
    return schemas.section("An alert that keeps others quiet.", keys, ("if", "mute"))


def _weekly() -> Schema:
    time = schemas.text("a time such as 02:30", "UTC.", _TIME)
    keys = {
        "matchers": _matchers("Which alerts."),
        "days": schemas.listing(
            "On which days it begins; every day when not written.", schemas.choice("A day.", *DAYS), least=1
        ),
        "from": time,
        "to": time,
        "comment": schemas.text("a string", "Why."),
    }
    return schemas.section("A window of maintenance.", keys, ("matchers", "from", "to"))
