"""What a request costs a worker by how many are in flight there.

A turn of its loop does all that came since the last one: the more that is, the more often code and data of the one
request are still in the core's caches for the next.  Measured for a few and for many; in between it is taken to fall
with the square root, which was within 6 % of what was seen with 8, 16 and 32 connections (docs/scaling.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

FEW, MANY = 4, 64


@dataclass(frozen=True, slots=True)
class Turns:
    """Microseconds of CPU of a request with FEW and with MANY in flight."""

    few_us: float
    many_us: float

    def at(self, in_flight: float) -> float:
        """With so many in flight at a worker that is never idle."""
        return self.many_us + (self.few_us - self.many_us) * _place(in_flight)


def _place(in_flight: float) -> float:
    """1 at FEW, 0 at MANY."""
    few, many = 1 / sqrt(FEW), 1 / sqrt(MANY)
    return (1 / sqrt(in_flight) - many) / (few - many)
