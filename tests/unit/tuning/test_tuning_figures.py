"""Percentiles, the knee and the universal scalability law, against curves that are known."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.tuning.statistics import Usl, fit_usl, in_ms, knee, percentile, spread

POSITIVE = st.floats(0.001, 1e6)


def curve(law, counts=(1, 2, 4, 8, 16, 32, 64, 128, 256)):
    return [(float(n), law.at(n)) for n in counts]


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0, 1))
def test_a_percentile_is_exceeded_by_no_more_than_the_rest(values, share):
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(each <= found for each in ordered) >= share * len(ordered) - 1e-6
    assert sum(each < found for each in ordered) < max(share * len(ordered), 1e-6) + 1e-6


def test_percentiles_of_a_hundred():
    hundred = list(range(1, 101))
    assert [percentile(hundred, share) for share in (0.5, 0.99, 1.0, 0.0)] == [50, 99, 100, 1]
    with pytest.raises(ValueError):
        percentile([], 0.5)


def test_a_spread_is_the_median_and_the_ends():
    found = spread([3.0, 1.0, 8.0])
    assert (found.value, found.low, found.high) == (3.0, 1.0, 8.0)


@given(st.floats(100, 1e5), st.floats(0, 0.9), st.one_of(st.just(0.0), st.floats(1e-6, 0.01)))
def test_a_law_is_found_again_from_its_own_curve(speed, contention, coherence):
    found = fit_usl(curve(Usl(speed, contention, coherence, 0)))
    assert found is not None and found.error < 1e-6
    assert found.speed == pytest.approx(speed, rel=1e-4)
    assert found.contention == pytest.approx(contention, abs=1e-4)
    assert found.coherence == pytest.approx(coherence, abs=1e-5)


@given(st.lists(st.tuples(st.integers(1, 300), POSITIVE), max_size=12, unique_by=lambda each: each[0]))
def test_no_term_of_a_fit_is_negative(points):
    found = fit_usl([(float(n), x) for n, x in points])
    if found is None:
        assert len(points) < 3
        return
    assert found.speed > 0 and found.contention >= 0 and found.coherence >= 0
    assert found.peak >= 1 and found.error >= 0


@given(st.floats(100, 1e5), st.floats(0, 0.5), st.floats(1e-5, 0.01))
def test_nothing_is_above_the_peak(speed, contention, coherence):
    law = Usl(speed, contention, coherence, 0)
    assert all(law.at(n) <= law.limit * (1 + 1e-9) for n in range(1, 300))


def test_without_coherence_there_is_no_peak():
    law = Usl(100, 0.1, 0, 0)
    assert math.isinf(law.peak) and law.limit == pytest.approx(1000)
    assert math.isinf(Usl(100, 0, 0, 0).limit)


@given(st.integers(2, 8))
def test_the_knee_of_a_bend_is_the_bend(at):
    points = [(float(x), float(min(x, at))) for x in range(11)]
    assert knee(points) == at


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=20, unique_by=lambda each: each[0]))
def test_the_knee_is_a_point_not_beyond_the_highest(points):
    ordered = sorted(points)
    found = knee(ordered)
    assert 0 <= found < len(ordered)
    assert ordered[found][0] <= max(ordered, key=lambda each: (each[1], -each[0]))[0]


@given(
    st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0.01, 1e4)), min_size=3, max_size=9, unique_by=lambda e: e[0]),
    st.floats(0.5, 100),
)
def test_the_knee_does_not_depend_on_units(points, scale):
    ordered = sorted(points)
    heights = [y for _, y in ordered]
    assume(len(set(heights)) == len(heights))
    at, scaled = knee(ordered), knee([(x * scale, y * scale) for x, y in ordered])
    gaps = [above(ordered, each) for each in (at, scaled)]
    assert at == scaled or gaps[0] == pytest.approx(gaps[1], abs=1e-6)


def above(points, at):
    """How far a point lies above the diagonal, in the scaled axes."""
    (left, bottom), right, highest = points[0], points[-1][0], max(y for _, y in points)
    if highest <= bottom:
        return 0.0
    x, y = points[at]
    return (y - bottom) / (highest - bottom) - (x - left) / (right - left)


def test_a_straight_line_has_its_knee_at_the_end():
    assert knee([(float(x), 3.0 * x) for x in (1, 2, 4, 8)]) == 3


def test_a_knee_of_nothing_is_refused_and_of_a_fall_is_the_first():
    with pytest.raises(ValueError):
        knee([])
    assert knee([(1.0, 5.0), (2.0, 4.0)]) == 0


def test_milliseconds_for_people():
    assert [in_ms(each) for each in (0.2512, 20.0, 2000.0)] == ["0.251 ms", "20 ms", "2,000 ms"]
