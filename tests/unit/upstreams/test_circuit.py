"""A circuit around an upstream: open, refuse at once, probe, close; tickets always come back."""

from __future__ import annotations

import gevent
import pytest

from gateway import errors
from gateway.errors import CIRCUIT_OPEN, CLIENT_CLOSED, GatewayError, Kind
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience.shared_circuit import SharedCircuitBreaker
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import TargetFilters
from tests.unit.upstreams.stage import BREAKER, RETRY, Clock, Stage, by_turns, clock

__all__ = ["clock"]


def opened(stage: Stage) -> Stage:
    """After as many failures as open it."""
    play, stage.http.play = stage.http.play, by_turns(500)
    for _ in range(BREAKER.min_requests):
        assert stage.outcome() == 500
    stage.http.play = play
    stage.http.tries.clear()
    return stage


def test_open_answers_at_once(clock: Clock, caplog: pytest.LogCaptureFixture):
    stage = opened(Stage(by_turns(200), rules=BREAKER, clock=clock))
    with pytest.raises(GatewayError) as caught:
        stage.ask()
    assert (caught.value.kind, caught.value.kind.status) == (CIRCUIT_OPEN, 503)
    assert dict(caught.value.headers) == {"Retry-After": "1"}
    assert stage.tried == [] and "circuit of catalog: open, was closed" in caplog.text


def test_it_closes_after_good_probes(clock: Clock):
    stage = opened(Stage(by_turns(200), rules=BREAKER, clock=clock))
    clock.now += BREAKER.open_for / 1000
    for _ in range(BREAKER.half_open):
        assert stage.upstream.circuit and not stage.upstream.circuit.is_closed
        assert stage.outcome() == 200
    assert stage.upstream.circuit and stage.upstream.circuit.is_closed
    for _ in range(BREAKER.min_requests - 1):
        assert stage.outcome() == 200, "what failed before is paid for"
    assert stage.upstream.circuit.is_closed


def test_a_bad_probe_opens_it_again(clock: Clock):
    stage = opened(Stage(by_turns(errors.UPSTREAM_REFUSED), rules=BREAKER, clock=clock))
    clock.now += BREAKER.open_for / 1000
    assert stage.outcome() is errors.UPSTREAM_REFUSED
    assert stage.outcome() is CIRCUIT_OPEN and len(stage.tried) == 1


def test_no_more_probes_at_once_than_are_allowed():
    def slow(target, exchange):
        gevent.sleep(0.05)
        return 200

    stage = opened(Stage(slow, rules=BREAKER))
    stage.state.breaker.store(breaker.trip(0, 0, (9, 9, 0), BREAKER))  # open since long ago: half open
    asking = [gevent.spawn(stage.outcome) for _ in range(20)]
    gevent.joinall(asking, raise_error=True)
    outcomes = [each.value for each in asking]
    assert outcomes.count(200) == BREAKER.half_open == len(stage.tried)
    assert outcomes.count(CIRCUIT_OPEN) == 20 - BREAKER.half_open
    assert stage.outcome() == 200


@pytest.mark.parametrize("outcome", [CLIENT_CLOSED, errors.UPSTREAM_SATURATED, errors.NO_TARGET, errors.INTERNAL])
def test_a_probe_without_a_verdict_gives_its_ticket_back(outcome: Kind, clock: Clock):
    stage = opened(Stage(by_turns(outcome), rules=BREAKER, clock=clock))
    clock.now += BREAKER.open_for / 1000
    for _ in range(3 * BREAKER.half_open):
        assert stage.outcome() is outcome, "the place of a probe is free again"
    assert stage.upstream.circuit and not stage.upstream.circuit.is_closed, "nothing was shown"
    stage.http.play = by_turns(200)
    for _ in range(BREAKER.half_open):
        assert stage.outcome() == 200
    assert stage.upstream.circuit.is_closed


def test_a_killed_probe_gives_its_ticket_back():
    def hang(target, exchange):
        gevent.sleep(60)
        return 200

    stage = Stage(hang, rules=BREAKER, guards=TargetFilters(breaker=BREAKER))
    stage.state.breaker.store(breaker.trip(0, 0, (9, 9, 0), BREAKER))
    for _ in range(3 * BREAKER.half_open):
        asking = gevent.spawn(stage.outcome)
        gevent.sleep(0)
        asking.kill()
    assert breaker.probes(stage.state.breaker.load()) == (0, 0) and stage.inflight == 0


def test_a_caller_in_a_hurry_neither_opens_nor_closes_it(clock: Clock):
    def out_of_time(target, exchange):
        clock.now = max(clock.now, exchange.deadline)
        return errors.UPSTREAM_TIMEOUT

    stage = Stage(out_of_time, rules=BREAKER, clock=clock)
    for _ in range(20):
        assert stage.outcome(hurried=True, deadline=clock.now + 0.001) is errors.UPSTREAM_TIMEOUT
    opened(stage)
    clock.now += BREAKER.open_for / 1000
    for _ in range(20):
        assert stage.outcome(hurried=True, deadline=clock.now + 0.001) is errors.UPSTREAM_TIMEOUT
    assert stage.upstream.circuit and not stage.upstream.circuit.is_closed


def test_nothing_is_tried_again_while_it_is_not_closed(clock: Clock):
    stage = Stage(by_turns(503), rules=BREAKER, retry=RETRY, clock=clock)
    for _ in range(10):
        stage.outcome()
    stage.http.tries.clear()
    clock.now += BREAKER.open_for / 1000
    assert stage.outcome() == 503 and len(stage.tried) == 1


def test_what_retries_save_opens_nothing(clock: Clock):
    stage = Stage(lambda target, _: 503 if target.address == "t0" else 200, 2, rules=BREAKER, retry=RETRY, clock=clock)
    for _ in range(50):
        assert stage.outcome() == 200
    assert stage.upstream.circuit and stage.upstream.circuit.is_closed


def test_two_workers_see_one_circuit():
    state = TargetStateTable.private().upstream("catalog")
    here, there = (SharedCircuitBreaker("catalog", BREAKER, state.breaker, state.window) for _ in range(2))
    for number in range(BREAKER.min_requests):
        (here if number % 2 else there).tell(5_000, breaker.FREE, True, 0.0)
    assert not here.is_closed and not there.is_closed and here.sums(5_000) == (4, 4, 0)


def test_slow_calls_open_it(clock: Clock):
    def slow(target, exchange):
        clock.now += 0.3
        return 200

    rules = breaker.CircuitBreakerPolicy(500_000, 200, 500_000, 10_000, 4, 1_000, 2, 5_000)
    stage = Stage(slow, rules=rules, clock=clock)
    outcomes = [stage.outcome() for _ in range(5)]
    assert outcomes == [200] * 4 + [CIRCUIT_OPEN]


def test_a_client_that_sends_slowly_is_no_slow_call(clock: Clock):
    class Slow:
        def read(self, size: int = -1) -> bytes:
            clock.now += 0.3
            return b"x" * 10

    rules = breaker.CircuitBreakerPolicy(500_000, 200, 500_000, 10_000, 4, 1_000, 2, 5_000)
    stage = Stage(by_turns(200), rules=rules, clock=clock)
    for _ in range(10):
        assert stage.outcome("POST", body=Slow(), body_length=10) == 200
