"""Repeated notifications to Alertmanagers, which take an alert that is not repeated for resolved."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final

from gateway.alerting.alert import ActiveAlert
from gateway.alerting.notification import NoteState, Notification
from gateway.alerting.options import Alerting, Channel

#: seconds; its API asks for 30 to 180, and `bodies.ALERTMANAGER_ENDS` leaves room for many that are lost
EVERY: Final = 60.0
#: alerts that are told again in one second, those first that waited longest: all that there can be, in about a minute
PACE: Final = 32


class RepeatScheduler:
    """Remembers when; another process, which does not know, begins by telling all of them."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def due(
        self, firing: Sequence[ActiveAlert], alerting: Alerting, notes: Collection[Notification], now: float
    ) -> list[ActiveAlert]:
        """Those of what fires that are told again now; `notes` are told for the first time."""
        fresh = {(note.key, note.tier) for note in notes}
        known, self._told = self._told, {}
        waiting = []
        for live in firing:
            if not any(_of(alerting, live.rule.severity, tier) for tier in live.climb.told):
                continue
            key = live.key
            is_fresh = all((key, tier) in fresh for tier in live.climb.told)
            last = self._told[key] = known.get(key, now if is_fresh else -math.inf)
            if not 0 <= now - last < EVERY:  # or the clock was set back
                waiting.append((last, key, live))
        found = sorted(waiting, key=lambda each: each[:2])[:PACE]
        self._told |= {key: now for _, key, _ in found}
        return [live for _, _, live in found]


def repeats(
    live: ActiveAlert, alerting: Alerting, now: float, host: str
) -> list[tuple[Notification, tuple[Channel, ...]]]:
    """What is told, and to whom: of all who were told, to the Alertmanagers alone."""
    state: NoteState = "acknowledged" if live.climb.ack else "firing"
    found = [(tier, _of(alerting, live.rule.severity, tier)) for tier in live.climb.told]
    return [(live.note(state, tier, now, host), channels) for tier, channels in found if channels]


def _of(alerting: Alerting, severity: str, tier: int) -> tuple[Channel, ...]:
    """The Alertmanagers of a tier."""
    tiers = alerting.tiers(severity)
    channels = tiers[tier - 1].channels if tier <= len(tiers) else ()
    return tuple(channel for channel in channels if channel.kind == "alertmanager")
