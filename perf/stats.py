"""The statistics of the suite: medians with exact intervals, and a test whether two runs differ.

Nothing here supposes a distribution: rounds on a shared machine have long tails, and seven of them show no shape.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median with the bounds of its interval; `coverage` is the interval's true level, 0 when there is none."""

    value: float
    low: float
    high: float
    coverage: float
    rounds: int


def estimate(samples: Sequence[float], level: float = 0.95) -> Estimate:
    """The median of `samples` with the narrowest order-statistic interval of at least `level`.

    The interval from the k-th smallest to the k-th largest of n values misses the median of what they were drawn
    from with probability 2 * P(Binomial(n, 1/2) < k).  Fewer than 6 values cannot reach 95 %: the bounds are
    then infinite, so that no bar is ever decided by them.
    """
    ordered = sorted(samples)
    n = len(ordered)
    if not n:
        raise ValueError("no rounds to estimate from")
    best, coverage = 0, 0.0
    for k in range(1, n // 2 + 1):
        level_of_k = 1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2**n
        if level_of_k < level:
            break
        best, coverage = k, level_of_k
    if not best:
        return Estimate(median(ordered), -math.inf, math.inf, 0.0, n)
    return Estimate(median(ordered), ordered[best - 1], ordered[-best], coverage, n)


def verdict(found: Estimate, at_most: float | None = None, at_least: float | None = None) -> str:
    """`met` or `missed` when the bar lies outside of the interval, else `undecided`."""
    if at_most is not None:
        return "met" if found.high <= at_most else "missed" if found.low > at_most else "undecided"
    if at_least is not None:
        return "met" if found.low >= at_least else "missed" if found.high < at_least else "undecided"
    raise ValueError("a bar needs at_most or at_least")


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value of an ascending sequence that at least `share` (0..1) of all values do not exceed."""
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def mann_whitney(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """(U of `a`, two-sided p) of the Mann-Whitney test, exact also with ties, for some dozens of values.

    p is the share of all ways to deal the joint values into two groups of these sizes whose rank sum lies at
    least as far from its mean as the observed one.  Ranks are doubled, so that the half ranks of ties stay integers.
    """
    joint = sorted([*a, *b])
    ranks: dict[float, int] = {}
    for value in set(joint):
        first = joint.index(value)
        ranks[value] = 2 * first + 1 + joint.count(value)
    ways: list[dict[int, int]] = [defaultdict(int) for _ in range(len(a) + 1)]
    ways[0][0] = 1
    for value in joint:
        for chosen in range(len(a) - 1, -1, -1):
            for total, count in list(ways[chosen].items()):
                ways[chosen + 1][total + ranks[value]] += count
    observed = sum(ranks[value] for value in a)
    mean = len(a) * (len(joint) + 1)
    far = sum(count for total, count in ways[len(a)].items() if abs(total - mean) >= abs(observed - mean))
    return observed / 2 - len(a) * (len(a) + 1) / 2, far / math.comb(len(joint), len(a))


def least_p(a: int, b: int) -> float:
    """The smallest p that `mann_whitney` can give for groups of these sizes: all of one below all of the other."""
    return 2 / math.comb(a + b, a)


def holm(found: Sequence[float]) -> list[float]:
    """Each p corrected for how many were looked at together (Holm).

    All of them held against one alpha, at most that share of families has a false alarm, whatever the tests have to do
    with each other.
    """
    corrected, so_far = [1.0] * len(found), 0.0
    for place, at in enumerate(sorted(range(len(found)), key=found.__getitem__)):
        so_far = max(so_far, min(1.0, found[at] * (len(found) - place)))
        corrected[at] = so_far
    return corrected
