"""An alert's entry in the store, which hosts share, and the observation it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.alerting.alert import ActiveAlert
from gateway.alerting.escalation import Ack
from gateway.alerting.notification import iso


@dataclass(frozen=True, slots=True)
class Observation:
    """An alert that fires on this host; `is_told`: who is to be told was, by this host or another."""

    key: str
    name: str
    severity: str
    labels: Mapping[str, str]
    since: float
    is_told: bool
    ack: Ack | None = None

    @classmethod
    def of(cls, live: ActiveAlert) -> Observation:
        """As it is now."""
        rule, climb = live.rule, live.climb
        return cls(live.key, rule.name, rule.severity, live.labels, live.course.since, bool(climb.told), climb.ack)

    def about(self) -> dict[str, Any]:
        """What other hosts are to know."""
        return {
            "key": self.key, "name": self.name, "severity": self.severity, "labels": dict(self.labels),
            "since": self.since,
        }  # fmt: skip


def ack_of(entry: dict[str, Any]) -> Ack | None:
    """Who has it in hand. Raises ValueError, TypeError or LookupError for what is no entry."""
    ack = entry["ack"]
    return Ack(str(ack[0]), float(ack[1]), str(ack[2])) if ack else None


def enter(entry: dict[str, Any], ack: Ack, *, is_heard: bool) -> None:
    """Somebody has it in hand; `is_heard`: who was told before is told so already."""
    entry["ack"], entry["heard"] = [ack.by, ack.at, ack.comment], is_heard


def row(entry: dict[str, Any], ack: Ack) -> dict[str, Any]:
    """An alert of other hosts, as GET /api/alerts has its own."""
    hosts = sorted({host.rpartition("-")[0] for host in (*entry["hosts"], *entry["sees"])})
    about = entry["alert"]
    return {
        **about, "state": "acknowledged", "since": iso(about["since"]), "summary": f"it fires on {', '.join(hosts)}",
        "hosts": hosts, "acknowledged_by": ack.by, "acknowledged_at": iso(ack.at), "muted_by": None,
        "tiers_told": sorted(map(int, entry["tiers"])), "next_escalation": None,
    }  # fmt: skip
