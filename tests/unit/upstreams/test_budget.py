"""The retry budget: sums in, yes or no out; as a state machine over a sliding window beside a slow one."""

from collections import deque
from fractions import Fraction

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.upstream.resilience import retry_budget as budget
from gateway.upstream.resilience.retry_budget import FLOOR, WINDOW, may_hedge, may_retry
from tests.support.drawing import examples

SHARE = 200_000


@pytest.mark.parametrize(
    ("requests", "retries", "expected"),
    [(1, 0, True), (1, 2, True), (1, 3, False), (15, 2, True), (15, 3, False), (19, 3, False), (20, 3, True),
     (20, 4, False), (5000, 999, True), (5000, 1000, False)],
)  # fmt: skip
def test_retries(requests, retries, expected):
    assert may_retry(requests, retries, SHARE) == expected


@pytest.mark.parametrize(
    ("requests", "hedges", "expected"), [(4, 0, False), (5, 0, True), (5, 1, False), (10, 1, True)]
)
def test_hedges_have_no_floor(requests, hedges, expected):
    assert may_hedge(requests, hedges, SHARE) == expected


@pytest.mark.parametrize("percent", range(1, 101))
def test_shares_are_exact(percent):
    share = round(percent / 100 * 1_000_000)
    assert may_retry(10_000, 100 * percent - 1, share)
    assert not may_retry(10_000, 100 * percent, share)


def storm(rate, seconds, attempts, share, dies_at=0.0):
    """(requests, tries sent) of an upstream that answers nothing but errors from `dies_at` on; no pauses."""
    first, again, requests, sent = deque(), deque(), int(rate * seconds), 0
    for number in range(requests):
        now = number * 1000 / rate
        first.append(now)
        sent += 1
        for times in (first, again):
            while times and times[0] <= now - WINDOW:
                times.popleft()
        for _ in range(attempts if now >= dies_at * 1000 else 0):
            if not may_retry(len(first), len(again), share):
                break
            again.append(now)
            sent += 1
    return requests, sent


@pytest.mark.parametrize(("rate", "dies_at"), [(100, 0), (100, 15), (20, 0), (5, 20)])
def test_a_storm_of_retries_stays_inside_the_budget(rate, dies_at):
    """An upstream at 100 % errors gets its share of extra load, and no more than five points on top."""
    requests, sent = storm(rate, 40, 3, SHARE, dies_at)
    assert sent <= requests * 1.25
    assert dies_at or sent >= requests * 1.15


class Budget(RuleBasedStateMachine):
    """Requests and wishes for retries over time; the window is a list of times."""

    @initialize(percent=st.sampled_from((1, 7, 20, 29, 50, 100)))
    def begin(self, percent):
        self.share = Fraction(percent, 100)
        self.parts = round(percent / 100 * 1_000_000)
        self.now = 0
        self.requests, self.retries = [], []

    def recent(self, times):
        return sum(self.now - WINDOW < at for at in times)

    @rule(ms=st.integers(0, 4000))
    def wait(self, ms):
        self.now += ms

    @rule(number=st.integers(1, 30))
    def come(self, number):
        self.requests += [self.now] * number

    @rule(number=st.integers(1, 30))
    def fail(self, number):
        for _ in range(number):
            requests, retries = self.recent(self.requests), self.recent(self.retries)
            expected = retries < FLOOR or Fraction(retries + 1) <= self.share * requests
            assert may_retry(requests, retries, self.parts) == expected
            assert may_hedge(requests, retries, self.parts) == (Fraction(retries + 1) <= self.share * requests)
            if expected:
                self.retries.append(self.now)

    @invariant()
    def retries_of_any_window_fit_into_the_requests_of_two(self):
        """A retry is paid for by the window that ends with it, so one window's are by the two that end with it."""
        if not hasattr(self, "retries"):
            return
        paying = sum(self.now - 2 * WINDOW < at for at in self.requests)
        assert self.recent(self.retries) <= max(FLOOR, self.share * paying)


TestBudget = Budget.TestCase
TestBudget.settings = examples(50, 40)


def test_the_window_is_ten_seconds():
    assert budget.WINDOW == 10_000
