"""Bodies go through as they come, whatever their size, and neither side runs ahead of the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.nginx import nginx
from tests.support.raw import Connection, Upstream, echo
from tests.support.through import ask, config, get, logged, memory, sending, serving

BIG = 100 << 20
ROOM = 32 << 20
PIECE = b"x" * (1 << 20)

NGINX = """
server {
  listen 127.0.0.1:{port};
  root .;
  location / { }
  location /swallow { client_body_buffer_size 16k; proxy_pass http://127.0.0.1:{port}/done; }
  location /done { return 200 "done"; }
}
"""


class Script:
    """An upstream that does what the test says next; the test and it wait for each other."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)

    def play(self, connection: Connection) -> None:
        head, more = _head(connection)
        path = head.split(b" ")[1]
        if path == b"/events":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(5):
                assert self.go.acquire(timeout=10)
                connection.send(b"12\r\ndata: event %04d\n\n\r\n" % number)
            connection.send(b"0\r\n\r\n")
        elif path == b"/until-close":
            connection.send(b"HTTP/1.1 200 OK\r\n\r\nfirst ")
            assert self.go.acquire(timeout=10)
            connection.send(b"second")
        elif path == b"/early":
            connection.send(b"HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
            while connection.socket.recv(65536):
                pass
        elif path == b"/count":
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert self.go.acquire(timeout=10)
            _count(connection, length - len(more))


def _head(connection: Connection) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.socket.recv(65536)
        if not piece:
            raise EOFError
        data += piece
    head, mark, more = data.partition(b"\r\n\r\n")
    return head + mark, more


def _count(connection: Connection, left: int) -> None:
    """Read a body in small pieces, and say that it was whole."""
    buffer = bytearray(1 << 16)
    while left > 0:
        left -= connection.socket.recv_into(buffer)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("streaming")
    scripted, echoing = Upstream(script.play), Upstream(echo)
    with nginx(folder / "nginx", NGINX) as server:
        with (server.folder / "big").open("wb") as file:
            file.truncate(BIG)
        upstreams = {
            name: f'targets: ["{upstream.url}"]'
            for name, upstream in (("nginx", server), ("script", scripted), ("echo", echoing))
        }
        with serving(folder / "gateway", config(upstreams, server="limits: {body: 200MB}")) as made:
            yield made
    scripted.close()
    echoing.close()


def test_a_large_answer_to_a_slow_reader_stays_out_of_memory(gateway: Gateway) -> None:
    ask(gateway, get("/nginx/done"))
    before = memory(gateway)
    with sending(gateway, get("/nginx/big")) as client:
        assert b"Content-Length: %d\r\n" % BIG in client.until(b"\r\n\r\n")
        got = len(client.received)
        # Nobody reads: what is on its way fills the sockets and stops there.
        looks = [memory(gateway) for _ in range(30)]
        buffer = bytearray(1 << 20)
        while got < BIG:
            got += client.socket.recv_into(buffer)
            if got % (16 << 20) < 1 << 16:
                looks.append(memory(gateway))
    assert got == BIG
    assert max(*looks, memory(gateway)) - before < ROOM
    assert logged(gateway, "/nginx/big")["bytes"] == BIG


def test_a_large_upload_to_a_slow_reader_stays_out_of_memory(gateway: Gateway, script: Script) -> None:
    ask(gateway, get("/nginx/done"))
    before = memory(gateway)
    with sending(gateway, get("/script/count", f"Content-Length: {BIG}", method="POST")) as client:
        sender = threading.Thread(target=lambda: [client.send(PIECE) for _ in range(BIG >> 20)])
        sender.start()
        # The upstream does not read: what is on its way fills the sockets and stops there.
        looks = [memory(gateway) for _ in range(30)]
        assert sender.is_alive()
        script.go.release()
        assert client.answer()[2] == b"whole"
        sender.join()
    assert max(*looks, memory(gateway)) - before < ROOM


def test_a_large_upload_in_chunks_stays_out_of_memory(gateway: Gateway) -> None:
    ask(gateway, get("/nginx/done"))
    before = most = memory(gateway)
    with sending(gateway, get("/nginx/swallow", "Transfer-Encoding: chunked", method="POST")) as client:
        for number in range(BIG >> 20):
            client.send(b"100000\r\n" + PIECE + b"\r\n")
            if number % 10 == 0:
                most = max(most, memory(gateway))
        client.send(b"0\r\n\r\n")
        assert client.answer()[2] == b"done"
    assert max(most, memory(gateway)) - before < ROOM


def test_events_arrive_before_the_next_is_sent(gateway: Gateway, script: Script) -> None:
    with sending(gateway, get("/script/events")) as client:
        assert b"text/event-stream" in client.until(b"\r\n\r\n")
        for number in range(5):
            script.go.release()
            assert b"data: event %04d" % number in client.until(b"\n\n\r\n")
        assert client.until(b"0\r\n\r\n")
        assert client.is_open()


def test_an_answer_that_ends_with_its_connection_becomes_chunked(gateway: Gateway, script: Script) -> None:
    with sending(gateway, get("/script/until-close")) as client:
        assert b"Transfer-Encoding: chunked" in client.until(b"\r\n\r\n")
        assert client.until(b"first ")
        script.go.release()
        assert client.until(b"second\r\n0\r\n\r\n")
        assert client.is_open()


def test_to_a_client_of_http_1_0_it_ends_with_the_connection_too(gateway: Gateway, script: Script) -> None:
    with sending(gateway, get("/script/until-close", "Connection: keep-alive", version="1.0")) as client:
        script.go.release()
        head, _, body = client.rest().partition(b"\r\n\r\n")
        assert body == b"first second"
        assert b"chunked" not in head and b"Connection: close" in head


def test_a_chunked_upload_goes_on_chunk_by_chunk(gateway: Gateway) -> None:
    with sending(gateway, get("/echo/", "Transfer-Encoding: chunked", method="PUT")) as client:
        for piece in (b"5\r\nhello\r\n", b"1\r\n \r\n", b"5;x=y\r\nworld\r\n", b"0\r\nX-Trailer: dropped\r\n\r\n"):
            client.send(piece)
        status, _, body = client.answer()
        assert status == 200
        assert body.endswith(b"hello world") and b"ransfer-Encoding: chunked" in body and b"X-Trailer" not in body


def test_an_upstream_may_answer_before_the_upload_has_ended(gateway: Gateway) -> None:
    with sending(gateway, get("/script/early", f"Content-Length: {BIG}", method="POST") + b"x" * 1000) as client:
        status, headers, body = client.answer()
        assert (status, body) == (413, b"stop")
        assert headers["connection"] == "close"
        assert logged(gateway, "/script/early")["status"] == 413
