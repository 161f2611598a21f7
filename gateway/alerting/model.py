"""`alerts`, `escalation`, `inhibit` and `silences`, as values. Durations are seconds, shares 0..1."""

from dataclasses import dataclass
from typing import Literal

from gateway.alerting.silences import Inhibition, MaintenanceWindow
from gateway.config.header_edits_model import Pairs
from gateway.config.options import Options

ChannelKind = Literal["webhook", "slack", "pagerduty", "alertmanager", "email"]


@dataclass(frozen=True, slots=True)
class Slo(Options):
    """`limit` is the latency that requests may not exceed, 0: they may not fail. `slow`: severity of a slow burn."""

    objective: float
    limit: float
    route: str | None
    slow: str


@dataclass(frozen=True, slots=True)
class Watch(Options):
    """What is watched for anomalies, and of which routes; no routes: of the busiest."""

    metrics: tuple[str, ...]
    sensitivity: float
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alert(Options):
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


@dataclass(frozen=True, slots=True)
class Channel(Options):
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


@dataclass(frozen=True, slots=True)
class Tier(Options):
    """Who is told `after` so many seconds of firing, unless somebody has acknowledged it."""

    after: float
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Escalation(Options):
    """The tiers of one severity, the first to be told first."""

    severity: str
    tiers: tuple[Tier, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Alerting(Options):
    """All that is written about alerts."""

    alerts: tuple[Alert, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    windows: tuple[MaintenanceWindow, ...] = ()

    def tiers(self, severity: str) -> tuple[Tier, ...]:
        """Those of a severity; none where nobody is told."""
        return next((each.tiers for each in self.escalations if each.severity == severity), ())
