"""A second try beside a late first one: when, for whom, how often, and what becomes of the loser."""

from __future__ import annotations

from time import monotonic
from types import SimpleNamespace

import gevent
import gevent.event
import pytest

from gateway import errors
from gateway.errors import CLIENT_CLOSED, Kind
from gateway.exchange import Exchange, Response
from gateway.upstream import override
from gateway.upstream.resilience.hedge import HedgePolicy
from gateway.upstream.targets import Target
from tests.exchanges import exchange
from tests.support.greenlets import until
from tests.unit.upstreams.stage import RETRY, Outcome, Stage

AFTER = 0.03
HEDGE = HedgePolicy(AFTER, 0.0, 1_000_000)
#: longer than the machine lets a first try wait that answers at once
IN_TIME = 0.6


class Late:
    """`slow` targets answer after `seconds`, the others at once; `lost` are those that were broken off."""

    def __init__(self, *slow: str, seconds: float = 60.0, then: Outcome = 200) -> None:
        self.slow, self.seconds, self.then = slow, seconds, then
        self.lost: list[str] = []

    def __call__(self, target: Target, exchange: Exchange) -> Outcome:
        if target.address in self.slow:
            try:
                gevent.sleep(self.seconds)
            except gevent.GreenletExit:
                self.lost.append(target.address)
                raise
        return self.then


class Body:
    """Of an answer that is told of when it is closed."""

    def __init__(self, closed: list[str], name: str) -> None:
        self.closed, self.name = closed, name

    def __iter__(self):
        return iter(())

    def close(self) -> None:
        self.closed.append(self.name)


def test_a_late_first_try_gets_company_on_another_target():
    stage = Stage(late := Late("t0"), hedge=HEDGE)
    began = monotonic()
    asked = stage.ask()
    assert AFTER <= monotonic() - began < 1
    assert asked.response and asked.response.status == 200
    assert stage.tried == ["t0", "t1"]
    assert (asked.address, asked.attempts, asked.target_tried) == ("t1", 2, stage.fleet.targets[1])
    until(lambda: late.lost == ["t0"] and stage.inflight == 0)


def test_the_second_try_goes_elsewhere_even_when_it_is_not_their_turn():
    stage = Stage(Late("t0"), 2, hedge=HEDGE)
    stage.fleet.targets[0].state.override.store(override.word(override.NONE, 100))
    for _ in range(3):
        assert stage.ask().address == "t1"


def test_a_first_try_in_time_stays_alone():
    stage = Stage(Late(), hedge=HedgePolicy(IN_TIME, 0.0, 1_000_000))
    asked = stage.ask()
    gevent.sleep(IN_TIME + 2 * AFTER)
    assert stage.tried == ["t0"] and asked.attempts == 1


def test_the_first_try_may_still_win():
    late, beside = Late("t1"), gevent.event.Event()

    def play(target: Target, exchange: Exchange) -> Outcome:
        if target.address == "t0":
            assert beside.wait(30), "no try beside a slow one"
        beside.set()
        return late(target, exchange)

    stage = Stage(play, hedge=HEDGE)
    asked = stage.ask()
    assert asked.address == "t0" and stage.tried == ["t0", "t1"]
    until(lambda: late.lost == ["t1"] and stage.inflight == 0)


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("HEAD", 2), ("POST", 1), ("PUT", 1), ("DELETE", 1)])
def test_only_what_changes_nothing_is_made_twice(method: str, tries: int):
    stage = Stage(Late("t0", seconds=60.0 if tries == 2 else 3 * AFTER), hedge=HEDGE)
    assert stage.outcome(method) == 200 and len(stage.tried) == tries


def test_a_change_of_protocol_is_not_made_twice():
    stage = Stage(Late("t0", seconds=3 * AFTER), hedge=HEDGE)
    assert stage.outcome(environ={"gateway.upgrade": "websocket"}) == 200 and stage.tried == ["t0"]


def test_the_share_caps_second_tries():
    stage = Stage(Late("t0", "t1", "t2", seconds=1.2), hedge=HedgePolicy(0.01, 0.0, 100_000))
    gevent.joinall([gevent.spawn(stage.outcome) for _ in range(50)], raise_error=True)
    assert len(stage.tried) == 55


def test_when_one_fails_the_other_is_waited_for():
    beside = gevent.event.Event()

    def play(target: Target, exchange: Exchange) -> Outcome:
        if target.address == "t0":
            assert beside.wait(30), "no try beside a slow one"
            gevent.sleep(AFTER)
            return 200
        beside.set()
        return errors.UPSTREAM_RESET

    stage = Stage(play, hedge=HEDGE)
    asked = stage.ask()
    assert (asked.address, asked.attempts, stage.tried) == ("t0", 2, ["t0", "t1"])


@pytest.mark.parametrize(
    ("first", "second", "status", "address"),
    [(200, 503, 200, "t0"), (errors.UPSTREAM_RESET, 503, 503, "t1"), (500, 503, 500, "t0")],
)
def test_an_answer_that_is_a_failure_wins_only_where_the_other_is_no_better(
    first: Outcome, second: int, status: int, address: str
):
    beside = gevent.event.Event()
    closed: list[str] = []

    def play(target: Target, exchange: Exchange) -> Outcome:
        if target.address == "t0":
            assert beside.wait(30), "no try beside a slow one"
            gevent.sleep(AFTER)
            return Response(first, [], Body(closed, "t0")) if isinstance(first, int) else first
        beside.set()
        return Response(second, [], Body(closed, "t1"))

    asked = Stage(play, hedge=HEDGE).ask()
    assert asked.response and (asked.response.status, asked.address) == (status, address)
    assert closed == ([] if address == "t1" else ["t1"]), "the one that is not given is given back"


def test_a_failure_before_the_second_try_is_final():
    stage = Stage(lambda *_: errors.UPSTREAM_RESET, hedge=HedgePolicy(60.0, 0.0, 1_000_000))
    began = monotonic()
    assert stage.outcome() is errors.UPSTREAM_RESET
    assert monotonic() - began < 30 and stage.tried == ["t0"]


def test_when_both_fail_so_does_the_request():
    stage = Stage(Late("t0", "t1", seconds=2 * AFTER, then=errors.UPSTREAM_READ_TIMEOUT), hedge=HEDGE)
    asked = exchange(started=monotonic())
    with pytest.raises(errors.GatewayError) as caught:
        stage.upstream.fetch(asked)
    assert caught.value.kind is errors.UPSTREAM_READ_TIMEOUT and asked.attempts == 2 and stage.inflight == 0


@pytest.mark.parametrize("failure", [503, errors.UPSTREAM_RESET])
def test_retries_go_elsewhere_than_the_race(failure: int | Kind):
    beside = gevent.event.Event()

    def play(target: Target, exchange: Exchange) -> Outcome:
        if target.address == "t0":
            assert beside.wait(30), "no try beside a slow one"
            gevent.sleep(AFTER)
        beside.set()
        return 200 if target.address == "t2" else failure

    stage = Stage(play, hedge=HEDGE, retry=RETRY)
    assert stage.outcome() == 200
    assert stage.tried[:2] == ["t0", "t1"] and "t2" in stage.tried


@pytest.mark.parametrize("is_before", [True, False])
def test_an_answer_that_comes_too_late_is_closed(is_before: bool):
    """The loser's answer is there in the very moment in which the other one has won, or in the next one."""
    closed: list[str] = []
    go = gevent.event.Event()

    def play(target: Target, exchange: Exchange) -> Outcome:
        if target.address == "t0":
            go.wait()
        elif is_before:
            go.set()
            gevent.sleep(0)
        else:
            gevent.get_hub().loop.run_callback(go.set)
        return Response(200, [], Body(closed, target.address))

    stage = Stage(play, hedge=HEDGE)
    asked = stage.ask()
    assert len(stage.tried) == 2
    until(lambda: closed == ["t1" if asked.address == "t0" else "t0"])
    assert stage.inflight == 0


def test_a_client_that_leaves_ends_both():
    channel = SimpleNamespace(gone=False)
    stage = Stage(late := Late("t0", "t1"), hedge=HEDGE)
    asking = gevent.spawn(stage.outcome, environ={"gateway.channel": channel})
    until(lambda: len(stage.tried) == 2)
    channel.gone = True
    assert asking.get(timeout=30) is CLIENT_CLOSED
    until(lambda: sorted(late.lost) == ["t0", "t1"] and stage.inflight == 0)


def test_a_killed_request_ends_both():
    stage = Stage(late := Late("t0", "t1"), hedge=HEDGE)
    asking = gevent.spawn(stage.outcome)
    until(lambda: len(stage.tried) == 2)
    asking.kill()
    until(lambda: sorted(late.lost) == ["t0", "t1"] and stage.inflight == 0)


def test_no_try_can_write_to_the_client():
    seen = []

    def play(target: Target, exchange: Exchange) -> Outcome:
        seen.append((exchange.environ["gateway.channel"], exchange.environ["wsgi.early_hints"]))
        return 200

    hedge = HedgePolicy(IN_TIME, 0.0, 1_000_000)
    Stage(play, hedge=hedge).ask(environ={"gateway.channel": SimpleNamespace(gone=False), "wsgi.early_hints": print})
    assert seen == [(None, None)]


def test_the_live_percentile_says_when():
    stage = Stage(late := Late("t0", "t1", "t2", seconds=0.004), hedge=HedgePolicy(0.0, 0.95, 1_000_000))
    for _ in range(60):
        assert stage.outcome() == 200
    assert len(stage.tried) <= 75, "while too few are known none, then every twentieth"
    gevent.sleep(0.21)
    late.seconds = 60.0
    late.slow = ("t0",)
    began = monotonic()
    for _ in range(3):
        assert stage.outcome() == 200
    assert monotonic() - began < 30
