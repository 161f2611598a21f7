"""Real connections: on every way out of a try, what a target has in flight and what its pool has lent come back."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import gevent
import pytest

from gateway import errors
from gateway._fast.channel import Channel
from gateway.errors import CLIENT_CLOSED, GatewayError
from gateway.upstream.attempts import AttemptPolicy, RetryingUpstream
from gateway.upstream.balance.balancers import RoundRobin
from gateway.upstream.http import HttpUpstream
from gateway.upstream.pool.pool import Address
from gateway.upstream.pool.registry import PoolKey, Pools
from gateway.upstream.resilience.concurrency_limit import ConcurrencyLimit
from gateway.upstream.resilience.hedge import HedgePolicy as HedgeRules
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target, TargetFilters, TargetSet
from tests.support.greenlets import until
from tests.unit.upstreams.stage import BREAKER, OUTLIER, RETRY
from tests.wire.upstream.play import FakeUpstream, Script, Side, exchange

Fake = Callable[..., FakeUpstream]
Make = Callable[..., "Line"]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(status: int, body: bytes = b"ok") -> Script:
    def script(side: Side) -> None:
        while side.until():
            side.send(b"HTTP/1.1 %d Status\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)

    return script


def hang(side: Side) -> None:
    side.rest()


def reset(side: Side) -> None:
    side.until()
    side.reset()


def stream(side: Side) -> None:
    """The beginning of an answer; the rest once the other end has said so, or never."""
    side.until()
    side.send(CHUNKED + b"5\r\nhello\r\n")
    side.rest()


def cut(side: Side) -> None:
    side.until()
    side.send(CHUNKED + b"5\r\nhello\r\n")
    gevent.sleep(0.02)
    side.close()


class Line:
    """An upstream of several real targets, behind a gate."""

    def __init__(self, pools: Pools, ports: list[int], rules: AttemptPolicy, read: float = 10.0) -> None:
        region = TargetStateTable.private()
        self.state = region.upstream("catalog")
        targets = []
        for port in ports:
            pool = pools.get(PoolKey(Address("http", "127.0.0.1", port)))
            targets.append(Target(f"127.0.0.1:{port}", pool, region.target("catalog", str(port)), 1, BREAKER))
        guards = TargetFilters(outlier=OUTLIER, breaker=BREAKER)
        self.fleet = TargetSet("catalog", RoundRobin(0, lambda: 0.5), targets, guards)
        http = HttpUpstream("catalog", connect=10.0, read=read, total=20.0)
        self.fetch = ConcurrencyLimit(
            "catalog", RetryingUpstream(http, self.fleet, self.state, rules).fetch, self.state, 100, 0
        ).fetch

    @property
    def counts(self) -> tuple[int, int, int]:
        """(in flight at the targets, at the upstream, connections lent)."""
        lent = sum(target.pool.pool.out for target in self.fleet.targets)
        return sum(target.state.inflight() for target in self.fleet.targets), self.state.inflight(), lent

    def settles(self) -> None:
        """Everything is back, and nobody is held to have failed."""
        until(lambda: self.counts == (0, 0, 0))


@pytest.fixture
def line(pools: Pools, fake: Fake) -> Iterator[Make]:
    """line(script of each target, …, read=, retry=, hedge=) -> Line."""

    def make(*scripts: Script, read: float = 10.0, **rules: object) -> Line:
        return Line(pools, [fake(script).port for script in scripts], AttemptPolicy(**rules), read)

    yield make


def failure(line: Line, **more: object) -> errors.Kind:
    with pytest.raises(GatewayError) as caught:
        line.fetch(exchange(**more))
    return caught.value.kind


def test_a_small_answer(line: Make):
    made = line(answer(200))
    assert made.fetch(exchange()).body == b"ok" and made.counts == (0, 0, 0)


@pytest.mark.parametrize(
    ("script", "read", "kind"), [(reset, 10.0, errors.UPSTREAM_RESET), (hang, 0.1, errors.UPSTREAM_READ_TIMEOUT)]
)
def test_a_failure(line: Make, script: Script, read: float, kind: errors.Kind):
    made = line(script, read=read)
    assert failure(made) is kind and made.counts == (0, 0, 0)


def test_nobody_listens(line: Make, fake: Fake, pools: Pools):
    server = fake(hang)
    server.server.stop()
    made = Line(pools, [server.port], AttemptPolicy())
    assert failure(made) is errors.UPSTREAM_REFUSED and made.counts == (0, 0, 0)


def test_a_streaming_answer_that_is_closed(line: Make):
    made = line(stream)
    response = made.fetch(exchange())
    assert next(iter(response.body)) == b"hello" and made.counts == (1, 1, 1)
    response.close()
    assert made.counts == (0, 0, 0)


def test_a_streaming_answer_that_breaks_is_not_tried_again(line: Make):
    made = line(cut, answer(200), retry=replace(RETRY, on=RETRY.on | {500, "reset"}))
    asked = exchange()
    response = made.fetch(asked)
    with pytest.raises(GatewayError) as caught:
        list(response.body)
    assert caught.value.kind is errors.UPSTREAM_INCOMPLETE and asked.attempts == 1
    response.close()
    made.settles()


def test_a_retry(line: Make):
    made = line(reset, answer(503), answer(200), retry=RETRY)
    asked = exchange("PUT", body=b"x" * 70_000)
    response = made.fetch(asked)
    assert response.status == 200 and asked.attempts == 3 and made.counts == (0, 0, 0)


@pytest.mark.parametrize("length", [70_000, -1])
def test_a_body_arrives_whole_at_the_second_target(line: Make, length: int):
    seen: list[bytes] = []

    def takes(side: Side) -> None:
        head = side.until()
        chunked = b"chunked" in head
        seen.append(side.until(b"0\r\n\r\n") if chunked else side.exactly(70_000))
        side.send(b"HTTP/1.1 %d Status\r\nContent-Length: 0\r\n\r\n" % (503 if len(seen) == 1 else 200))

    made = line(takes, takes, retry=RETRY)
    asked = exchange("PUT", body=b"x" * 70_000)
    asked.body_length = length
    assert made.fetch(asked).status == 200
    assert seen[0] == seen[1] and seen[0].count(b"x") == 70_000


def test_a_client_that_leaves(line: Make):
    made = line(hang)
    near, far = socket.socketpair()
    channel = Channel(near)
    channel.rest_idle()
    asking = gevent.spawn(failure, made, environ={"gateway.channel": channel})
    until(lambda: made.counts == (1, 1, 1))
    far.close()
    assert asking.get(timeout=30) is CLIENT_CLOSED and made.counts == (0, 0, 0)
    assert not any(target.state.ejection.load() for target in made.fleet.targets)
    channel.close()


def test_a_killed_exchange(line: Make):
    made = line(hang)
    asking = gevent.spawn(made.fetch, exchange())
    until(lambda: made.counts == (1, 1, 1))
    asking.kill()
    assert made.counts == (0, 0, 0)


def test_the_loser_of_a_race_loses_its_connection(line: Make):
    gone: list[bytes] = []

    def late(side: Side) -> None:
        side.until()
        gone.append(side.rest())

    made = line(late, answer(200), hedge=HedgeRules(0.02, 0.0, 1_000_000))
    asked = exchange()
    assert made.fetch(asked).status == 200 and asked.attempts == 2
    made.settles()
    until(lambda: gone)
    assert made.fleet.targets[0].pool.pool.idle == [] and len(made.fleet.targets[1].pool.pool.idle) == 1


def test_a_streaming_answer_that_won_a_race(line: Make):
    made = line(hang, stream, hedge=HedgeRules(0.02, 0.0, 1_000_000))
    response = made.fetch(exchange())
    assert next(iter(response.body)) == b"hello"
    response.close()
    made.settles()


def test_a_tiny_deadline_of_the_caller_ejects_nobody(line: Make):
    def slow(side: Side) -> None:
        while side.until():
            gevent.sleep(0.3)
            side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    made = line(slow)
    for seconds in (0.0, 0.001, 0.005, 0.01) * 5:
        asked = exchange(hurried=True)
        asked.deadline = asked.started + seconds
        with pytest.raises(GatewayError) as caught:
            made.fetch(asked)
        assert caught.value.kind is errors.UPSTREAM_TIMEOUT
    (target,) = made.fleet.targets
    assert (target.state.ejection.load(), target.state.breaker.load()) == (0, 0)
    assert made.fetch(exchange()).status == 200 and made.counts == (0, 0, 0)
