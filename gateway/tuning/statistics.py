"""The arithmetic of the sweep: percentiles, the knee of a curve, and the universal scalability law.  Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of a few rounds with the smallest and the largest of them."""

    value: float
    low: float
    high: float


def spread(samples: Sequence[float]) -> Spread:
    """Of at least one round."""
    return Spread(median(samples), min(samples), max(samples))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value of an ascending sequence that at least `share` (0..1) of all values do not exceed."""
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def knee(points: Sequence[tuple[float, float]]) -> int:
    """The index of the knee of an increasing, concave curve, given by ascending x: Kneedle (Satopaa et al., 2011).

    Both axes are scaled to 0..1, the second from the first point to the highest; the knee is where the curve lies
    highest above the diagonal.  A curve that never bends has it at its end.
    """
    if not points:
        raise ValueError("no points")
    (left, bottom), right, highest = points[0], points[-1][0], max(y for _, y in points)
    if right <= left or highest <= bottom:
        return 0

    def above(at: int) -> tuple[float, float]:
        x, y = points[at]
        return round((y - bottom) / (highest - bottom) - (x - left) / (right - left), 9), y

    return max(range(len(points)), key=above)


@dataclass(frozen=True, slots=True)
class Usl:
    """X(n) = speed * n / (1 + contention * (n - 1) + coherence * n * (n - 1)) (Gunther, 1993).

    `speed` is the throughput of one; `error` the root mean square of the relative residuals.
    """

    speed: float
    contention: float
    coherence: float
    error: float

    def at(self, n: float) -> float:
        """Throughput with n."""
        return self.speed * n / (1 + self.contention * (n - 1) + self.coherence * n * (n - 1))

    @property
    def peak(self) -> float:
        """The n of the highest throughput, infinite when there is none: sqrt((1 - contention) / coherence)."""
        if self.coherence <= 0:
            return math.inf
        return max(1.0, math.sqrt(max(0.0, 1 - self.contention) / self.coherence))

    @property
    def limit(self) -> float:
        """The throughput at the peak; where there is none, what it tends to."""
        if math.isfinite(self.peak):
            return self.at(self.peak)
        return self.speed / self.contention if self.contention > 0 else math.inf


#: which of speed, contention and coherence a fit may use, the fullest first
_TERMS = ((0, 1, 2), (0, 1), (0, 2), (0,))


def fit_usl(points: Sequence[tuple[float, float]]) -> Usl | None:
    """The law that fits (n, throughput) best by relative error, none of its terms negative; None under 3 points.

    n / X(n) is linear in a = 1/speed, b = contention/speed and c = coherence/speed, so these are found by least
    squares of rows divided by n / X(n); a fit with a negative term is made again without it.
    """
    rows = [(x / n, x * (n - 1) / n, x * (n - 1)) for n, x in points if n > 0 and x > 0]
    if len(rows) < 3:
        return None
    found = []
    for terms in _TERMS:
        solved = _least_squares([[row[term] for term in terms] for row in rows])
        if solved is None or solved[0] <= 0 or min(solved) < 0:
            continue
        weights = [0.0, 0.0, 0.0]
        for term, weight in zip(terms, solved, strict=True):
            weights[term] = weight
        gaps = [sum(w * v for w, v in zip(weights, row, strict=True)) - 1 for row in rows]
        found.append((math.sqrt(sum(gap * gap for gap in gaps) / len(gaps)), weights))
    if not found:
        return None
    error, (a, b, c) = min(found, key=lambda each: each[0])
    return Usl(1 / a, b / a, c / a, error)


def _least_squares(rows: list[list[float]]) -> list[float] | None:
    """The w for which every row * w is closest to 1, by the normal equations; None when they have no one answer."""
    size = len(rows[0])
    scales = [math.sqrt(sum(row[i] * row[i] for row in rows)) for i in range(size)]
    if not all(scales):
        return None
    scaled = [[row[i] / scales[i] for i in range(size)] for row in rows]
    matrix = [[sum(row[i] * row[j] for row in scaled) for j in range(size)] for i in range(size)]
    right = [sum(row[i] for row in scaled) for i in range(size)]
    solved = _solve(matrix, right)
    return None if solved is None else [value / scale for value, scale in zip(solved, scales, strict=True)]


def _solve(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Gauss with the largest pivot; None for a matrix that has no inverse."""
    size = len(right)
    work = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at in range(size):
        pivot = max(range(at, size), key=lambda row: abs(work[row][at]))
        if abs(work[pivot][at]) < 1e-12:
            return None
        work[at], work[pivot] = work[pivot], work[at]
        for row in range(size):
            if row != at:
                share = work[row][at] / work[at][at]
                work[row] = [value - share * above for value, above in zip(work[row], work[at], strict=True)]
    return [work[at][size] / work[at][at] for at in range(size)]


def in_ms(value: float) -> str:
    """Milliseconds for people: 0.25 ms, 20 ms, 2,000 ms."""
    return f"{value:.3g} ms" if value < 100 else f"{value:,.0f} ms"
