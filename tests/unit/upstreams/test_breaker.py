"""The circuit breaker on a virtual clock, case by case; test_breaker_machine.py compares it with a slow one."""

import pytest

from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience.circuit_breaker import CLOSED, FREE, HALF_OPEN, OPEN, REFUSED, CircuitBreakerPolicy
from gateway.upstream.resilience.options import CircuitBreaker

SPEC = CircuitBreaker(0.5, 0.0, 0.5, 10.0, 20, 5.0, 3, "x:1")
RULES = CircuitBreakerPolicy.of(SPEC, 8.0)
SLOW = CircuitBreakerPolicy.of(CircuitBreaker(0.5, 2.0, 0.5, 10.0, 20, 5.0, 3, "x:1"), 8.0)
NOW = 1_000_000


def opened(at=NOW):
    return breaker.trip(0, at, (20, 10, 0), RULES)


def probing(number, at=NOW + 5000):
    """A half-open word after `number` probes were let through, and their tickets."""
    word, tickets = opened(), []
    for _ in range(number):
        word, ticket = breaker.admit(word, at, RULES)
        tickets.append(ticket)
    return word, tickets


def test_rules_are_milliseconds_and_millionths():
    assert CircuitBreakerPolicy(500_000, 0, 500_000, 10_000, 20, 5000, 3, 9000) == RULES
    assert SLOW.slow_call == 2000


def test_a_closed_one_lets_everything_through_unchanged():
    assert breaker.admit(0, NOW, RULES) == (0, FREE)
    assert breaker.admits(0, NOW, RULES)
    assert breaker.state(0, NOW) == CLOSED


@pytest.mark.parametrize(
    ("sums", "opens"),
    [((19, 19, 0), False), ((20, 9, 0), False), ((20, 10, 0), True), ((1000, 499, 0), False), ((1000, 500, 0), True)],
)
def test_failures(sums, opens):
    assert (breaker.trip(0, NOW, sums, RULES) != 0) == opens


@pytest.mark.parametrize(
    ("rules", "sums", "opens"),
    [(RULES, (20, 0, 20), False), (SLOW, (20, 0, 9), False), (SLOW, (20, 0, 10), True), (SLOW, (19, 0, 19), False)],
)
def test_slow_calls(rules, sums, opens):
    assert (breaker.trip(0, NOW, sums, rules) != 0) == opens


def test_an_open_one_refuses_and_says_until_when():
    word = opened()
    assert breaker.admit(word, NOW, RULES) == (word, REFUSED)
    assert not breaker.admits(word, NOW + 4999, RULES)
    assert [breaker.retry_after(word, NOW + ms) for ms in (0, 1, 999, 1000, 4001, 5000)] == [5, 5, 5, 4, 1, 1]
    assert breaker.state(word, NOW + 4999) == OPEN
    assert breaker.state(word, NOW + 5000) == HALF_OPEN


def test_what_comes_in_while_it_is_open_changes_nothing():
    word = opened()
    assert breaker.trip(word, NOW + 1, (1000, 1000, 0), RULES) == word


def test_only_as_many_probes_as_asked_for():
    word, tickets = probing(3)
    assert len(set(tickets)) == 1
    assert tickets[0] > FREE
    assert breaker.admit(word, NOW + 5001, RULES) == (word, REFUSED)
    assert not breaker.admits(word, NOW + 5001, RULES)
    assert breaker.probes(word) == (3, 0)
    assert breaker.retry_after(word, NOW + 5001) == 1


def test_all_probes_must_go_well():
    word, (ticket, *_) = probing(3)
    for _ in range(2):
        word = breaker.settle(word, NOW + 5100, ticket, True, RULES)
        assert breaker.state(word, NOW + 5100) == HALF_OPEN
        assert breaker.admit(word, NOW + 5100, RULES)[1] == REFUSED
    word = breaker.settle(word, NOW + 5200, ticket, True, RULES)
    assert breaker.state(word, NOW + 5200) == CLOSED
    assert breaker.admit(word, NOW + 5200, RULES) == (word, FREE)


def test_one_bad_probe_opens_it_again():
    word, (ticket, *_) = probing(2)
    word = breaker.settle(word, NOW + 5100, ticket, True, RULES)
    word = breaker.settle(word, NOW + 5200, ticket, False, RULES)
    assert breaker.state(word, NOW + 5200) == OPEN
    assert breaker.retry_after(word, NOW + 5200) == 5


def test_old_failures_are_not_counted_twice():
    word, (ticket, *_) = probing(3)
    for _ in range(3):
        word = breaker.settle(word, NOW + 5100, ticket, True, RULES)
    assert breaker.span(word, NOW + 5100, RULES) == 1
    assert breaker.span(word, NOW + 5400, RULES) == 300
    assert breaker.span(word, NOW + 60_000, RULES) == 10_000
    assert breaker.span(0, NOW, RULES) == 10_000


def test_a_probe_without_a_verdict_makes_room_for_another():
    word, (ticket, *_) = probing(3)
    word = breaker.release(word, ticket)
    word, again = breaker.admit(word, NOW + 5100, RULES)
    assert again == ticket
    assert breaker.admit(word, NOW + 5100, RULES)[1] == REFUSED


def test_probes_lost_with_their_worker_do_not_block_for_ever():
    word, (ticket, *_) = probing(3)
    assert breaker.admit(word, NOW + 5000 + 8999, RULES)[1] == REFUSED
    later = NOW + 5000 + 9000
    word, fresh = breaker.admit(word, later, RULES)
    assert fresh not in (REFUSED, FREE, ticket)
    assert breaker.probes(word) == (1, 0)
    assert breaker.settle(word, later, ticket, False, RULES) == word, "of a probe that was given up"
    assert breaker.release(word, ticket) == word


def test_a_probe_of_an_earlier_time_changes_nothing():
    word, (ticket, *_) = probing(2)
    word = breaker.settle(word, NOW + 5100, ticket, False, RULES)
    assert breaker.settle(word, NOW + 5200, ticket, True, RULES) == word
    word, _ = breaker.admit(word, NOW + 10_100, RULES)
    assert breaker.settle(word, NOW + 10_200, ticket, False, RULES) == word


def test_a_smaller_number_of_probes_after_a_reload_still_closes():
    word, (ticket, *_) = probing(3)
    fewer = CircuitBreakerPolicy.of(CircuitBreaker(0.5, 0.0, 0.5, 10.0, 20, 5.0, 1, "x:1"), 8.0)
    assert breaker.state(breaker.settle(word, NOW + 5100, ticket, True, fewer), NOW + 5100) == CLOSED


def test_the_rounds_of_years_fit_in():
    word, now = 0, (1 << 40) - 1_000_000_000
    for _ in range(1200):
        word = breaker.trip(word & ~3, now, (20, 20, 0), RULES)
        now += 5000
        word, ticket = breaker.admit(word, now, RULES)
        assert 0 < ticket <= 512
        assert 0 <= word < 1 << 63
        word = breaker.settle(word, now, ticket, False, RULES)
