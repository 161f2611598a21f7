"""Active checks on a virtual clock: fall and rise, when a check is due, and panic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience.health_check import DOWN, UNKNOWN, UP, HealthCheckPolicy
from gateway.upstream.resilience.options import Health

RULES = HealthCheckPolicy.of(Health("/healthz", 5.0, 1.0, 3, 2, (200, 204), "x:1"))


def after(*statuses, word=0, start=1000):
    for number, status in enumerate(statuses):
        word = health.observe(word, status, start + number, RULES)
    return word


def test_rules_are_milliseconds():
    assert HealthCheckPolicy(5000, 1000, 3, 2, frozenset((200, 204))) == RULES


def test_nothing_known_counts_as_up():
    assert health.is_up(0)
    assert health.read(0) == health.HealthRecord("unknown", 0, 0, 0)


def test_one_good_check_is_a_verdict_for_what_is_unknown():
    assert after(204) & 3 == UP


def test_what_is_unknown_falls_like_what_is_up():
    assert [after(*[0] * n) & 3 for n in (1, 2, 3)] == [UNKNOWN, UNKNOWN, DOWN]


def test_fall_and_rise():
    up = after(200)
    assert health.is_up(after(503, 0, word=up))
    assert not health.is_up(after(503, 0, 404, word=up))
    down = after(0, 0, 0, word=up)
    assert not health.is_up(after(200, word=down))
    assert health.is_up(after(200, 204, word=down))


def test_one_that_agrees_starts_the_count_again():
    assert health.is_up(after(200, 0, 0, 200, 0, 0))
    assert not health.is_up(after(0, 0, 0, 200, 0, 200, 0))


def test_the_word_says_since_when_and_why():
    assert health.read(after(200, 200, start=70)) == health.HealthRecord("up", 70, 0, 200)
    assert health.read(after(200, 503, 503, 503, start=70)) == health.HealthRecord("down", 73, 0, 503)
    assert health.read(after(200, 503, 0, start=70)) == health.HealthRecord("up", 70, 2, 0)


def slow_opinion(statuses, rules):
    """The same, by looking at all results there were."""
    state = "unknown"
    seen = []
    for status in statuses:
        is_good = status in rules.expect
        seen.append(is_good)
        if state != "up" and is_good and (state == "unknown" or (len(seen) >= rules.rise and all(seen[-rules.rise :]))):
            state, seen = "up", []
        elif state != "down" and not is_good and len(seen) >= rules.fall and not any(seen[-rules.fall :]):
            state, seen = "down", []
    return state


@given(st.lists(st.sampled_from((200, 200, 0, 503))), st.integers(1, 4), st.integers(1, 4))
def test_it_is_what_the_history_says(statuses, fall, rise):
    rules = HealthCheckPolicy(5000, 1000, fall, rise, frozenset((200,)))
    word = 0
    for now_ms, status in enumerate(statuses):
        word = health.observe(word, status, now_ms, rules)
        assert 0 <= word < 1 << 63
    assert health.read(word).state == slow_opinion(statuses, rules)


def test_a_streak_that_no_verdict_ends_does_not_run_into_its_neighbours():
    slow = HealthCheckPolicy(5000, 1000, 1000, 1000, frozenset((200,)))
    word = health.observe(0, 200, 5, slow)
    for _ in range(600):
        word = health.observe(word, 503, 9, slow)
    assert health.read(word) == health.HealthRecord("up", 5, 255, 503)


@given(st.floats(0, 1, exclude_max=True))
def test_checks_drift_apart_and_are_never_late(random):
    assert 1000 + 4500 <= health.next_check(1000, random, RULES) <= 1000 + 5000
    assert 1000 <= health.first_check(1000, random, RULES) <= 2000


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4), st.integers(0, 5000))
def test_a_dead_target_is_found_within_fall_intervals_and_a_timeout(randoms, died):
    """The worst case is a death right after a check; `down_at` is when the check that made the verdict ended."""
    word, began = health.observe(0, 200, 0, RULES), 0
    for random in randoms:
        began = health.next_check(began, random, RULES)
        if began > died:
            word = health.observe(word, 0, began + RULES.timeout, RULES)
        if not health.is_up(word):
            assert began + RULES.timeout - died <= RULES.fall * RULES.every + RULES.timeout
            return
    assert began - died < RULES.fall * RULES.every


@pytest.mark.parametrize(
    ("usable", "panic", "expected"),
    [
        ("1111", 0.5, ("abcd", False)),
        ("1011", 0.5, ("acd", False)),
        ("1010", 0.5, ("ac", False)),
        ("1000", 0.5, ("abcd", True)),
        ("1000", 0.0, ("a", False)),
        ("0000", 0.0, ("abcd", True)),
        ("1110", 1.0, ("abcd", True)),
        ("", 0.5, ("", False)),
    ],
)
def test_panic(usable, panic, expected):
    targets = tuple("abcd")[: len(usable)]
    chosen, is_panic = health.eligible(targets, [each == "1" for each in usable], panic)
    assert ("".join(chosen), is_panic) == expected
