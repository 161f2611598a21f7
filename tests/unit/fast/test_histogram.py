"""Histograms: against their oracle, and what is promised about quantiles."""

import math
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.histogram import Histogram
from tests.oracles import meter_oracle

EDGES = meter_oracle.edges()
DURATION = (
    st.floats(0, 20_000) | st.floats(1e-7, 1e-3) | st.floats(1e-5, 10) | st.sampled_from([float(e) for e in EDGES])
)
DURATIONS = st.lists(DURATION, max_size=40)


def test_the_edges_are_what_they_are_said_to_be():
    assert len(EDGES) == 1025
    assert sorted(EDGES) == EDGES
    assert 17_000 < EDGES[-1] < 17_200
    for low, high in pairwise(EDGES[32:]):
        assert (high - low) / low <= 1 / 32


@given(DURATIONS)
def test_buckets_as_the_oracle_counts_them(durations):
    made = Histogram(durations)
    assert made.buckets() == meter_oracle.Histogram(durations).buckets(EDGES)
    assert made.count == len(durations)
    assert made.sum == pytest.approx(sum(durations), abs=1e-9 * (1 + len(durations)))


@given(st.lists(st.floats(1e-5, 1000), min_size=1, max_size=200), st.floats(0, 1) | st.sampled_from([0.5, 0.95, 0.99]))
def test_quantiles_are_within_two_percent(durations, share):
    exact = meter_oracle.Histogram(durations).quantile(share)
    assert Histogram(durations).quantile(share) == pytest.approx(exact, rel=0.02)


@given(DURATIONS, DURATIONS)
def test_sums_and_differences(one, other):
    both = Histogram(one).plus(Histogram(other))
    assert both == Histogram(one + other)
    assert both.minus(Histogram(one)) == Histogram(other)
    assert both.minus(both) == Histogram()
    assert Histogram(one).minus(both) == Histogram(), "never less than none"


@given(DURATIONS)
def test_it_is_a_value(durations):
    made = Histogram(durations)
    same = pickle.loads(pickle.dumps(made))
    assert (same, hash(same), same.count, same.sum) == (made, hash(made), made.count, made.sum)
    assert made != Histogram([*durations, 1.0])
    assert made != durations
    with pytest.raises(AttributeError):
        made.count = 5


@given(DURATIONS, DURATION)
def test_at_most(durations, bound):
    found = Histogram(durations).at_most(bound)
    assert sum(each <= bound for each in durations) <= found
    assert found <= sum(each <= max(bound * 1.04, bound + 1e-6) or bound > 17_000 for each in durations)


def test_what_is_no_duration_counts_as_none():
    made = Histogram([math.nan, -1.0, -math.inf])
    assert (made.buckets(), made.sum) == ([(2.5e-07, 3)], 0.0)
    assert Histogram([math.inf, 1e300]).buckets() == [(float(EDGES[-1]), 2)]


def test_nothing_has_no_quantile():
    assert math.isnan(Histogram().quantile(0.5))
    assert (Histogram().count, Histogram().sum, Histogram().buckets(), Histogram().at_most(9.0)) == (0, 0.0, [], 0)
    assert repr(Histogram([1.5, 0.5])) == "<Histogram of 2 durations, 2 s in all>"
