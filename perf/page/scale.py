"""From values to places on an axis, and the round values that are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEPS = (1.0, 2.0, 5.0)
SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from value `low` at `start` to `high` at `end`, both in the drawing's units."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies; what is beyond the axis lies at its end."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if low == high:
            return self.start
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 7) -> list[float]:
        """Round values along the axis."""
        if not self.log:
            step = _step((self.high - self.low) / most)
            return [
                number * step
                for number in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
            ]
        decades = range(math.floor(math.log10(self.low) + 1e-9), math.ceil(math.log10(self.high) - 1e-9) + 1)
        for steps in (STEPS, STEPS[:1]):
            found = [
                s * 10.0**d for d in decades for s in steps if self.low * 0.999 <= s * 10.0**d <= self.high * 1.001
            ]
            if len(found) <= most:
                break
        return found


def fit(values: Iterable[float], start: float, end: float, log: bool = False) -> Scale:
    """The axis that holds these values: from zero, or in a logarithm from the round value below the smallest."""
    known = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = min(known, default=1.0), max(known, default=1.0)
    if not log:
        top = high if high > 0 else 1.0
        step = _step(top / 7)
        return Scale(0.0, math.ceil(top / step - 1e-9) * step, start, end)
    low, high = _round(low, up=False), _round(high, up=True)
    return Scale(low, high if high > low else low * 2, start, end, log=True)


def spread(values: Sequence[float]) -> float:
    """How many times the smallest the largest is; 1 where that says nothing."""
    known = [value for value in values if value > 0]
    return max(known) / min(known) if known else 1.0


def short(value: float) -> str:
    """A number in three digits, as 0.25, 4, 10k or 1.5M."""
    for size, letter in SIZES:
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _step(least: float) -> float:
    decade = 10.0 ** math.floor(math.log10(least))
    return next(step * decade for step in (*STEPS, 10.0) if step * decade >= least * (1 - 1e-9))


def _round(value: float, up: bool) -> float:
    decade = 10.0 ** math.floor(math.log10(value) + 1e-9)
    around = [step * decade for step in (*STEPS, 10.0)]
    if up:
        return next(each for each in around if each >= value * (1 - 1e-9))
    return [each for each in around if each <= value * (1 + 1e-9)][-1]
