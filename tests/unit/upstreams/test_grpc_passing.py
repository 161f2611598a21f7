"""Calls that are passed on, with one target: what either side may do on the wire, and what becomes of it."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.queue import Queue
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded

from gateway._fast.channel import Channel
from gateway.errors import BODY_TOO_LARGE, GatewayError
from gateway.exchange import Exchange, Response
from gateway.http.grpc import WANTS, GrpcCall, GrpcStatus
from gateway.upstream.grpc.upstream import GrpcUpstream
from gateway.upstream.pool.pool import Address
from gateway.upstream.pool.registry import PoolKey, Pools
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target
from tests.exchanges import exchange
from tests.support.greenlets import until
from tests.wire.upstream.play import FakeUpstream, Side

HEAD = ((":status", "200"), ("content-type", "application/grpc+x"), ("grpc-encoding", "gzip"), ("x-a", "1"))
DONE = (("grpc-status", "0"), ("x-last", "2"))


class Peer:
    """The target's end of one connection, moved by a test: what came is in `heads`, `bodies` and `ended`."""

    def __init__(self, side: Side, credits: bool = True) -> None:
        self.side = side
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.heads: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.is_closed = False
        self._credits = credits
        self.flush()

    def run(self) -> None:
        """Take what comes until the connection ends."""
        while True:
            try:
                data = self.side.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            for event in self.h2.receive_data(data):
                self._happened(event)
            self.flush()
        self.is_closed = True

    def _happened(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.heads[event.stream_id] = dict(event.headers)
            self.bodies[event.stream_id] = b""
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id] += event.data
            if self._credits:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.ended.add(event.stream_id)

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            self.side.send(data)

    def send(self, *data: bytes, head: Any = None, end: Any = None, stream: int = 1) -> None:
        """A head, pieces, an end: what is given of them."""
        if head is not None:
            self.h2.send_headers(stream, head)
        for piece in data:
            self.h2.send_data(stream, piece)
        if end is not None:
            self.h2.send_headers(stream, end, end_stream=True)
        self.flush()


class Said:
    """A body as the client's side has it: what a test says comes, `None` is its end, an error is raised."""

    def __init__(self) -> None:
        self._queue: Queue[Any] = Queue()
        self.reads = 0
        self._has_ended = False

    def say(self, *pieces: Any) -> None:
        for piece in pieces:
            self._queue.put(piece)

    def read(self, size: int = -1, /) -> bytes:
        if self._has_ended:
            return b""
        self.reads += 1
        piece = self._queue.get()
        if isinstance(piece, Exception):
            raise piece
        self._has_ended = piece is None
        return piece or b""


class Up:
    """A target whose connections are peers."""

    def __init__(self, credits: bool = True, read: float = 5.0) -> None:
        self.peers: list[Peer] = []
        self.credits = credits
        self.fake = FakeUpstream(self._serve)
        self.pool = Pools().get(PoolKey(Address("grpc", "127.0.0.1", self.fake.port)))
        self.state = TargetStateTable.private().target("u", "t", window_ms=1000)
        self.target = Target("t", self.pool, self.state)
        self.upstream = GrpcUpstream("talk", read=read, total=20.0)

    def _serve(self, side: Side) -> None:
        peer = Peer(side, self.credits)
        self.peers.append(peer)
        peer.run()

    def call(self, made: Exchange, first: bytes = b"") -> Response:
        return self.upstream.send(made, self.target, first, time.monotonic())

    def begin(self, made: Exchange, first: bytes = b"") -> Any:
        """A greenlet that makes the call, once the target has its head."""
        calls = len(self.peers[-1].heads) if self.peers else 0
        running = gevent.spawn(self.call, made, first)
        until(lambda: (self.peers and len(self.peers[-1].heads) > calls) or running.ready())
        return running

    @property
    def is_free(self) -> bool:
        return self.pool.pool.qsize() == self.pool.pool.maxsize and not self.state.inflight()


def open_call(said: Said | None, **known: Any) -> Exchange:
    made = exchange("POST", "/talk.v1.Talk/Chat", [("x-b", "2")], started=time.monotonic(), **known)
    made.environ = {WANTS: GrpcCall(said, "application/grpc+x"), "gateway.channel": None}
    made.body, made.body_length = io.BytesIO(), 1 << 62
    return made


def whole_call(data: bytes = b"all of it", **known: Any) -> Exchange:
    made = open_call(None, **known)
    made.body_length = len(data)
    return made


def test_a_whole_call_needs_nobody_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    up = Up()
    running = up.begin(whole_call(), b"all of it")
    peer = up.peers[0]
    until(lambda: 1 in peer.ended)
    assert peer.bodies[1] == b"all of it"
    head = peer.heads[1]
    assert (head["te"], head["content-type"], head["x-b"]) == ("trailers", "application/grpc+x", "2")
    assert 15_000 < int(head["grpc-timeout"].removesuffix("m")) <= 20_000
    peer.send(b"any ", b"bytes", head=HEAD, end=DONE)
    response = running.get()
    assert (response.status, response.headers) == (200, list(HEAD[1:]))
    *pieces, end = response.body
    assert (pieces, end, end.fields) == ([b"any ", b"bytes"], b"", list(DONE))
    assert up.is_free and len(up.pool.pool.idle) == 1


def test_an_end_alone_is_a_head() -> None:
    up = Up()
    running = up.begin(whole_call(), b"all of it")
    up.peers[0].send(head=None, end=None)
    up.peers[0].h2.send_headers(1, (*HEAD, ("grpc-status", "5"), ("grpc-message", "no")), end_stream=True)
    up.peers[0].flush()
    response = running.get()
    assert response.status == 404 and ("grpc-status", "5") in response.headers and list(response.body) == []
    assert up.is_free


@pytest.mark.parametrize(("hurried", "status"), [(False, 504), (True, 499)])
def test_a_time_of_the_clients_own_speaks_against_nobody(hurried: bool, status: int) -> None:
    up = Up()
    running = up.begin(whole_call(hurried=hurried), b"all of it")
    up.peers[0].h2.send_headers(1, (*HEAD, ("grpc-status", "4")), end_stream=True)
    up.peers[0].flush()
    assert running.get().status == status


def test_messages_go_both_ways_in_turn_and_the_connection_is_kept() -> None:
    up, said = Up(), Said()
    running = up.begin(open_call(said))
    peer = up.peers[0]
    peer.send(b"hello", head=HEAD)  # before the client has said anything
    body = iter(running.get().body)
    assert next(body) == b"hello"
    for at in range(5):
        said.say(b"%d" % at)
        until(lambda at=at: peer.bodies[1].endswith(b"%d" % at))
        peer.send(b"re %d" % at)
        assert next(body) == b"re %d" % at
    said.say(None)
    until(lambda: 1 in peer.ended)
    peer.send(end=DONE)
    assert [(each, each.fields) for each in body] == [(b"", list(DONE))]
    assert up.is_free and len(up.pool.pool.idle) == 1
    again = up.begin(open_call(more := Said()))
    assert len(up.peers) == 1
    more.say(None)
    peer.send(head=HEAD, end=DONE, stream=3)
    assert [each.fields for each in again.get().body] == [list(DONE)]


def test_windows_open_while_the_client_takes_nothing() -> None:
    """More than a window each way, and nobody reads the answer before all was said."""
    up, said = Up(), Said()
    running = up.begin(open_call(said))
    peer = up.peers[0]
    peer.send(b"a" * 16_000, head=HEAD)
    response = running.get()
    said.say(*[b"q" * 10_000] * 40, None)
    until(lambda: 1 in peer.ended)
    assert len(peer.bodies[1]) == 400_000
    peer.send(end=DONE)
    assert [len(each) for each in response.body] == [16_000, 0]


def test_no_more_waits_than_the_window() -> None:
    up, said = Up(), Said()
    running = up.begin(open_call(said))
    peer = up.peers[0]
    peer.send(head=HEAD)
    body = iter(running.get().body)
    sent = 0
    while (room := peer.h2.local_flow_control_window(1)) > 0:
        peer.send(b"w" * min(room, 16_000))
        sent += min(room, 16_000)
    assert sent <= 1 << 18
    came = 0
    while came < sent:
        came += len(next(body))
    until(lambda: peer.h2.local_flow_control_window(1) > sent // 2)
    said.say(None)


def test_a_target_that_opens_no_window_has_the_client_wait() -> None:
    up, said = Up(credits=False), Said()
    running = up.begin(open_call(said))
    peer = up.peers[0]
    peer.send(head=HEAD)
    response = running.get()
    said.say(*[b"q" * 16_000] * 50)
    until(lambda: len(peer.bodies[1]) == 65_535)
    gevent.sleep(0.01)
    assert said.reads < 10
    response.close()
    until(lambda: peer.is_closed)
    assert up.is_free


@pytest.mark.parametrize("has_head", [False, True])
@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("how", ["closes", "resets", "babbles"])
def test_a_target_that_breaks_off(how: str, is_whole: bool, has_head: bool) -> None:
    up, said = Up(), Said()
    running = up.begin(whole_call() if is_whole else open_call(said), b"all of it" if is_whole else b"")
    peer = up.peers[0]
    if has_head:
        peer.send(b"begun", head=HEAD)
        until(running.ready)
    if how == "closes":
        peer.side.sock.shutdown(socket.SHUT_RDWR)
    elif how == "resets":
        peer.h2.reset_stream(1, ErrorCodes.INTERNAL_ERROR)
        peer.flush()
    else:
        peer.side.send(b"\0" * 9)  # DATA on no stream
    with pytest.raises(GatewayError) as caught:
        for _ in running.get().body:
            pass
    slug = "upstream-bad-answer" if how == "babbles" else "upstream-incomplete" if has_head else "upstream-reset"
    assert caught.value.kind.slug == slug
    until(lambda: up.is_free)


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_target_that_closes_once_it_has_said_all(is_whole: bool) -> None:
    """What it asked for does not reach it any more; all that it said is read."""
    up, said = Up(), Said()
    running = up.begin(whole_call() if is_whole else open_call(said), b"all of it" if is_whole else b"")
    peer = up.peers[0]
    peer.send(b"begun, ", head=HEAD)
    pieces = iter(running.get().body)
    first = next(pieces)
    peer.side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.h2.ping(bytes(8))
    peer.send(b"done", end=DONE)
    peer.side.reset()
    *rest, end = pieces
    assert first + b"".join(rest) == b"begun, done" and end.fields == list(DONE)
    until(lambda: up.is_free)
    assert not up.pool.pool.idle, "that connection has ended"


def test_what_was_not_taken_is_made_again_on_another_connection() -> None:
    up = Up()
    for _ in range(2):
        said = Said()
        running = up.begin(open_call(said))
        peer = up.peers[-1]
        if len(up.peers) == 1 and len(peer.heads) == 2:
            peer.h2.close_connection(last_stream_id=1)
            peer.flush()
            until(lambda: len(up.peers) == 2 and up.peers[1].heads)
            peer = up.peers[1]
        stream = max(peer.heads)
        said.say(b"once", None)
        until(lambda stream=stream, peer=peer: stream in peer.ended)
        peer.send(head=HEAD, end=DONE, stream=stream)
        assert [each.fields for each in running.get().body] == [list(DONE)]
        assert peer.bodies[stream] == b"once"
    assert len(up.peers) == 2


def test_what_the_client_said_already_is_not() -> None:
    up = Up()
    first = up.begin(whole_call(), b"all of it")
    up.peers[0].send(head=HEAD, end=DONE)
    list(first.get().body)
    said = Said()
    running = up.begin(open_call(said))
    said.say(b"said")
    until(lambda: up.peers[0].bodies.get(3) == b"said")
    up.peers[0].h2.close_connection(last_stream_id=1)
    up.peers[0].flush()
    with pytest.raises(GatewayError) as caught:
        running.get()
    assert (caught.value.kind.slug, caught.value.was_sent, len(up.peers)) == ("upstream-reset", True, 1)


def test_the_end_of_an_answer_ends_what_the_client_still_says() -> None:
    up, said = Up(), Said()
    running = up.begin(open_call(said))
    peer = up.peers[0]
    peer.send(head=HEAD, end=DONE)
    assert [each.fields for each in running.get().body] == [list(DONE)]
    until(lambda: peer.is_closed)
    assert up.is_free and said.reads == 1


def test_what_the_client_sends_badly_ends_the_call() -> None:
    for has_head in (False, True):
        up, said = Up(), Said()
        running = up.begin(open_call(said))
        if has_head:
            up.peers[0].send(b"begun", head=HEAD)
            until(running.ready)
        said.say(GatewayError(BODY_TOO_LARGE))
        with pytest.raises(GatewayError) as caught:
            for _ in running.get().body:
                pass
        assert caught.value.kind is BODY_TOO_LARGE
        until(lambda up=up: up.peers[0].is_closed and up.is_free)


def linked(made: Exchange) -> tuple[Exchange, socket.socket]:
    """The call of a client that can go away: by closing the other end of its channel."""
    ours, bell = socket.socketpair()
    made.environ["gateway.channel"] = Channel(ours)
    ours.send(b"!")  # never read, so that closing the other end is a reset
    return made, bell


@pytest.mark.parametrize("has_head", [False, True])
def test_a_client_that_goes_away_ends_the_call(has_head: bool) -> None:
    up = Up()
    made, bell = linked(open_call(said := Said()))
    running = up.begin(made)
    if has_head:
        up.peers[0].send(b"begun", head=HEAD)
        until(running.ready)
    said.say(None)
    until(lambda: 1 in up.peers[0].ended)
    bell.close()
    with pytest.raises(GatewayError) as caught:
        for _ in running.get().body:
            pass
    assert caught.value.kind.slug == "client-closed"
    until(lambda: up.peers[0].is_closed and up.is_free)
    made.environ["gateway.channel"].close()


def late(up: Up, said: Said, then: Callable[[Peer], None], **known: Any) -> str:
    running = up.begin(open_call(said, **known))
    up.peers[0].send(head=HEAD)
    until(running.ready)
    then(up.peers[0])
    with pytest.raises(GatewayError) as caught:
        for _ in running.get().body:
            pass
    until(lambda: up.is_free)
    return caught.value.kind.slug


def test_time_that_nothing_goes_either_way_is_bounded() -> None:
    assert late(Up(read=0.7), Said(), lambda peer: None) == "upstream-read-timeout"


def test_what_the_client_says_is_something() -> None:
    up, said, ended = Up(read=1.0), Said(), []

    def speak(peer: Peer) -> None:
        gevent.spawn(say)

    def say() -> None:
        for _ in range(4):  # longer than that in all
            gevent.sleep(0.3)
            said.say(b"x")
        ended.append(time.monotonic())

    assert late(up, said, speak) == "upstream-read-timeout"
    assert ended and up.peers[0].bodies[1] == b"x" * 4


def test_the_whole_of_it_is_bounded() -> None:
    deadline = time.monotonic() + 0.8
    assert late(Up(), Said(), lambda peer: None, deadline=deadline) == "upstream-timeout"


def test_a_call_that_nobody_closes_gives_its_place_back() -> None:
    up, said = Up(), Said()
    running = up.begin(open_call(said))
    up.peers[0].send(b"x", head=HEAD)
    response = running.get()
    assert not up.is_free
    response.close()
    response.close()
    assert up.is_free
    until(lambda: up.peers[0].is_closed)
    assert isinstance(GrpcStatus.of([]), bytes)
