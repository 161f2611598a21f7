"""Active checks over real sockets: what is asked, what counts as an answer, who asks, and what it makes of a target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from time import monotonic

import gevent
import pytest

from gateway.upstream import override
from gateway.upstream.attempts import RetryingUpstream
from gateway.upstream.pool.registry import TLSSettings
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience.health_check import HealthCheckPolicy
from gateway.upstream.resilience.health_checker import CheckedTarget, HealthChecker, ask
from tests.support.greenlets import until
from tests.unit.upstreams.conftest import Certificates, Serve, Up
from tests.unit.upstreams.test_http import OK, serve
from tests.wire.upstream.play import FakeUpstream, Side, exchange

Fake = Callable[..., FakeUpstream]
RULES = HealthCheckPolicy(every=20, timeout=10_000, fall=2, rise=2, expect=frozenset((200,)))


def target_of(upstream: RetryingUpstream):
    return upstream.fleet.targets[0]


class Switch:
    """A target that answers with `status`; 0 closes the connection without a word."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[bytes] = []

    def __call__(self, side: Side) -> None:
        while head := side.until():
            self.asked.append(head)
            if not self.status:
                return side.close()
            side.send(b"HTTP/1.1 %d Whatever\r\nContent-Length: 2\r\n\r\nok" % self.status)
        return None


@pytest.fixture
def run() -> Iterator[Callable[..., HealthChecker]]:
    """run(checked, …, leads=) -> a Checker at work."""
    running: list[gevent.Greenlet] = []

    def start(*checked: CheckedTarget, leads: Callable[[], bool] = lambda: True) -> HealthChecker:
        made = HealthChecker(lambda: checked, leads)
        running.append(gevent.spawn(made.run_forever))
        return made

    yield start
    gevent.killall(running)


# One check


def test_it_asks_politely_and_hangs_up(up: Up, fake: Fake):
    server = fake(switch := Switch())
    upstream = up(server.port)
    assert ask(target_of(upstream), "/healthz?deep=1", 10.0) == 200
    (head,) = switch.asked
    lines = head.split(b"\r\n")
    assert lines[0] == b"GET /healthz?deep=1 HTTP/1.1"
    assert b"Host: 127.0.0.1:%d" % server.port in lines and b"User-Agent: gateway-health" in lines
    assert ask(target_of(upstream), "/", 10.0) == 200
    assert server.connections == 2, "each has a connection of its own"
    assert (target_of(upstream).pool.pool.out, target_of(upstream).pool.pool.idle) == (0, [])


@pytest.mark.parametrize("status", [204, 301, 404, 500, 503])
def test_it_gives_the_status(up: Up, fake: Fake, status: int):
    server = fake(switch := Switch())
    switch.status = status
    assert ask(target_of(up(server.port)), "/", 10.0) == status


@pytest.mark.parametrize(
    "answer", [b"", b"what?\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"]
)
def test_what_is_no_answer_is_none(up: Up, fake: Fake, answer: bytes):
    def script(side: Side) -> None:
        side.until()
        side.send(answer)
        side.close()

    assert ask(target_of(up(fake(script).port)), "/", 1.0) == 0


def test_nobody_there(up: Up, fake: Fake):
    server = fake(serve)
    server.server.stop()
    assert ask(target_of(up(server.port)), "/", 1.0) == 0


def test_an_answer_that_does_not_come_in_time(up: Up, fake: Fake):
    began = monotonic()
    assert ask(target_of(up(fake(lambda side: side.rest() and None).port)), "/", 0.1) == 0
    assert monotonic() - began < 1


def test_an_answer_that_dribbles_in_takes_no_longer(up: Up, fake: Fake):
    def script(side: Side) -> None:
        side.until()
        for at in range(100):
            side.send(OK[at : at + 1])
            gevent.sleep(0.03)

    began = monotonic()
    assert ask(target_of(up(fake(script).port)), "/", 0.1) == 0
    assert monotonic() - began < 1


def test_a_large_answer_is_not_read_to_its_end(up: Up, fake: Fake):
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        side.rest()

    assert ask(target_of(up(fake(script).port)), "/", 10.0) == 200


def test_a_full_pool_says_nothing_about_health(up: Up, fake: Fake):
    server = fake(lambda side: side.until() and side.rest(), serve)
    upstream = up(server.port, size=1)
    busy = gevent.spawn(upstream.fetch, exchange())
    until(lambda: server.connections == 1)
    assert ask(target_of(upstream), "/", 10.0) == 200
    busy.kill()


@pytest.mark.parametrize(("plain", "status"), [(False, 200), (True, 0)])
def test_over_tls(up: Up, tls_server: Serve, certificates: Certificates, plain: bool, status: int):
    tls = TLSSettings.read(certificates.ca, "", "", "", False)
    upstream = up(tls_server(plain=plain), scheme="https", tls=tls)
    assert ask(target_of(upstream), "/", 10.0) == status


# Checks over and over


def test_a_target_falls_and_rises(
    up: Up, fake: Fake, run: Callable[..., HealthChecker], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "gateway")
    server = fake(switch := Switch())
    upstream = up(server.port)
    target = target_of(upstream)
    run(CheckedTarget(upstream.fleet, RULES, "/healthz"))
    until(lambda: health.read(target.state.health.load()).state == "up")
    assert not target.state.since.load(), "who was never down starts at once"
    switch.status = 503
    until(lambda: health.read(target.state.health.load()).state == "down")
    assert health.read(target.state.health.load()).status == 503
    assert f"{target.address} of catalog is down: status 503" in caplog.text
    switch.status = 0
    until(lambda: health.read(target.state.health.load()).status == 0)
    switch.status = 200
    until(lambda: health.read(target.state.health.load()).state == "up")
    assert target.state.since.load() > 0, "its slow start has begun"


def test_only_the_leader_checks(up: Up, fake: Fake, run: Callable[..., HealthChecker]):
    server = fake(switch := Switch())
    leads: list[int] = []
    checker = run(CheckedTarget(up(server.port).fleet, RULES, "/"), leads=lambda: bool(leads))
    gevent.sleep(0.2)
    assert switch.asked == []
    leads.append(1)
    until(lambda: len(switch.asked) > 2)
    leads.clear()
    until(lambda: not checker._running)
    count = len(switch.asked)
    gevent.sleep(0.2)
    assert len(switch.asked) == count


def test_disabled_targets_are_left_alone_and_drained_ones_are_not(
    up: Up, fake: Fake, run: Callable[..., HealthChecker]
):
    one, two = Switch(), Switch()
    upstream, other = up(fake(one).port), up(fake(two).port)
    target_of(upstream).state.override.store(override.word(override.DISABLE))
    target_of(other).state.override.store(override.word(override.DRAIN))
    run(CheckedTarget(upstream.fleet, RULES, "/"), CheckedTarget(other.fleet, RULES, "/"))
    until(lambda: len(two.asked) > 3)
    assert one.asked == []


def test_a_check_that_hangs_does_not_hold_up_the_others(up: Up, fake: Fake, run: Callable[..., HealthChecker]):
    hanging, server = fake(lambda side: side.rest() and None), fake(switch := Switch())
    slow = up(hanging.port)
    rules = HealthCheckPolicy(every=20, timeout=1500, fall=1, rise=2, expect=frozenset((200,)))
    run(CheckedTarget(slow.fleet, rules, "/"), CheckedTarget(up(server.port).fleet, RULES, "/"))
    until(lambda: hanging.connections == 1)
    before = len(switch.asked)
    until(lambda: len(switch.asked) >= before + 2, 1.4)
    assert hanging.connections == 1, "and is not made twice at once"
    until(lambda: health.read(target_of(slow).state.health.load()).state == "down")


def test_what_goes_wrong_is_logged_and_does_not_end_it(
    run: Callable[..., HealthChecker], caplog: pytest.LogCaptureFixture
):
    count = []

    def leads() -> bool:
        count.append(1)
        raise RuntimeError("the lease is gone")

    run(CheckedTarget(None, RULES, "/"), leads=leads)
    until(lambda: len(count) > 1)
    assert "looking for due health checks failed" in caplog.text
