"""The connection loop with an app that does nothing, on a socket pair: a request, a pipeline of them, bodies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent import socket

from gateway._fast.channel import Channel
from gateway._fast.http1_head import Limits
from gateway._fast.http1_server import Connection, Server, Settings, read_chunk_size
from perf.micro.run import Bench

GET = b"GET /v1/items/42 HTTP/1.1\r\nHost: api.example.com\r\nAccept: */*\r\n\r\n"
POST = b"POST /v1/items HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024
CHUNKED = (
    b"POST /v1/items HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"
)
BODY = b'{"id": 42, "name": "Kaffee", "price": 8.9}'
HEADERS = [("Content-Type", "application/json")]


def whole(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """An answer in one piece, after the whole request."""
    environ["wsgi.input"].read()
    start_response("200 OK", HEADERS)
    return [BODY]


def streamed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """An answer in four pieces."""
    start_response("200 OK", HEADERS)
    return iter([BODY] * 4)


class Loop:
    """A served connection, kept for the length of a bench."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.client, theirs = socket.socketpair()
        settings = Settings(Limits(), 60.0, 60.0, 60.0, 1 << 20)
        server = Server(app, settings, lambda slug, detail: ValueError(slug))
        connection = Connection(server, Channel(theirs), {"REMOTE_ADDR": "192.0.2.1"}, time.monotonic() + 60.0)
        gevent.spawn(connection.serve)

    def ask(self, sent: bytes, end: bytes, times: int = 1) -> Callable[[], object]:
        """A call that sends and reads `times` answers, each of which ends with `end`."""

        def call() -> None:
            self.client.sendall(sent)
            got = 0
            while got < times:
                got += self.client.recv(65536).count(end)

        return call


def benches() -> list[Bench]:
    """What is run; a call includes the client's own system calls and two switches of greenlets."""
    return [
        ("request and answer", Loop(whole).ask(GET, BODY), 10_000),
        ("16 pipelined requests", Loop(whole).ask(GET * 16, BODY, 16), 1_000),
        ("1 KB request body", Loop(whole).ask(POST, BODY), 10_000),
        ("1 KB chunked request body", Loop(whole).ask(CHUNKED, BODY), 10_000),
        ("answer of 4 chunks", Loop(streamed).ask(GET, b"0\r\n\r\n"), 5_000),
        ("a chunk's first line", lambda: read_chunk_size(b"3f2a;name=value"), 100_000),
    ]
