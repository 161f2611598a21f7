import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerting.silences import Inhibition, MaintenanceWindow, Silence, inhibited, matches

LABELS = {"name": "errors", "severity": "page", "route": "item"}


@pytest.mark.parametrize(
    ("matchers", "fit"),
    [
        ((("name", "errors"),), True),
        ((("name", "err*"), ("route", "*te*")), True),
        ((("name", "*"),), True),
        ((("name", "error"),), False),
        ((("name", "errors"), ("route", "stock")), False),
        ((("team", "shop"),), False),
        ((("team", ""),), True),
        ((("name", "e.rors"),), False),
        ((), True),
    ],
)
def test_matchers(matchers, fit):
    assert matches(matchers, LABELS) is fit


@given(st.text("ab*", max_size=6), st.text("ab\n", max_size=6))
def test_a_star_stands_for_anything(pattern, text):
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
    assert matches((("x", pattern),), {"x": text}) is expected


def test_many_stars_take_no_longer_than_one():
    assert not matches((("x", "*a" * 100 + "b"),), {"x": "a" * 200})
    assert matches((("x", "*a" * 100 + "*"),), {"x": "a" * 200})


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2027-01-16 21:59", False),  # a Saturday
        ("2027-01-16 22:00", True),
        ("2027-01-17 03:59", True),
        ("2027-01-17 04:00", False),
        ("2027-01-16 03:00", False),
        ("2027-01-17 23:00", False),
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_it_begins_on(moment, covered):
    assert MaintenanceWindow((), (5,), 22 * 60, 4 * 60).covers(at(moment)) is covered


def test_a_window_within_a_day():
    window = MaintenanceWindow((), (4,), 60, 120)
    assert [window.covers(at(f"2027-01-15 0{hour}:30")) for hour in (0, 1, 2)] == [False, True, False]


def test_nothing_inhibits_itself():
    rule = Inhibition((("severity", "page"),), (("severity", "page"),))
    other = {**LABELS, "name": "other"}
    assert inhibited(LABELS, [LABELS], [rule]) == ""
    assert inhibited(LABELS, [LABELS, other], [rule]) == "other"
    assert inhibited(LABELS, [{"name": "x", "severity": "warn"}], [rule]) == ""


def test_a_silence_is_kept_as_it_is():
    one = Silence("x", (("name", "errors"),), 1.0, 2.0, "alice", "why")
    assert Silence.from_json(one.to_json()) == one
    for broken in ({}, None, {**one.to_json(), "until": "soon"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Silence.from_json(broken)
