"""One call of gRPC with one target: what servers may do on the wire, and what becomes of it."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.http.grpc import TRAILERS, WANTS, GrpcAccept, frame, frames, read_trailers
from gateway.upstream.grpc.upstream import GrpcUpstream
from gateway.upstream.pool.pool import Address, PoolSettings
from gateway.upstream.pool.registry import PoolKey, Pools, TLSSettings
from gateway.upstream.resilience.health_checker import ask
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target
from tests.exchanges import exchange
from tests.support.greenlets import until
from tests.unit.upstreams.conftest import Certificates
from tests.wire.upstream.play import FakeUpstream, Side

HEAD = ((":status", "200"), ("content-type", "application/grpc"), ("x-a", "1"))
DONE = (("grpc-status", "0"), ("grpc-message", ""))

#: plays one call: the server's end, the stream, the fields and the body of the call
Play = Callable[["Server", int, dict[str, str], bytes], None]


class Server:
    """The server's end of one connection: every call is played when it is whole."""

    def __init__(self, side: Side, play: Play) -> None:
        self.side = side
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while data := side.sock.recv(65536):
            try:
                events = self.h2.receive_data(data)
            except ProtocolError:
                return
            for event in events:
                if isinstance(event, RequestReceived):
                    heads[event.stream_id], bodies[event.stream_id] = dict(event.headers), b""
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    play(self, event.stream_id, heads[event.stream_id], bodies[event.stream_id])
            self.flush()

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            self.side.send(data)

    def send(self, stream: int, *messages: bytes, head: Any = HEAD, end: Any = DONE) -> None:
        self.h2.send_headers(stream, head)
        data = b"".join(messages)
        for at in range(0, len(data), 16384):
            self.h2.send_data(stream, data[at : at + 16384])
        if end is not None:
            self.h2.send_headers(stream, end, end_stream=True)
        self.flush()


def echo(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
    server.send(stream, frame(head[":path"].encode()), body)


def playing(play: Play) -> Callable[[Side], Any]:
    return lambda side: Server(side, play)


class Up:
    """A target in front of plays, one for each connection."""

    def __init__(self, *plays: Play | Callable[[Side], Any], raw: bool = False) -> None:
        self.fake = FakeUpstream(*(plays if raw else map(playing, plays)))
        key = PoolKey(Address("grpc", "127.0.0.1", self.fake.port))
        self.pool = Pools().get(key)
        self.target = Target("t", self.pool, TargetStateTable.private().target("u", "t", window_ms=1000))
        self.upstream = GrpcUpstream("shop", connect=10.0, read=10.0, total=20.0)

    def call(self, body: bytes = b"", *, stream: bool = False, most: int = 100_000, **known: Any) -> Response:
        made = calling(frame(body), stream, most, **known)
        assert made.body is not None
        return self.upstream.send(made, self.target, made.body.read(65536), time.monotonic())

    def failure(self, **more: Any) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            list(frames(self.call(**more).body))
        assert self.pool.pool.qsize() == self.pool.pool.maxsize, "the connection's place is free"
        return caught.value


def calling(body: bytes, stream: bool = False, most: int = 100_000, **known: Any) -> Exchange:
    made = exchange("POST", "/shop.v1.Orders/Get", [("x-b", "2")], started=time.monotonic(), **known)
    made.environ = {WANTS: GrpcAccept(stream, most)}
    made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def test_a_call_and_the_next_one_on_the_same_connection() -> None:
    up = Up(echo)
    for body in (b"a", b"b" * 80_000):
        response = up.call(body)
        assert (response.status, response.headers) == (200, [("x-a", "1")])
        *messages, end = frames(response.body)
        assert messages == [(0, b"/shop.v1.Orders/Get"), (0, body)]
        assert end[0] == TRAILERS and read_trailers(end[1]) == {"grpc-status": "0", "grpc-message": ""}
    assert up.fake.connections == 1
    up.fake.stop()


def test_a_goaway_ends_no_call_that_had_begun() -> None:
    """Servers say so when they end, or when a connection is old; the next call has another connection."""

    def leaves(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        server.h2.send_headers(stream, HEAD)
        server.flush()
        server.side.send(GoAwayFrame(0, last_stream_id=2**31 - 1).serialize())
        server.side.send(GoAwayFrame(0, last_stream_id=stream).serialize())
        server.h2.send_data(stream, body)
        server.h2.send_headers(stream, DONE, end_stream=True)
        server.flush()

    up = Up(leaves, leaves)
    for _ in range(2):
        (_, message), _ = frames(up.call(b"all of it").body)
        assert message == b"all of it"
    assert up.fake.connections == 2 and not up.pool.pool.idle
    up.fake.stop()


def test_what_is_kept_until_the_end_is_bounded() -> None:
    """A method that gives one message; its service says them without end."""

    def endless(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        server.h2.send_headers(stream, HEAD)
        with contextlib.suppress(OSError):
            while not server.side.sock.closed:
                room = server.h2.local_flow_control_window(stream)
                if room >= 1005:
                    server.h2.send_data(stream, frame(bytes(1000)))
                    server.flush()
                elif data := server.side.sock.recv(65536):
                    server.h2.receive_data(data)
                else:
                    return

    up = Up(endless)
    error = up.failure(most=1_000_000)
    assert error.kind.slug == "upstream-bad-answer" and "more than 1000000 bytes together" in (error.detail or "")
    assert len(next(frames(up.call(stream=True, most=1_000_000).body))[1]) == 1000, "a stream may have any number"
    up.fake.stop()


def test_a_connection_remembers_few_of_its_calls() -> None:
    up = Up(echo)
    for _ in range(150):
        up.call(b"a").close()
    (connection,) = up.pool.pool.idle
    assert connection.session is not None
    assert len(connection.session.h2._closed_streams) <= 64 and len(connection.session.h2.streams) < 2
    up.fake.stop()


def test_what_the_target_is_told() -> None:
    heads: list[dict[str, str]] = []

    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        heads.append(head)
        server.send(stream, frame(b""))

    up, began = Up(play), time.monotonic()
    up.call().close()
    took = time.monotonic() - began
    head = heads[0]
    assert 20_000 - 1000 * took - 1 <= int(head.pop("grpc-timeout").removesuffix("m")) <= 20_000
    assert head == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/shop.v1.Orders/Get",
        ":authority": f"127.0.0.1:{up.fake.port}",
        "te": "trailers",
        "content-type": "application/grpc",
        "x-b": "2",
    }


def test_pings_and_settings_between_calls_do_not_cost_the_connection() -> None:
    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        echo(server, stream, head, body)
        server.h2.ping(b"12345678")
        server.h2.update_settings({})
        server.flush()

    up = Up(play)
    for _ in range(3):
        up.call().close()
        gevent.sleep(0.02)
    assert up.fake.connections == 1


def test_a_goodbye_between_calls_costs_only_the_connection() -> None:
    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        echo(server, stream, head, body)
        server.h2.close_connection()
        server.flush()

    up = Up(play, echo)
    up.call().close()
    until(lambda: all(each.is_stale() for each in up.pool.pool.idle))
    up.call().close()
    assert up.fake.connections == 2


@pytest.mark.parametrize("how", ["goaway", "refused"])
def test_a_call_that_was_left_out_is_made_again(how: str) -> None:
    calls: list[int] = []

    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        calls.append(stream)
        if len(calls) != 2:
            return echo(server, stream, head, body)
        if how == "goaway":
            server.h2.close_connection(last_stream_id=stream - 2)
        else:
            server.h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
        return server.flush()

    up = Up(play, play)
    for _ in range(2):
        response = up.call()
        assert response.status == 200
        response.close()
    assert (up.fake.connections, len(calls)) == (2, 3)


def test_a_call_that_may_have_been_seen_is_not() -> None:
    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        if stream == 1:
            return echo(server, stream, head, body)
        return server.side.close()

    up = Up(play)
    up.call().close()
    error = up.failure()
    assert (error.kind.slug, error.was_sent, up.fake.connections) == ("upstream-reset", True, 1)


def bad(*messages: bytes, **more: Any) -> Play:
    return lambda server, stream, head, body: server.send(stream, *messages, **more)


def ends_bare(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
    server.h2.send_headers(stream, HEAD)
    server.h2.end_stream(stream)
    server.flush()


def resets(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
    server.h2.send_headers(stream, HEAD)
    server.h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
    server.flush()


@pytest.mark.parametrize(
    ("play", "slug", "words"),
    [
        (ends_bare, "upstream-bad-answer", "it ended without a status"),
        (resets, "upstream-incomplete", "ended early"),
        (bad(b"\x01\x00\x00\x00\x01x"), "upstream-bad-answer", "is compressed"),
        (bad(b"\x00\x00\x00\x00\x05x"), "upstream-bad-answer", "ended inside a message"),
        (bad(b"\x00\x00\x7f\xff\xffx"), "upstream-bad-answer", "more than 100000 bytes"),
        (bad(head=((":status", "404"),)), "upstream-bad-answer", "status 404 of HTTP"),
        (bad(head=((":status", "200"), ("content-type", "text/html"))), "upstream-bad-answer", "another content type"),
    ],
)
def test_what_is_no_answer(play: Play, slug: str, words: str) -> None:
    error = Up(play).failure()
    assert error.kind.slug == slug
    assert words in error.detail


def http1(side: Side) -> None:
    side.sock.recv(65536)
    side.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def test_a_server_of_another_protocol_and_one_that_says_nothing() -> None:
    assert "does not speak HTTP/2" in Up(http1, raw=True).failure().detail
    assert Up(lambda side: side.close(), raw=True).failure().kind.slug == "upstream-reset"
    silent = Up(lambda side: side.rest(), raw=True)
    silent.upstream.read = 0.05
    assert silent.failure().kind.slug == "upstream-read-timeout"


@pytest.mark.parametrize(
    ("code", "status"), [("5", 404), ("14", 503), ("13", 500), ("99", 500), ("x", 500), ("4", 504)]
)
def test_the_end_alone(code: str, status: int) -> None:
    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        server.h2.send_headers(stream, (*HEAD, ("grpc-status", code), ("grpc-message", "no")), end_stream=True)
        server.flush()

    up = Up(play)
    response = up.call()
    ((flags, data),) = frames(response.body)
    assert (response.status, flags, read_trailers(data)["grpc-message"]) == (status, TRAILERS, "no")


def test_a_deadline_of_the_clients_own_says_nothing_about_the_target() -> None:
    error = Up(bad(end=(("grpc-status", "4"),))).failure(hurried=True)
    assert error.kind.slug == "upstream-timeout"


def test_a_stream_is_given_on_as_it_comes_and_read_no_faster() -> None:
    sent: list[int] = []

    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        server.send(stream, end=None)
        for _ in range(400):
            while server.h2.local_flow_control_window(stream) < 10_005:
                data = server.side.sock.recv(65536)
                if not data:
                    return
                server.h2.receive_data(data)
            server.h2.send_data(stream, frame(b"x" * 10_000))
            server.flush()
            sent.append(1)

    up = Up(play)
    response = up.call(stream=True)
    pieces = iter(response.body)
    assert len(next(pieces)) == 10_005
    gevent.sleep(0.1)
    assert len(sent) < 250, "what nobody reads waits at the target"
    response.close()
    assert up.pool.pool.qsize() == up.pool.pool.maxsize


def test_an_answer_that_nobody_closes_gives_its_place_back() -> None:
    up = Up(bad(frame(b"x"), end=None))
    response = up.call(stream=True)
    assert up.pool.pool.qsize() == up.pool.pool.maxsize - 1
    del response
    gevent.sleep(0)
    assert up.pool.pool.qsize() == up.pool.pool.maxsize


class Secure:
    """A target over TLS that answers one connection."""

    def __init__(self, certificates: Certificates) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.cert, certificates.key)
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.chosen: list[str | None] = []
        threading.Thread(target=self._serve, args=(context,), daemon=True).start()

    def _serve(self, context: ssl.SSLContext) -> None:
        sock, _ = self.listener.accept()
        with context.wrap_socket(sock, server_side=True) as secure, contextlib.suppress(OSError):
            self.chosen.append(secure.selected_alpn_protocol())
            Server(Side(secure), echo)


def test_over_tls(certificates: Certificates) -> None:
    server = Secure(certificates)
    port = server.listener.getsockname()[1]
    pool = Pools().get(PoolKey(Address("grpcs", "localhost", port), PoolSettings(), TLSSettings(ca=certificates.ca)))
    target = Target("t", pool, TargetStateTable.private().target("u", "t", window_ms=1000))
    response = GrpcUpstream("shop").send(calling(frame(b"x")), target, b"", time.monotonic())
    assert [data for flags, data in frames(response.body) if not flags][1] == b"x"
    assert server.chosen == ["h2"]
    pool.drain()
    server.listener.close()


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [(b"\x08\x01", "0", 200), (b"\x08\x02", "0", 503), (b"", "0", 503), (b"", "5", 404)],
)
def test_the_standard_check_of_health(answer: bytes, code: str, status: int) -> None:
    asked: list[tuple[str, bytes]] = []

    def play(server: Server, stream: int, head: dict[str, str], body: bytes) -> None:
        asked.append((head[":path"], body))
        server.send(stream, *([frame(answer)] if code == "0" else []), end=(("grpc-status", code),))

    up = Up(play)
    assert ask(up.target, "/shop.v1.Orders", 10.0) == status
    assert asked == [("/grpc.health.v1.Health/Check", frame(b"\x0a\x0eshop.v1.Orders"))]
    assert ask(up.target, "/", 10.0) == status
    assert asked[1][1] == frame(b"")
    assert ask(Up(http1, raw=True).target, "/", 1.0) == 0
