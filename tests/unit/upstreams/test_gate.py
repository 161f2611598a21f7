"""A limit before an upstream: who goes in, who waits, who is refused; nobody is counted twice or forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

import gevent
import pytest
from gevent.event import Event

from gateway import errors
from gateway.errors import OVERLOADED, GatewayError, Kind
from gateway.exchange import Exchange, Response
from gateway.upstream.resilience import adaptive_limit as overload
from gateway.upstream.resilience.concurrency_limit import ConcurrencyLimit, CountedBody
from gateway.upstream.target_state import TargetStateTable, UpstreamState
from tests.exchanges import exchange
from tests.support.tries import first_quick


class House:
    """What is behind the gate: each request stays until it is let out."""

    def __init__(self) -> None:
        self.out = Event()
        self.now = self.most = self.served = 0
        self.body: bytes | Iterator[bytes] = b"ok"
        self.status = 200
        self.failure: BaseException | None = None
        self.leaving: Callable[[], object] = int

    def fetch(self, exchange: Exchange) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            self.out.wait()
            gevent.sleep(0.001)
            self.leaving()
            if self.failure is not None:
                raise self.failure
            self.served += 1
            return Response(self.status, [], self.body)
        finally:
            self.now -= 1


@pytest.fixture
def state() -> UpstreamState:
    return TargetStateTable.private().upstream("catalog")


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits in line is not refused because the machine had something else to do."""
    monkeypatch.setattr(overload, "PATIENCE", 30_000)


def ask(gate: ConcurrencyLimit) -> int | Kind:
    try:
        return gate.fetch(exchange()).status
    except GatewayError as error:
        return error.kind


def crowd(gate: ConcurrencyLimit, number: int) -> list[gevent.Greenlet]:
    asking = [gevent.spawn(ask, gate) for _ in range(number)]
    gevent.sleep(0)
    return asking


def test_the_limit_holds_and_the_rest_is_refused_at_once(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 3, 0)
    asking = crowd(gate, 3)
    others: list[int] = []
    gevent.spawn(others.append, 1)
    with pytest.raises(GatewayError) as caught:
        gate.fetch(exchange())
    assert others == [], "nothing was waited for, not even a turn of the others"
    assert (caught.value.kind, caught.value.kind.status) == (OVERLOADED, 503)
    assert dict(caught.value.headers) == {"Retry-After": "1"}
    house.out.set()
    gevent.joinall(asking)
    assert [each.value for each in asking] == [200] * 3 and state.inflight() == 0


@pytest.mark.usefixtures("patient")
def test_those_in_line_go_in_when_others_leave(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 3, 20)
    asking = crowd(gate, 20)
    assert (house.now, state.inflight()) == (3, 3)
    house.out.set()
    gevent.joinall(asking)
    assert [each.value for each in asking] == [200] * 20
    assert (house.most, state.inflight()) == (3, 0)


@pytest.mark.usefixtures("patient")
def test_who_comes_another_way_is_counted_and_waits_with_all(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", lambda made: Response(404, []), state, 2, 1)
    other = gate.before(house.fetch)
    asking = [gevent.spawn(lambda: other(exchange()).status) for _ in range(3)]
    gevent.sleep(0)
    assert (house.now, state.inflight()) == (2, 2)
    house.out.set()
    assert [each.get() for each in asking] == [200] * 3
    assert (house.most, state.inflight(), ask(gate)) == (2, 0, 404)


def test_whoever_waits_too_long_is_refused(state: UpstreamState, house: House):
    def wait() -> float:
        gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 20)
        house.out.clear()
        asking = crowd(gate, 3)
        began = monotonic()
        gevent.joinall(asking[1:])
        took = monotonic() - began
        assert [each.value for each in asking[1:]] == [OVERLOADED] * 2 and state.inflight() == 1
        house.out.set()
        assert asking[0].get() == 200 and state.inflight() == 0
        assert took >= overload.PATIENCE / 1000 - 0.01
        return took

    assert first_quick(wait, lambda took: took < 0.5) < 0.5


def test_a_full_line_sheds_who_has_waited_longest(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 2)
    asking = crowd(gate, 4)
    gevent.sleep(0)
    assert [each.value for each in asking] == [None, OVERLOADED, None, None]
    house.out.set()
    gevent.joinall(asking)
    assert asking[0].value == 200 and state.inflight() == 0
    assert house.served == sum(each.value == 200 for each in asking), "whoever waits on has no time to lose now"


@pytest.mark.usefixtures("patient")
def test_places_that_come_free_in_another_worker_are_found(state: UpstreamState, house: House):
    state.enter()  # the other worker's
    house.out.set()
    gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 5)
    asking = crowd(gate, 1)
    assert house.served == 0
    state.leave()
    assert asking[0].get(timeout=30) == 200 and state.inflight() == 0


@pytest.mark.parametrize("failure", [GatewayError(errors.UPSTREAM_RESET), RuntimeError("a bug")])
def test_a_failure_frees_the_place(state: UpstreamState, house: House, failure: Exception):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 0)
    house.failure = failure
    house.out.set()
    for _ in range(3):
        with pytest.raises(type(failure)):
            gate.fetch(exchange())
    assert state.inflight() == 0


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("place", [0, 1])
def test_who_is_killed_inside_or_in_line_frees_the_place(state: UpstreamState, house: House, place: int):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 5)
    asking = crowd(gate, 3)
    asking[place].kill()
    house.out.set()
    gevent.joinall(asking)
    assert [each.value for each in asking].count(200) == 2 and state.inflight() == 0


@pytest.mark.usefixtures("patient")
def test_who_is_killed_when_just_let_in_frees_the_place(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 5)
    asking = crowd(gate, 2)
    house.leaving = lambda: asking[1].kill(block=False)  # it comes to be before it hears that it was let in
    house.out.set()
    gevent.joinall(asking)
    assert (asking[0].value, house.served, state.inflight()) == (200, 1, 0)
    house.leaving = int
    assert ask(gate) == 200


def test_a_streaming_answer_counts_until_it_is_closed(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, 1, 0)
    house.out.set()
    house.body = iter([b"a", b"b"])
    response = gate.fetch(exchange())
    assert b"".join(response.body) == b"ab"
    assert state.inflight() == 1 and ask(gate) is OVERLOADED
    response.close()
    response.close()
    assert state.inflight() == 0
    house.body = b"ok"
    assert ask(gate) == 200


def test_a_body_that_fails_to_close_is_over_too():
    over: list[int] = []

    class Body:
        ready = True

        def __iter__(self):
            return iter([b"a"])

        def close(self):
            raise OSError

    body = CountedBody(Body(), lambda: over.append(1))
    assert body.ready and next(body) == b"a"
    with pytest.raises(OSError):
        body.close()
    assert over == [1]


def test_an_upgrade_does_not_count_for_its_whole_life(state: UpstreamState, house: House):
    house.out.set()
    house.status, house.body = 101, iter(())
    ConcurrencyLimit("catalog", house.fetch, state, 1, 0).fetch(exchange())
    assert state.inflight() == 0


def test_an_adaptive_limit_counts_this_workers_own(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, overload.AdaptiveLimit(), 0)
    for _ in range(1000):
        state.enter()  # other workers', which have limits of their own
    asking = crowd(gate, gate.limit)
    assert house.now == gate.limit and ask(gate) is OVERLOADED
    house.out.set()
    gevent.joinall(asking)
    assert {each.value for each in asking} == {200} and state.inflight() == 1000


def test_fast_failures_teach_an_adaptive_limit_nothing(state: UpstreamState, house: House):
    gate = ConcurrencyLimit("catalog", house.fetch, state, overload.AdaptiveLimit(), 0)
    before = gate.limit
    house.out.set()
    house.failure = GatewayError(errors.CIRCUIT_OPEN)
    for _ in range(500):
        assert ask(gate) is errors.CIRCUIT_OPEN
    assert gate.limit == before
