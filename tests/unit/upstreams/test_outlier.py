"""Passive ejection on a virtual clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.upstream.resilience import outlier
from gateway.upstream.resilience.options import Outlier
from gateway.upstream.resilience.outlier import OutlierPolicy

RULES = OutlierPolicy.of(Outlier(3, 30.0, 0.5, "x:1"))
SECOND = 1000


def fail(word, now_ms, times=3, allowed=True):
    for _ in range(times):
        word = outlier.observe(word, True, now_ms, allowed, RULES)
    return word


@pytest.mark.parametrize("status", [200, 301, 404, 499])
def test_what_is_no_failure(status):
    assert not outlier.is_failure(status)


@pytest.mark.parametrize("outcome", [500, 503, 599, errors.UPSTREAM_REFUSED, errors.UPSTREAM_RESET,
                                     errors.UPSTREAM_READ_TIMEOUT, errors.UPSTREAM_CONNECT_TIMEOUT,
                                     errors.UPSTREAM_BAD_ANSWER, errors.UPSTREAM_TIMEOUT])  # fmt: skip
def test_what_is_one(outcome):
    assert outlier.is_failure(outcome)


@pytest.mark.parametrize("kind", [errors.CLIENT_CLOSED, errors.MALFORMED_REQUEST, errors.UPSTREAM_SATURATED,
                                  errors.NO_TARGET, errors.CIRCUIT_OPEN, errors.OVERLOADED])  # fmt: skip
def test_what_is_not_the_targets_fault(kind):
    assert not outlier.is_failure(kind)


def test_it_takes_failures_in_a_row():
    word = fail(0, 5, 2)
    assert not outlier.is_ejected(word, 5)
    word = outlier.observe(word, False, 5, True, RULES)
    assert word == 0
    assert not outlier.is_ejected(fail(word, 5, 2), 5)
    assert outlier.is_ejected(fail(word, 5, 3), 5)


def test_a_good_answer_changes_nothing_else():
    word = fail(0, 0)
    assert outlier.observe(word, False, 1, True, RULES) == word


def test_it_ends():
    word = fail(0, 5 * SECOND)
    assert outlier.until(word) == 35 * SECOND
    assert outlier.is_ejected(word, 35 * SECOND - 1)
    assert not outlier.is_ejected(word, 35 * SECOND)


def test_it_grows_each_time_up_to_ten_times():
    word, now, lengths = 0, 0, []
    for _ in range(12):
        word = fail(word, now)
        lengths.append((outlier.until(word) - now) // 30_000)
        now = outlier.until(word)
    assert lengths == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]


def test_calm_makes_it_shorter_again():
    word, now = 0, 0
    for _ in range(5):
        word = fail(word, now)
        now = outlier.until(word)
    assert outlier.level_now(word, now + 29_999, RULES) == 5
    assert outlier.level_now(word, now + 30_000, RULES) == 4
    assert outlier.level_now(word, now + 300_000, RULES) == 0
    again = now + 3 * 30_000
    assert outlier.until(fail(word, again)) - again == 3 * 30_000


def test_late_news_of_an_ejected_target_changes_nothing():
    word = fail(0, 0)
    assert fail(word, 10, 50) == word


def test_when_no_more_may_be_ejected_the_next_failure_asks_again():
    word = fail(0, 0, 10, allowed=False)
    assert not outlier.is_ejected(word, 0)
    assert outlier.is_close(word, RULES)
    assert outlier.is_ejected(fail(word, 1, 1), 1)


def test_when_to_ask():
    assert [outlier.is_close(fail(0, 0, n), RULES) for n in range(4)] == [False, False, True, False]


@pytest.mark.parametrize(
    ("total", "share", "most"),
    [(1, 1.0, 0), (2, 0.5, 1), (2, 1.0, 2), (3, 0.5, 1), (3, 0.1, 1), (4, 0.5, 2), (10, 0.5, 5), (10, 0.29, 2)],
)
def test_how_many(total, share, most):
    rules = OutlierPolicy.of(Outlier(3, 30.0, share, "x:1"))
    assert [outlier.may_eject(ejected, total, rules) for ejected in range(total)] == [n < most for n in range(total)]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40_000), st.booleans()), max_size=60))
def test_it_is_what_the_history_says(events):
    """Against an oracle that keeps everything as it is: a list, a time, a number."""
    word = now = 0
    streak, level, until = [], 0, 0
    for has_failed, pause, allowed in events:
        now += pause
        word = outlier.observe(word, has_failed, now, allowed, RULES)
        if not has_failed:
            streak.clear()
        elif now >= until:
            streak.append(now)
            if len(streak) >= 3 and allowed:
                calm = (now - until) // 30_000
                level = min(10, max(0, level - calm) + 1)
                until = now + 30_000 * level
                streak.clear()
        assert 0 <= word < 1 << 63
        assert outlier.is_ejected(word, now) == (now < until)
        assert outlier.until(word) == until
