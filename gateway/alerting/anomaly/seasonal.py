"""Baseline of a signal by time of day and of week. Constant memory and time."""

from __future__ import annotations

DAY = 86_400.0
WEEK = 7 * DAY
#: the share that a new visit of a slot has at least, so that habits may change
_LEAST = 0.2


class SeasonalBaseline:
    """A period in slots; each keeps a mean of what its visits brought, the newest counting most."""

    __slots__ = ("error", "period", "slot", "slots", "sum", "values", "visits", "weight")

    def __init__(self, period: float, slots: int) -> None:
        self.period = period
        self.slots = slots
        self.values = [0.0] * slots
        self.visits = [0] * slots
        self.slot = -1
        self.sum = 0.0
        self.weight = 0
        #: mean distance between what was expected and what came
        self.error = 0.0

    def expect(self, at: float, least: int) -> float | None:
        """What is usual at `at` (seconds since 1970), between two slots in proportion; None before `least` visits."""
        place = (at % self.period) / self.period * self.slots
        slot = int(place) % self.slots
        if self.visits[slot] < least:
            return None
        own = self.values[slot]
        off = place - int(place) - 0.5
        beside = (slot + (1 if off > 0 else -1)) % self.slots
        # a value an hour visits one slot in four: those between know nothing
        if self.visits[beside] < least:
            return own
        return own + (self.values[beside] - own) * abs(off)

    def span(self, at: float) -> tuple[float, float]:
        """The least and the most of this slot and of those beside it: habits do not begin to the minute."""
        slot = int((at % self.period) / self.period * self.slots) % self.slots
        slots = (slot - 1) % self.slots, slot, (slot + 1) % self.slots
        near = [self.values[one] for one in slots if self.visits[one]]
        return min(near), max(near)

    def learn(self, at: float, value: float) -> None:
        """Add `value` to the visit under way, and fold that one in when the next slot begins."""
        slot = int((at % self.period) / self.period * self.slots) % self.slots
        if slot != self.slot:
            self._fold()
            self.slot = slot
        self.sum += value
        self.weight += 1

    def _fold(self) -> None:
        if self.weight:
            slot = self.slot
            visits = self.visits[slot] = min(self.visits[slot] + 1, 1_000)
            self.values[slot] += (self.sum / self.weight - self.values[slot]) * max(1.0 / visits, _LEAST)
        self.sum = 0.0
        self.weight = 0
