"""The gateway's own requests, against real sockets: over its pools, and through an upstream."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gateway import errors
from gateway.errors import GatewayError, Kind
from gateway.exchange import Response
from gateway.upstream.client import ANSWER_MAX, KEPT, InternalClient, UpstreamClient
from gateway.upstream.pool.registry import Pools
from tests.unit.upstreams.conftest import Certificates, Serve, Up
from tests.unit.upstreams.test_http import once, once_then_die, serve
from tests.wire.upstream.play import FakeUpstream, Side

Fake = Callable[..., FakeUpstream]


@pytest.fixture
def calls(pools: Pools) -> InternalClient:
    """Calls that may use http."""
    return InternalClient(pools).with_tls(insecure=True)


def failure(http: InternalClient | UpstreamClient, url: str, **more: object) -> Kind:
    with pytest.raises(GatewayError) as caught:
        http.request("GET", url, **more)
    assert "127.0.0.1" not in caught.value.detail
    return caught.value.kind


def echo(side: Side) -> None:
    """Answer with the head that came and its body."""
    while head := side.until():
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
        seen = head + side.exactly(length)
        side.send(b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(seen), seen))


def test_a_request_and_its_answer(calls: InternalClient, fake: Fake):
    server = fake(echo)
    url = f"http://127.0.0.1:{server.port}/token?x=1"
    headers = [("Content-Type", "text/plain"), ("Accept", "text/x"), ("X-Forwarded-For", "192.0.2.7")]
    status, fields, body = calls.request("POST", url, headers=headers, body=b"hello")
    assert (status, fields[0]) == (201, ("X-A", "1"))
    lines = body.decode().split("\r\n")
    assert lines[:2] == ["POST /token?x=1 HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    assert {"Content-Type: text/plain", "Content-Length: 5", "User-Agent: gateway", "Accept: text/x"} <= set(lines)
    assert [line for line in lines if line.startswith("X-Forwarded-For")] == ["X-Forwarded-For: 192.0.2.7"]
    assert sum(line.startswith("Accept:") for line in lines) == 1
    assert body.endswith(b"\r\n\r\nhello")
    assert calls.request("GET", f"http://127.0.0.1:{server.port}")[2].startswith(b"GET / HTTP/1.1\r\n")
    assert server.connections == 1


def test_bodies_in_pieces_are_put_together(calls: InternalClient, fake: Fake):
    def pieces(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        side.dribble(b"5\r\nhello\r\n")
        side.send(b"3\r\n, w\r\n0\r\n\r\n")
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % ANSWER_MAX)
        side.send(b"x" * ANSWER_MAX)

    url = f"http://127.0.0.1:{fake(pieces).port}/"
    assert calls.request("GET", url)[2] == b"hello, w"
    assert calls.request("GET", url)[2] == b"x" * ANSWER_MAX


def announced(side: Side) -> None:
    side.until()
    side.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx" % (ANSWER_MAX + 1))
    side.rest()


def endless(side: Side) -> None:
    side.until()
    side.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        side.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@pytest.mark.parametrize("script", [announced, endless])
def test_large_answers_are_refused_and_cost_no_slot(calls: InternalClient, pools: Pools, fake: Fake, script: Callable):
    server = fake(script)
    assert failure(calls, f"http://127.0.0.1:{server.port}/") is errors.UPSTREAM_BAD_ANSWER
    (key,) = calls.pool_keys()
    assert pools.get(key).pool.out == 0


def test_redirects_are_answers(calls: InternalClient, fake: Fake):
    def redirect(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    assert calls.request("GET", f"http://127.0.0.1:{fake(redirect).port}/")[0] == 302


@pytest.mark.parametrize("script", [once, once_then_die])
def test_a_connection_that_the_server_gave_up(calls: InternalClient, fake: Fake, script: Callable):
    url = f"http://127.0.0.1:{fake(script, script, serve).port}/"
    for _ in range(3):
        assert calls.request("GET", url)[2] == b"ok"


def test_what_may_have_been_done_is_not_done_twice(calls: InternalClient, fake: Fake):
    url = f"http://127.0.0.1:{fake(once_then_die, serve).port}/"
    assert calls.request("POST", url, body=b"1")[2] == b"ok"
    with pytest.raises(GatewayError) as caught:
        calls.request("POST", url, body=b"2")
    assert caught.value.kind is errors.UPSTREAM_RESET


def silent(side: Side) -> None:
    side.rest()


def dribbling(side: Side) -> None:
    side.until()
    side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx")
    side.rest()


@pytest.mark.parametrize("script", [silent, dribbling])
def test_a_deadline_in_all(calls: InternalClient, fake: Fake, script: Callable):
    assert failure(calls, f"http://127.0.0.1:{fake(script).port}/", timeout=0.1) is errors.UPSTREAM_TIMEOUT


def test_no_time_at_all(calls: InternalClient):
    assert failure(calls, "http://127.0.0.1:1/", timeout=0) is errors.UPSTREAM_TIMEOUT


def test_other_failures(calls: InternalClient, fake: Fake):
    assert failure(calls, "http://127.0.0.1:1/") is errors.UPSTREAM_REFUSED
    gone = fake(lambda side: side.close())
    assert failure(calls, f"http://127.0.0.1:{gone.port}/") is errors.UPSTREAM_RESET
    cut = fake(lambda side: (side.until(), side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), side.close()))
    assert failure(calls, f"http://127.0.0.1:{cut.port}/") is errors.UPSTREAM_INCOMPLETE
    odd = fake(lambda side: (side.until(), side.send(b"SSH-2.0\r\n\r\n")))
    assert failure(calls, f"http://127.0.0.1:{odd.port}/") is errors.UPSTREAM_BAD_ANSWER


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/", "//x/", "x", "", "http:///a", "http://u:p@x/", "http://x/#a", "http://x:0/", "http://x:y/",
        "http://x/a b", "http://x/\r\nA: b", "http://x/\u00e4", "file:///etc/passwd", "http://[x/",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_used(calls: InternalClient, pools: Pools, url: str):
    assert failure(calls, url) is errors.UPSTREAM_UNREACHABLE
    assert len(pools) == 0


def test_no_http_unless_it_is_allowed(pools: Pools, fake: Fake):
    server = fake(serve)
    assert failure(InternalClient(pools), f"http://127.0.0.1:{server.port}/") is errors.UPSTREAM_TLS
    assert server.connections == 0


def test_tls_is_verified_whatever_is_allowed(pools: Pools, tls_server: Serve, certificates: Certificates):
    port = tls_server()
    calls = InternalClient(pools)
    for other in (calls, calls.with_tls(insecure=True)):
        assert failure(other, f"https://localhost:{port}/") is errors.UPSTREAM_CERTIFICATE
    assert calls.with_tls(certificates.ca).request("GET", f"https://localhost:{port}/")[2] == b" localhost"
    pools.retain(())  # the server has one connection at a time
    with pytest.raises(OSError):
        calls.with_tls("/missing.pem")


def test_pools_survive_a_reload_while_they_are_used(pools: Pools, fake: Fake):
    now = [0.0]
    parent = InternalClient(pools, lambda: now[0])
    calls = parent.with_tls(insecure=True)
    server = fake(serve)
    url = f"http://127.0.0.1:{server.port}/"
    for _ in range(2):
        assert calls.request("GET", url)[2] == b"ok"
        pools.retain(parent.pool_keys())
    assert server.connections == 1
    now[0] += KEPT + 1
    assert parent.pool_keys() == frozenset()
    pools.retain(())
    assert calls.request("GET", url)[2] == b"ok"
    assert server.connections == 2


def test_through_an_upstream(up: Up, fake: Fake):
    server = fake(echo)
    login = UpstreamClient(up(server.port).fetch, 5.0)
    body = json.dumps({"username": "alice"}).encode()
    headers = [("Content-Type", "application/json"), ("X-Forwarded-For", "192.0.2.7")]
    status, _, seen = login.request("POST", "/login?a=b", headers=headers, body=body)
    assert status == 201
    assert seen.startswith(b"POST /login?a=b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)
    assert b"\r\nX-Forwarded-For: 192.0.2.7\r\n" in seen
    assert seen.endswith(body)


def test_through_has_the_shorter_of_both_times():
    given = []

    def fetch(exchange):
        given.append(exchange.deadline - exchange.started)
        return Response(204, [])

    assert UpstreamClient(fetch, 5.0).request("GET", "/", timeout=1)[0] == 204
    UpstreamClient(fetch, 0.5).request("GET", "/", timeout=1)
    assert given == pytest.approx([1, 0.5])


def test_through_closes_what_is_too_large():
    class Body:
        is_closed = False

        def __iter__(self):
            while True:
                yield b"x" * 65536

        def close(self):
            self.is_closed = True

    body = Body()
    assert failure(UpstreamClient(lambda _: Response(200, [], body), 1.0), "/") is errors.UPSTREAM_BAD_ANSWER
    assert body.is_closed


def test_through_passes_failures_on(up: Up):
    assert failure(UpstreamClient(up(1).fetch, 1.0), "/") is errors.UPSTREAM_REFUSED
