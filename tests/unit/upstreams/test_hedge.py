"""When a second try is made beside the first, and the percentile it waits for."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.resilience.hedge import HedgePolicy, Latencies, delay
from gateway.upstream.resilience.options import Hedge

LIVE = HedgePolicy.of(Hedge(0.0, 0.95, 0.05, "x:1"))
FIXED = HedgePolicy.of(Hedge(0.3, 0.0, 0.05, "x:1"))


@pytest.mark.parametrize(
    ("method", "estimate", "left", "rules", "expected"),
    [("GET", 0.2, 5, LIVE, 0.2), ("GET", None, 5, LIVE, None), ("GET", 6.0, 5, LIVE, None), ("HEAD", 0.2, 5, LIVE, 0.2),
     ("PUT", 0.2, 5, LIVE, None), ("POST", 0.2, 5, LIVE, None), ("DELETE", 0.2, 5, LIVE, None),
     ("GET", None, 5, FIXED, 0.3), ("GET", 0.1, 5, FIXED, 0.3), ("GET", None, 0.3, FIXED, None)],
)  # fmt: skip
def test_delay(method, estimate, left, rules, expected):
    assert delay(method, estimate, left, rules) == expected


def test_rules():
    assert (LIVE.quantile, LIVE.share, FIXED.after) == (0.95, 50_000, 0.3)


def test_a_few_latencies_tell_nothing():
    seen = Latencies(0.95)
    for _ in range(49):
        seen.record(0.1)
    assert seen.quantile(1) is None
    seen.record(0.1)
    assert seen.quantile(1000) == pytest.approx(0.1, rel=1 / 16)


@given(st.lists(st.floats(0.0001, 100), min_size=50, max_size=300), st.sampled_from((0.5, 0.9, 0.95, 0.99)))
def test_the_estimate_is_a_sixteenth_off_at_most(latencies, quantile):
    seen = Latencies(quantile)
    for latency in latencies:
        seen.record(latency)
    exact = sorted(latencies)[-(-int(quantile * 1000) * len(latencies) // 1000) - 1]
    assert seen.quantile(1) == pytest.approx(exact, rel=1 / 16)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e-5, 127.0, 1e6, float("3e38")])
def test_nothing_is_out_of_range(seconds):
    seen = Latencies(0.95)
    for _ in range(60):
        seen.record(seconds)
    assert 2**-15 <= seen.quantile(1) <= 2**7


def test_it_is_live():
    """Ten times slower from one moment on: known within the time of a half, and so is the way back."""
    seen, dice, now = Latencies(0.95), random.Random(1), 0
    found = []
    for second in range(90):
        scale = 10 if 30 <= second < 60 else 1
        for _ in range(100):
            now += 10
            seen.record(dice.uniform(0.01, 0.02) * scale)
            seen.quantile(now)
        found.append(seen.quantile(now))
    assert all(answer == pytest.approx(0.0195, rel=0.1) for answer in found[5:30])
    assert all(answer == pytest.approx(0.195, rel=0.1) for answer in found[42:60])
    assert all(answer == pytest.approx(0.0195, rel=0.1) for answer in found[82:])


def test_what_was_before_a_long_pause_is_forgotten():
    seen = Latencies(0.95)
    for now in range(1, 1000):
        seen.record(0.1)
        seen.quantile(now)
    assert seen.quantile(1200) is not None
    assert seen.quantile(60_000) is None
