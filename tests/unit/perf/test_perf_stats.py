"""The statistics against known values and against simulation."""

import itertools
import math
import random

import pytest

from perf.stats import estimate, mann_whitney, percentile, verdict


def test_interval_of_seven_rounds_is_their_range():
    found = estimate([5, 1, 4, 2, 3, 7, 6])
    assert (found.value, found.low, found.high) == (4, 1, 7)
    assert found.coverage == pytest.approx(1 - 2 / 2**7)


def test_interval_narrows_with_more_rounds():
    # n=20: the 6th smallest and largest, coverage 95.86 %, as in the tables of the sign test
    found = estimate(range(1, 21))
    assert (found.low, found.high) == (6, 15)
    assert found.coverage == pytest.approx(0.9586, abs=1e-4)


@pytest.mark.parametrize("rounds", [1, 3, 5])
def test_too_few_rounds_decide_nothing(rounds):
    found = estimate([1.0] * rounds)
    assert found.value == 1.0 and math.isinf(found.low) and math.isinf(found.high)
    assert verdict(found, at_most=100) == "undecided"


def test_interval_holds_the_true_median_as_often_as_it_says():
    chance = random.Random(7)
    hits = 0
    for _ in range(1000):
        found = estimate([chance.expovariate(1) for _ in range(9)])
        hits += found.low <= math.log(2) <= found.high
    assert 0.945 <= hits / 1000 <= 0.98  # 0.961 by theory


@pytest.mark.parametrize(
    ("values", "limits", "said"),
    [
        ([1, 2, 3, 4, 5, 6, 7], {"at_most": 7}, "met"),
        ([1, 2, 3, 4, 5, 6, 7], {"at_most": 6}, "undecided"),
        ([1, 2, 3, 4, 5, 6, 7], {"at_most": 0.9}, "missed"),
        ([1, 2, 3, 4, 5, 6, 7], {"at_least": 1}, "met"),
        ([1, 2, 3, 4, 5, 6, 7], {"at_least": 4}, "undecided"),
        ([1, 2, 3, 4, 5, 6, 7], {"at_least": 8}, "missed"),
    ],
)
def test_a_bar_is_decided_only_outside_of_the_interval(values, limits, said):
    assert verdict(estimate(values), **limits) == said


def test_percentiles_are_values_that_occurred():
    values = list(range(1, 1001))
    assert [percentile(values, s) for s in (0.5, 0.99, 0.999, 1.0, 0.0)] == [500, 990, 999, 1000, 1]
    assert percentile([3.0], 0.999) == 3.0


def by_enumeration(a, b):
    """The slow, obvious two-sided exact test: count the pairs won, in every possible deal."""
    joint = [*a, *b]

    def wins(x, y):
        return sum((i > j) + 0.5 * (i == j) for i in x for j in y)

    mean, seen, deals = len(a) * len(b) / 2, 0, 0
    for chosen in itertools.combinations(range(len(joint)), len(a)):
        x = [joint[i] for i in chosen]
        y = [joint[i] for i in range(len(joint)) if i not in chosen]
        deals += 1
        seen += abs(wins(x, y) - mean) >= abs(wins(a, b) - mean)
    return wins(a, b), seen / deals


@pytest.mark.parametrize("seed", range(12))
def test_mann_whitney_equals_enumeration_also_with_ties(seed):
    chance = random.Random(seed)
    a = [chance.randint(0, 6) for _ in range(chance.randint(2, 5))]
    b = [chance.randint(0, 6) for _ in range(chance.randint(2, 5))]
    assert mann_whitney(a, b) == pytest.approx(by_enumeration(a, b))


def test_mann_whitney_of_separated_sevens():
    assert mann_whitney(range(7), range(10, 17)) == (0, pytest.approx(2 / math.comb(14, 7)))
