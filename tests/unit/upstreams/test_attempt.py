"""Tries: which failures are tried again, where, when, and how often; what the client's own doing says of a target."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway import errors
from gateway.errors import CLIENT_CLOSED, REQUEST_TIMEOUT, GatewayError, Kind
from gateway.exchange import Response
from gateway.upstream.resilience.hedge import HedgePolicy as HedgeRules
from gateway.upstream.resilience.retry import RetryPolicy
from gateway.upstream.targets import TargetFilters
from tests.exchanges import exchange
from tests.unit.upstreams.stage import BREAKER, OUTLIER, RETRY, Clock, Stage, by_turns, clock

__all__ = ["clock"]


@pytest.mark.parametrize(
    "first", [502, 503, 504, errors.UPSTREAM_REFUSED, errors.UPSTREAM_CONNECT_TIMEOUT, errors.UPSTREAM_RESET]
)
def test_what_is_listed_is_tried_again_elsewhere(first: int | Kind, clock: Clock):
    stage = Stage(by_turns(first, 200), retry=RETRY, clock=clock)
    asked = stage.ask()
    assert asked.response and asked.response.status == 200
    assert len(set(stage.tried)) == 2 and asked.attempts == 2 and asked.address == stage.tried[1]
    assert [pause for pause in clock.slept if pause > RETRY.backoff] == []


@pytest.mark.parametrize(
    "first",
    [
        500,
        404,
        200,
        errors.UPSTREAM_TIMEOUT,
        errors.UPSTREAM_INCOMPLETE,
        CLIENT_CLOSED,
        REQUEST_TIMEOUT,
        errors.INTERNAL,
    ],
)
def test_what_is_not_listed_is_final(first: int | Kind, clock: Clock):
    stage = Stage(by_turns(first, 204), retry=RETRY, clock=clock)
    assert stage.outcome() == first and len(stage.tried) == 1


@pytest.mark.parametrize("first", [503, errors.UPSTREAM_RESET])
def test_a_post_that_was_sent_is_not_sent_again(first: int | Kind, clock: Clock):
    stage = Stage(by_turns(first, 200), retry=RETRY, clock=clock)
    assert stage.outcome("POST") == first and len(stage.tried) == 1


def test_a_post_that_was_not_sent_goes_elsewhere(clock: Clock):
    stage = Stage(by_turns(errors.UPSTREAM_REFUSED, 201), retry=RETRY, clock=clock)
    assert stage.outcome("POST", body=io.BytesIO(b"x" * 5), body_length=5) == 201
    assert [first for _, first in stage.http.tries] == [b"xxxxx", b"xxxxx"]


def test_a_post_that_is_listed_is_sent_again(clock: Clock):
    retry = replace(RETRY, methods=RETRY.methods | {"POST"})
    assert Stage(by_turns(503, 201), retry=retry, clock=clock).outcome("POST") == 201


def test_the_last_answer_goes_back_when_nothing_helps(clock: Clock):
    stage = Stage(by_turns(502, 504, 503), retry=RETRY, clock=clock)
    asked = stage.ask()
    assert asked.response and asked.response.body == b"503"
    assert len(stage.tried) == 3 == len(set(stage.tried)) == asked.attempts


def test_without_rules_there_is_one_try():
    stage = Stage(by_turns(503, 200))
    assert stage.outcome() == 503 and stage.state.budget.sums(10**9, 10_000)[0] == 0


def test_answers_that_are_tried_again_are_closed(clock: Clock):
    closed = []

    class Body:
        def __iter__(self):
            return iter(())

        def close(self):
            closed.append(1)

    Stage(by_turns(Response(503, [], Body()), 200), retry=RETRY, clock=clock).ask()
    assert closed == [1]


# Bodies


@pytest.mark.parametrize("length", [90_000, -1])
@pytest.mark.parametrize("size", [90_000, 100_000, 5, 0])
def test_a_body_is_sent_again_whole(size: int, length: int, clock: Clock):
    stage = Stage(by_turns(503, 200), retry=RETRY, clock=clock)
    body = io.BytesIO(bytes(range(256)) * (size // 256 + 1))
    body.truncate(size)
    assert stage.outcome("PUT", body=body, body_length=-1 if length < 0 else size) == 200
    assert [first for _, first in stage.http.tries] == [body.getvalue()] * 2


@pytest.mark.parametrize("length", [100_001, -1])
def test_a_body_that_is_too_large_is_sent_once(length: int, clock: Clock):
    stage = Stage(by_turns(503, 200), retry=RETRY, clock=clock)
    assert stage.outcome("PUT", body=io.BytesIO(b"x" * 200_000), body_length=200_000 if length > 0 else -1) == 503
    ((_, first),) = stage.http.tries
    assert len(first) <= RETRY.max_body + 65536, "no more of it is held than was asked for, and a piece"


def test_a_large_body_of_which_nothing_was_sent_goes_elsewhere(clock: Clock):
    stage = Stage(by_turns(errors.UPSTREAM_REFUSED, 200), retry=RETRY, clock=clock)
    body = io.BytesIO(b"x" * 500_000)
    assert stage.outcome("PUT", body=body, body_length=500_000) == 200
    (_, one), (_, two) = stage.http.tries
    assert one == two and body.tell() == len(one), "the rest is still to be read"


def test_a_body_that_ends_early_is_the_clients_failure(clock: Clock):
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise GatewayError(CLIENT_CLOSED)

    stage = Stage(by_turns(200), retry=RETRY, clock=clock)
    assert stage.outcome("PUT", body=Broken(), body_length=5) is CLIENT_CLOSED and not stage.tried


# Time


@pytest.mark.parametrize(
    ("field", "pause"), [("2", 2.0), ("0", 0.0), ("soon", 0.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)]
)
def test_the_upstreams_own_pause_is_kept(field: str, pause: float, clock: Clock):
    stage = Stage(by_turns(Response(503, [("retry-after", field)]), 200), retry=RETRY, clock=clock)
    assert stage.outcome() == 200
    assert clock.slept[0] == pytest.approx(pause, abs=RETRY.backoff)


@pytest.mark.parametrize("seconds", [60, 3600, 10**30])
def test_no_try_after_the_deadline(seconds: int, clock: Clock):
    stage = Stage(by_turns(Response(503, [("Retry-After", str(seconds))]), 200), retry=RETRY, clock=clock)
    assert stage.outcome() == 503 and clock.slept == []


def test_pauses_grow(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("random.random", lambda: 1.0)
    stage = Stage(by_turns(200), 6, retry=replace(RETRY, attempts=6), clock=clock)
    for _ in range(5):
        stage.outcome()
    stage.http.play = by_turns(503)
    assert stage.outcome() == 503
    assert clock.slept == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.1, 0.1])


# The budget


@pytest.mark.parametrize("share", [0, 100_000, 200_000])
@pytest.mark.parametrize("outcome", [503, errors.UPSTREAM_REFUSED])
def test_a_dying_upstream_is_not_stormed(share: int, outcome: int | Kind, clock: Clock):
    retry = replace(RETRY, attempts=5, budget=share, backoff=0.0)
    stage = Stage(by_turns(outcome), retry=retry, clock=clock)
    for _ in range(2000):
        assert stage.outcome() == outcome
        clock.now += 0.002
    extra = len(stage.tried) / 2000 - 1
    assert extra <= share / 1_000_000 + 0.05
    assert extra >= share / 1_000_000 * 0.9, "what the budget gives is used"


def test_the_budget_forgets(clock: Clock):
    stage = Stage(by_turns(503), retry=replace(RETRY, budget=0, backoff=0.0), clock=clock)
    for _ in range(10):
        stage.outcome()
    assert len(stage.tried) == 13, "three, however few requests there are"
    clock.now += 11
    stage.outcome()
    assert len(stage.tried) == 16


# Other rules for the same upstream


def beside(stage: Stage, rules: RetryPolicy | None) -> Callable[[], int]:
    """What asks the stage's upstream by other rules."""
    other = stage.upstream.with_retry(rules)
    return lambda: other.fetch(exchange(started=stage.clock.now if stage.clock else 0.0)).status


def test_others_may_have_more_tries_or_none(clock: Clock):
    stage = Stage(by_turns(200), retry=RETRY, clock=clock)
    for _ in range(10):
        stage.outcome()
    stage.http.tries.clear()
    stage.http.play = by_turns(503)
    assert beside(stage, None)() == 503 and len(stage.tried) == 1
    assert beside(stage, replace(RETRY, attempts=4))() == 503 and len(stage.tried) == 1 + 5
    assert stage.outcome() == 503 and len(stage.tried) == 1 + 5 + 3, "its own are what they were"


def test_what_others_tried_again_counts_for_all(clock: Clock):
    rules = replace(RETRY, budget=0, backoff=0.0)
    stage = Stage(by_turns(503), retry=rules, clock=clock)
    ask = beside(stage, rules)
    for _ in range(5):
        ask()
        stage.outcome()
    assert len(stage.tried) == 10 + 3, "three in ten seconds, whoever they are of"


def test_the_circuit_opens_for_others_too(clock: Clock):
    stage = Stage(by_turns(503), rules=BREAKER, clock=clock)
    ask = beside(stage, RETRY)
    for _ in range(4):
        ask()
    assert stage.outcome() is errors.CIRCUIT_OPEN
    with pytest.raises(GatewayError) as caught:
        ask()
    assert caught.value.kind is errors.CIRCUIT_OPEN


def test_what_is_late_is_learnt_from_all(clock: Clock):
    stage = Stage(by_turns(200), hedge=HedgeRules(0.0, 0.95, 50_000), clock=clock)
    ask = beside(stage, RETRY)
    assert stage.upstream._latencies is not None
    for _ in range(50):
        ask()
    assert stage.upstream._latencies.quantile(clock.now_ms() + 1000) is not None


# What is told of targets


def guarded(play, **more) -> Stage:
    return Stage(play, 2, guards=TargetFilters(outlier=OUTLIER), **more)


def ejected(stage: Stage) -> int:
    return sum(target.state.ejection.load() >> 20 > 0 for target in stage.fleet.targets)


@pytest.mark.parametrize(("method", "length"), [("GET", 0), ("POST", 5)])
def test_a_target_that_takes_the_whole_time_is_to_blame(method: str, length: int, clock: Clock):
    def hang(target, exchange):
        clock.now = exchange.deadline
        return errors.UPSTREAM_TIMEOUT

    stage = guarded(hang, clock=clock)
    for _ in range(2 * OUTLIER.consecutive):
        assert stage.outcome(method, body=io.BytesIO(b"hello"), body_length=length) is errors.UPSTREAM_TIMEOUT
    assert ejected(stage) > 0


def test_a_caller_in_a_hurry_ejects_nobody(clock: Clock):
    def hang(target, exchange):
        clock.now = exchange.deadline
        return errors.UPSTREAM_TIMEOUT

    stage = guarded(hang, clock=clock)
    for _ in range(20):
        stage.outcome(hurried=True, deadline=clock.now + 0.001)
    assert ejected(stage) == 0
    stage.http.play = by_turns(500)
    for _ in range(20):
        stage.outcome(hurried=True)
    assert ejected(stage) > 0, "what it does answer is its own"


def test_a_client_that_sends_slowly_ejects_nobody(clock: Clock):
    class Slow:
        def __init__(self, pieces: int) -> None:
            self.left = pieces

        def read(self, size: int = -1) -> bytes:
            clock.now += 29.9
            self.left -= 1
            return b"x" * 10 if self.left >= 0 else b""

    def out_of_time(target, exchange):
        clock.now = max(clock.now, exchange.deadline)
        return errors.UPSTREAM_TIMEOUT

    stage = guarded(out_of_time, clock=clock, retry=RETRY, total=60.0)
    for _ in range(20):
        stage.outcome("PUT", body=Slow(2), body_length=20)  # kept whole; no time is left for the target
        stage.outcome("POST", body=Slow(3), body_length=30)  # sent as it comes
    assert ejected(stage) == 0


@pytest.mark.parametrize("outcome", [CLIENT_CLOSED, errors.UPSTREAM_SATURATED, errors.INTERNAL])
def test_what_is_not_the_targets_doing_ejects_nobody(outcome: Kind, clock: Clock):
    stage = guarded(by_turns(outcome), clock=clock)
    for _ in range(20):
        assert stage.outcome() is outcome
    assert ejected(stage) == 0 and stage.inflight == 0


def test_retries_leave_out_what_was_ejected(clock: Clock):
    stage = guarded(lambda target, _: 503 if target.address == "t0" else 200, clock=clock, retry=RETRY)
    for _ in range(10):
        assert stage.outcome() == 200
    before = stage.tried.count("t0")
    for _ in range(50):
        assert stage.outcome() == 200
    assert before == OUTLIER.consecutive == stage.tried.count("t0")
