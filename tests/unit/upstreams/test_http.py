"""HttpUpstream against real sockets: reuse, replay, and every failure in the words of gateway.errors."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import monotonic

import gevent
import pytest

from gateway import errors
from gateway.errors import GatewayError, Kind
from gateway.upstream.attempts import RetryingUpstream
from gateway.upstream.pool.registry import Pools
from tests.support.gateway import free_port
from tests.support.greenlets import until
from tests.unit.upstreams.conftest import Up
from tests.wire.upstream.play import FakeUpstream, Side, exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
Fake = Callable[..., FakeUpstream]


def serve(side: Side) -> None:
    """Answer until the gateway closes."""
    while side.until():
        side.send(OK)


def once(side: Side) -> None:
    """Answer one request, then close as an idle timeout does: without a word."""
    side.until()
    side.send(OK)
    side.close()


def once_then_die(side: Side) -> None:
    """Answer one request, and reset the connection when the next one comes."""
    side.until()
    side.send(OK)
    side.until()
    side.reset()


def failure(upstream: RetryingUpstream, **more: object) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        upstream.fetch(exchange(**more))
    return caught.value


def pool_of(upstream: RetryingUpstream):
    return upstream.fleet.targets[0].pool


def test_fetches(up: Up, fake: Fake):
    server = fake(serve)
    asked = exchange(target="/a")
    upstream, began = up(server.port), monotonic()
    response = upstream.fetch(asked)
    took = monotonic() - began
    assert (response.status, response.body, response.length) == (200, b"ok", 2)
    assert response.headers == [("Content-Type", "text/plain"), ("Content-Length", "2")]
    assert (asked.upstream, asked.address, asked.attempts) == ("catalog", f"127.0.0.1:{server.port}", 1)
    assert 0 < asked.upstream_time <= took
    assert asked.upstream_started > 0


def test_a_head_answer_without_a_length_has_none(up: Up, fake: Fake):
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\n\r\n")

    response = up(fake(script).port).fetch(exchange("HEAD"))
    assert (response.body, response.length, response.headers) == (b"", None, [])


def test_reuses_its_connection(up: Up, fake: Fake):
    server = fake(serve)
    upstream = up(server.port)
    for _ in range(5):
        upstream.fetch(exchange())
    assert server.connections == 1


def test_opens_more_connections_only_while_they_are_needed(up: Up, fake: Fake):
    def slow(side: Side) -> None:
        while side.until():
            gevent.sleep(0.02)
            side.send(OK)

    server = fake(slow)
    upstream = up(server.port)
    gevent.joinall([gevent.spawn(upstream.fetch, exchange()) for _ in range(4)], raise_error=True)
    assert (server.connections, len(pool_of(upstream).pool.idle)) == (4, 4)
    upstream.fetch(exchange())
    assert server.connections == 4


def test_a_connection_closed_while_idle_is_not_used(up: Up, fake: Fake):
    server = fake(once)
    upstream = up(server.port)
    for attempts in range(3):
        asked = exchange("POST")
        upstream.fetch(asked)
        assert (asked.attempts, server.connections) == (1, attempts + 1)
        until(lambda: all(each.is_stale() for each in pool_of(upstream).pool.idle))


def test_a_connection_that_said_something_while_idle_is_not_used(up: Up, fake: Fake):
    def script(side: Side) -> None:
        side.until()
        side.send(OK)
        gevent.sleep(0)
        side.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        side.rest()

    server = fake(script)
    upstream = up(server.port)
    upstream.fetch(exchange())
    until(lambda: all(each.is_stale() for each in pool_of(upstream).pool.idle))
    assert upstream.fetch(exchange()).status == 200
    assert server.connections == 2


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", b"hello"), ("DELETE", None)])
def test_a_reused_connection_that_dies_is_replaced_once(up: Up, fake: Fake, method: str, body: bytes | None):
    server = fake(once_then_die, serve)
    upstream = up(server.port)
    upstream.fetch(exchange())
    asked = exchange(method, body=body)
    assert upstream.fetch(asked).status == 200
    assert (asked.attempts, server.connections) == (2, 2)


def test_the_replay_goes_over_a_fresh_connection(up: Up, fake: Fake):
    def die_together(side: Side) -> None:
        side.until()
        gevent.sleep(0.02)
        side.send(OK)
        side.until()
        side.reset()

    server = fake(die_together, die_together, die_together, serve)
    upstream = up(server.port)
    gevent.joinall([gevent.spawn(upstream.fetch, exchange()) for _ in range(3)], raise_error=True)
    assert upstream.fetch(exchange()).status == 200
    assert server.connections == 4


def test_it_is_replaced_only_once(up: Up, fake: Fake):
    def die(side: Side) -> None:
        side.until()
        side.reset()

    server = fake(once_then_die, die)
    upstream = up(server.port)
    upstream.fetch(exchange())
    asked = exchange()
    with pytest.raises(GatewayError) as caught:
        upstream.fetch(asked)
    assert (caught.value.kind, asked.attempts, server.connections) == (errors.UPSTREAM_RESET, 2, 2)


def test_a_post_that_was_seen_is_not_sent_again(up: Up, fake: Fake):
    server = fake(once_then_die, serve)
    upstream = up(server.port)
    upstream.fetch(exchange())
    assert failure(upstream, method="POST", body=b"pay").kind is errors.UPSTREAM_RESET
    assert server.connections == 1


def test_a_fresh_connection_that_dies_is_not_replaced(up: Up, fake: Fake):
    def die(side: Side) -> None:
        side.until()
        side.reset()

    server = fake(die, serve)
    error = failure(up(server.port))
    assert (error.kind, server.connections) == (errors.UPSTREAM_RESET, 1)


# Failures


def test_refused(up: Up):
    error = failure(up(free_port()))
    assert error.kind is errors.UPSTREAM_REFUSED
    assert "127.0.0.1" not in error.detail and "catalog" in error.detail
    assert isinstance(error.cause, BaseException)


def test_a_name_that_is_none(up: Up):
    assert failure(up(80, host="no-such-host.invalid")).kind is errors.UPSTREAM_DNS


def test_an_address_without_a_route(up: Up):
    assert failure(up(9, host="255.255.255.255")).kind is errors.UPSTREAM_UNREACHABLE


@pytest.fixture
def full():
    """The port of a listener whose backlog is full: connecting to it takes forever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


def test_connect_timeout(up: Up, full: int):
    started = monotonic()
    assert failure(up(full, connect=0.1)).kind is errors.UPSTREAM_CONNECT_TIMEOUT
    assert monotonic() - started < 1


def test_the_requests_own_time_runs_out_while_connecting(up: Up, full: int):
    assert failure(up(full), deadline=monotonic() + 0.1).kind is errors.UPSTREAM_TIMEOUT


def test_no_time_left_at_all(up: Up, fake: Fake):
    server = fake(serve)
    assert failure(up(server.port), deadline=monotonic() - 1).kind is errors.UPSTREAM_TIMEOUT
    assert server.connections == 0


def silent(side: Side) -> None:
    side.until()
    side.rest()


ANSWERS: list[tuple[bytes, Kind]] = [
    (b"nonsense\r\n\r\n", errors.UPSTREAM_BAD_ANSWER),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", errors.UPSTREAM_BAD_ANSWER),
    (b"HTTP/1.1 101 Switching\r\n\r\n", errors.UPSTREAM_BAD_ANSWER),
    (b"HTTP/1.1 200", errors.UPSTREAM_INCOMPLETE),
    (b"", errors.UPSTREAM_RESET),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS, ids=lambda value: getattr(value, "slug", ""))
def test_an_answer_that_is_none(up: Up, fake: Fake, answer: bytes, kind: Kind):
    def script(side: Side) -> None:
        side.until()
        side.send(answer)
        side.close()

    upstream = up(fake(script).port)
    assert failure(upstream).kind is kind
    assert (pool_of(upstream).pool.out, pool_of(upstream).pool.idle) == (0, [])


def test_read_timeout(up: Up, fake: Fake):
    assert failure(up(fake(silent).port, read=0.05)).kind is errors.UPSTREAM_READ_TIMEOUT


def test_total_timeout(up: Up, fake: Fake):
    assert failure(up(fake(silent).port, total=0.05)).kind is errors.UPSTREAM_TIMEOUT
    assert failure(up(fake(silent).port), deadline=monotonic() + 0.05).kind is errors.UPSTREAM_TIMEOUT


def test_a_body_cut_short_breaks_the_iteration(up: Up, fake: Fake):
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
        gevent.sleep(0.02)
        side.close()

    upstream = up(fake(script).port)
    response = upstream.fetch(exchange())
    pieces = iter(response.body)
    assert next(pieces) == b"hello"
    with pytest.raises(GatewayError) as caught:
        next(pieces)
    assert caught.value.kind is errors.UPSTREAM_INCOMPLETE
    assert pool_of(upstream).pool.out == 0


def test_a_header_made_of_a_line_break_is_the_requests_fault(up: Up, fake: Fake):
    asked = exchange()
    asked.edit_headers().append(("X-Note", "a\r\nX-Admin: 1"))
    server = fake(serve)
    with pytest.raises(GatewayError) as caught:
        up(server.port).fetch(asked)
    assert caught.value.kind is errors.MALFORMED_REQUEST


def test_a_full_pool_waits_at_most_the_connect_timeout(up: Up, fake: Fake):
    server = fake(silent)
    upstream = up(server.port, size=1, connect=0.1)
    busy = gevent.spawn(failure, upstream)
    until(lambda: pool_of(upstream).pool.out == 1)
    started = monotonic()
    assert failure(upstream).kind is errors.UPSTREAM_SATURATED
    assert 0.09 < monotonic() - started < 1
    busy.kill()
    assert pool_of(upstream).pool.out == 0


def test_waiting_for_a_place_and_connecting_together_end_with_the_request(up: Up, fake: Fake):
    server = fake(silent)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        full = [socket.socket() for _ in range(4)]
        for each in full:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))  # from here on no handshake is completed
        upstream = up(server.port, size=1, connect=2)
        pool = pool_of(upstream)
        busy = gevent.spawn(failure, upstream)
        until(lambda: pool.pool.out == 1)
        pool.host, pool.port = "127.0.0.1", port
        gevent.spawn_later(0.35, busy.kill)
        started = monotonic()
        assert failure(upstream, deadline=started + 0.5).kind is errors.UPSTREAM_TIMEOUT
        assert monotonic() - started < 0.75
        assert pool.pool.out == 0
        for each in full:
            each.close()


def test_a_killed_exchange_gives_its_slot_back(up: Up, fake: Fake):
    upstream = up(fake(silent).port)
    running = gevent.spawn(upstream.fetch, exchange())
    until(lambda: pool_of(upstream).pool.out == 1)
    running.kill()
    assert pool_of(upstream).pool.out == 0


def test_a_client_that_sends_no_body_holds_no_connection(up: Up, fake: Fake):
    asked = gevent.event.Event()

    class Never:
        def read(self, size: int = -1) -> bytes:
            asked.set()
            gevent.sleep(5)
            return b""

    server = fake(serve)
    upstream = up(server.port)
    running = gevent.spawn(upstream.fetch, exchange("POST", body_length=10))
    running.args[0].body = Never()
    assert asked.wait(5)
    assert (server.connections, pool_of(upstream).pool.out) == (0, 0)
    running.kill()


def test_no_target(up: Up):
    upstream = up(9)
    upstream.fleet.replace(())
    assert failure(upstream).kind is errors.NO_TARGET


def test_it_is_known_whether_the_upstream_has_seen_the_request(up: Up, fake: Fake):
    def dies(side: Side) -> None:
        side.until()
        side.reset()

    refuses = fake(serve)
    refuses.server.stop()
    assert not failure(up(refuses.port)).was_sent
    assert failure(up(fake(dies).port)).was_sent


def test_a_drained_pool_serves_a_last_exchange(up: Up, fake: Fake, pools: Pools):
    server = fake(serve)
    upstream = up(server.port)
    upstream.fetch(exchange())
    pools.retain(())
    assert upstream.fetch(exchange()).status == 200
    assert (pool_of(upstream).pool.idle, pool_of(upstream).pool.out) == ([], 0)
