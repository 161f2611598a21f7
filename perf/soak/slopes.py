"""Whether a series of samples grows: the slope of Theil and Sen, with its lower bound, against an allowance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

#: how sure it must be that something grows at all
LEVEL = 0.99


@dataclass(frozen=True, slots=True)
class Slope:
    """Units per second: the median of the slopes of all pairs, and what it lies above with the probability LEVEL."""

    value: float
    low: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a figure may grow between the first and the last sample: the greater of units, and a share of it."""

    units: float
    share: float = 0.0

    def of(self, values: Sequence[float]) -> float:
        """In units."""
        return max(self.units, self.share * median(values))


#: what workers hold; rss is the part of it that is theirs alone, in bytes
ALLOWED = {
    "rss": Allowance(4 << 20, 0.06),
    "fds": Allowance(4),
    "greenlets": Allowance(4),
    "objects": Allowance(1_500, 0.01),
    "blocks": Allowance(8_000, 0.02),
}


def theil_sen(times: Sequence[float], values: Sequence[float]) -> Slope:
    """The slope of samples; the bound is Sen's, by Kendall's normal approximation.

    Half of the samples may be outliers, such as the top of a saw's tooth, without moving it much. Fewer than 8 have no
    bound: they decide nothing.
    """
    slopes = sorted(
        (values[j] - values[i]) / (times[j] - times[i])
        for i in range(len(times))
        for j in range(i + 1, len(times))
        if times[j] > times[i]
    )
    if not slopes:
        raise ValueError("a slope needs two samples at different times")
    n = len(times)
    width = NormalDist().inv_cdf(LEVEL) * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    place = int((len(slopes) - width) / 2)
    low = slopes[place] if n >= 8 and place >= 0 else -math.inf
    return Slope(median(slopes), low)


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure of one worker; `growth` and `allowed` are over all samples, `per_hour` as it would go on."""

    worker: str
    figure: str
    first: float
    last: float
    growth: float
    allowed: float
    per_hour: float
    leaks: bool


def judge(worker: str, figure: str, times: Sequence[float], values: Sequence[float]) -> Finding:
    """Whether it leaks: it grows for sure, and by more than is allowed."""
    slope, allowed = theil_sen(times, values), ALLOWED[figure].of(values)
    growth = slope.value * (times[-1] - times[0])
    leaks = slope.low > 0 and growth > allowed
    return Finding(worker, figure, values[0], values[-1], growth, allowed, slope.value * 3600, leaks)
