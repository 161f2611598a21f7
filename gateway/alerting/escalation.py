"""Escalation in tiers with delays, which an acknowledgement stops. Pure: the clock comes with each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody has it in hand."""

    by: str
    at: float
    comment: str = ""


@dataclass(slots=True)
class EscalationState:
    """How far one firing alert has climbed. Tiers count from 1."""

    #: since when people could be told: it fires and nothing mutes it; 0: not yet
    since: float = 0.0
    told: list[int] = field(default_factory=list)
    ack: Ack | None = None

    def due(self, delays: Sequence[float], now: float, *, muted: bool) -> list[int]:
        """The tiers that are told now; `delays` are seconds, one of each tier, ascending."""
        if muted:
            # who was told already is in the picture; the others start to wait when it is unmuted
            self.since = self.since if self.told else 0.0
            return []
        self.since = min(self.since or now, now)  # a clock that was set back must not hold up the next tier
        if self.ack is not None:
            return []
        tiers = [tier for tier, delay in enumerate(delays, 1) if tier not in self.told and now - self.since >= delay]
        self.told += tiers
        return tiers

    def next(self, delays: Sequence[float]) -> float | None:
        """When the next tier is told; None when there is none."""
        if self.ack is not None or not self.since:
            return None
        left = [delay for tier, delay in enumerate(delays, 1) if tier not in self.told]
        return self.since + left[0] if left else None
