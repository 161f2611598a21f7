"""Pauses between tries, and Retry-After."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.resilience.backoff import delay, named_wait, parse_retry_after, wait

BASE = 0.025
NOW = 1_700_000_000.0


def test_it_doubles_up_to_ten_times():
    longest = [delay(retry, BASE, 1.0) / BASE for retry in range(1, 8)]
    assert longest == [1, 2, 4, 8, 10, 10, 10]
    assert delay(10_000, BASE, 1.0) == 10 * BASE


@given(st.integers(1, 10), st.floats(0, 1, exclude_max=True))
def test_full_jitter_is_anything_from_nothing_on(retry, random):
    assert 0 <= delay(retry, BASE, random) <= delay(retry, BASE, 1.0)
    assert delay(retry, BASE, 0.0) == 0


@pytest.mark.parametrize(
    ("pause", "retry_after", "left", "expected"),
    [(0.1, None, 1, 0.1), (0.1, None, 0.1, None), (0.1, None, -1, None), (0.1, 0.05, 1, 0.1), (0.1, 0.5, 1, 0.5),
     (0.1, 1, 1, None), (0.1, 120, 8, None), (0.0, None, 1, 0.0), (0.1, float("inf"), 60, None)],
)  # fmt: skip
def test_what_the_upstream_asks_for_is_the_least_and_the_deadline_the_most(pause, retry_after, left, expected):
    assert wait(pause, retry_after, left) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("120", 120), (" 7\t", 7), (formatdate(NOW + 90, usegmt=True), 90),
     (formatdate(NOW - 90, usegmt=True), 0), ("Sunday, 06-Nov-94 08:49:37 GMT", 0), ("Sun Nov  6 08:49:37 1994", 0),
     ("9" * 400, float("inf")),
     ("", None), ("-1", None), ("1.5", None), ("soon", None), ("٣", None), ("+5", None), ("1 2", None),
     ("Wed, 99 Nov 2094 08:49:37 GMT", None)],
)  # fmt: skip
def test_retry_after(value, expected):
    assert parse_retry_after(value, NOW) == expected


def test_an_answer_may_ask_for_time():
    assert named_wait([("Content-Length", "7"), ("RETRY-AFTER", "5")], NOW) == 5
    assert named_wait([("Retry-After", "soon")], NOW) is None and named_wait([], NOW) is None


@given(st.text())
def test_no_text_of_an_upstream_raises(value):
    found = parse_retry_after(value, NOW)
    assert found is None or found >= 0
