"""`_fast.http1_server` at the end of a connection, and while it waits for a piece: nothing of an answer is lost."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from gateway._fast.channel import Channel
from gateway._fast.http1_server import Connection, Server
from tests.support.certs import authority, issue
from tests.support.greenlets import until
from tests.support.loop import connected, converse, server

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = b"x" * 12_000


class Hasty:
    """Says that a piece is here, and lets another connection be answered before it gives it."""

    ready = True

    def __init__(self, to: list[Server]) -> None:
        self.to = to
        self.pieces = [b"one", b"two"]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self.pieces:
            raise StopIteration
        with connected(self.to[0]) as other:
            other.sendall(GET.replace(b"/ ", b"/other "))
            assert b"secret" in other.recv(1000)
        return self.pieces.pop(0)


def test_a_head_is_not_lost_to_a_piece_that_comes_late() -> None:
    to: list[Server] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/":
            start_response("200 OK", [("X-Mine", "yes")])
            return Hasty(to)
        start_response("200 OK", [("X-Other", "no")])
        return [b"secret"]

    to.append(server(app))
    head, _, body = converse(to[0], [GET]).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-Mine: yes\r\n")
    assert b"X-Other" not in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


@pytest.fixture
def owing() -> Iterator[Server]:
    """Its answers wait for the end of the loop's turn, and the kernel takes only a part of them then."""
    near, far = socket.socketpair()
    busy = Channel(near)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        environ["gateway.channel"].sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for _ in range(2):
            busy.leave(b"a")
            busy.leave(b"b")
            gevent.sleep(0.001)
        return [BODY]

    yield server(app)
    busy.close()
    far.close()


def rest(client: Any) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_who_closed_its_sending_half_gets_all_of_the_answer(owing: Server) -> None:
    with connected(owing) as client:
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        until(lambda: owing.requests == 1)
        gevent.sleep(0.01)
        assert rest(client).endswith(b"\r\n\r\n" + BODY)


def test_who_reads_slowly_while_it_drains_gets_all_of_the_answer(owing: Server) -> None:
    with connected(owing) as client:
        client.sendall(GET)
        until(lambda: owing.requests == 1)
        gevent.sleep(0.01)
        owing.drain()
        owing.close_idle()
        answer = b""
        while len(answer) < len(BODY) or not answer.endswith(BODY):
            answer += client.recv(65536)
        until(lambda: owing.close_idle() or not owing.connections)


def test_a_request_that_comes_as_idle_connections_are_closed_is_answered_over_tls(tmp_path: Path) -> None:
    pair = issue(tmp_path, authority(tmp_path), "localhost")
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.check_hostname, ours.verify_mode = False, ssl.CERT_NONE
    theirs.load_cert_chain(pair.cert, pair.key)
    near, far = socket.socketpair()
    shaken: list[ssl.SSLSocket] = []
    shaking = threading.Thread(target=lambda: shaken.append(ours.wrap_socket(far)))
    shaking.start()
    near = theirs.wrap_socket(near, server_side=True)
    shaking.join(5)
    client = shaken[0]
    client.setblocking(False)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"ok"]

    def answer() -> bytes:
        try:
            return client.recv(65536)
        except ssl.SSLWantReadError:
            return b""

    made = server(app, patience=3)
    base = {"REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "https"}
    serving = gevent.spawn(Connection(made, Channel(near), base, time.monotonic() + 3).serve)
    try:
        client.send(GET)
        until(lambda: b"200 OK" in answer())
        made.drain()
        client.send(GET)  # it is with the kernel: the loop has had no turn since
        made.close_idle()
        until(lambda: b"Connection: close" in answer())
    finally:
        client.close()
        serving.get(timeout=5)
