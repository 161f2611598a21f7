"""Exchanges with an upstream that answers at once: the head that is written, and a whole fetch over a socket pair.

The upstream's answer is put into the socket before the gateway asks, so nothing waits and nothing else runs: what is
timed is the gateway's own work and its two system calls.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any

from gateway._fast.channel import Channel
from gateway._fast.http1_client import decode_chunks, talk
from gateway.exchange import Exchange
from gateway.upstream.attempts import AttemptPolicy, RetryingUpstream
from gateway.upstream.balance.balancers import PowerOfTwoChoices
from gateway.upstream.http import HttpUpstream
from gateway.upstream.pool.pool import Address
from gateway.upstream.pool.registry import PoolKey, Pools
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target, TargetSet

FIELDS = b"Server: nginx\r\nDate: Mon, 24 Nov 2026 13:00:00 GMT\r\nContent-Type: application/json\r\n"
BODY = b'{"id":42,"name":"widget","tags":["a","b","c"],"price":12.5,"in_stock":true}'
LENGTH = b"HTTP/1.1 200 OK\r\n" + FIELDS + b"Content-Length: 75\r\nConnection: keep-alive\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\n" + FIELDS + b"Transfer-Encoding: chunked\r\n\r\n4b\r\n" + BODY + b"\r\n0\r\n\r\n"
SENT = [("Host", "127.0.0.1:8000"), ("User-Agent", "wrk/4.1.0"), ("Accept", "*/*")]
PROXIED = [*SENT, ("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https"), ("Via", "1.1 edge")]


class Owner:
    """A connection that is always there."""

    default_host = "127.0.0.1:9101"

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def release(self, keep: bool) -> None:
        """Keep it."""


def asked(headers: list[tuple[str, str]] = SENT, trusted: bool = False, body: bytes = b"") -> Exchange:
    """An exchange as the server makes it."""
    made = Exchange("POST" if body else "GET", "/v1/items/42", headers, {}, 0.0)
    made.authority, made.scheme, made.version = "127.0.0.1:8000", "http", "1.1"
    made.peer = made.client = "127.0.0.1"
    made.trusted, made.request_id, made.deadline = trusted, "5f0c1d2e3a4b5c6d", 1e12
    if body:
        made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def _fail(error: Exception) -> Exception:
    return error


def exchange(answer: bytes, **more: Any) -> Callable[[], object]:
    """One exchange on a channel, without pool and fleet."""
    near, far = socket.socketpair()
    owner, body = Owner(Channel(near)), more.get("body", b"")

    def call() -> object:
        far.send(answer)
        made = talk(asked(**more), owner, 30.0, 1e12, body, _fail)
        far.recv(65536)
        return made

    return call


def fetch() -> Callable[[], object]:
    """A whole fetch: fleet, pool, exchange, Response."""
    pool = Pools().get(PoolKey(Address("http", "127.0.0.1", 9101)))
    near, far = socket.socketpair()
    connection: Any = pool._new_conn()  # type: ignore[attr-defined]
    connection.channel, connection.pool, connection.default_host = Channel(near), pool, pool.default_host
    pool.pool.get()
    pool.give_back(connection)
    region = TargetStateTable.private()
    fleet = TargetSet(
        "catalog", PowerOfTwoChoices(), [Target("127.0.0.1:9101", pool, region.target("catalog", "127.0.0.1:9101"))]
    )
    upstream = RetryingUpstream(HttpUpstream("catalog"), fleet, region.upstream("catalog"), AttemptPolicy())

    def call() -> object:
        far.send(LENGTH)
        response = upstream.fetch(asked())
        far.recv(65536)
        connection.idle_since = 1e12
        return response

    return call


def system_calls() -> Callable[[], object]:
    """What the bench itself does around an exchange, and the two system calls inside: to be subtracted."""
    near, far = socket.socketpair()

    def call() -> object:
        far.send(LENGTH)
        near.send(LENGTH)
        near.recv(16384)
        far.recv(65536)
        return asked()

    return call


def benches() -> list[tuple[str, Callable[[], object], int]]:
    """What stands for one proxied request on the upstream side."""
    return [
        ("the bench's own share, with four system calls", system_calls(), 20_000),
        ("exchange, small answer with a length", exchange(LENGTH), 20_000),
        ("exchange, small chunked answer", exchange(CHUNKED), 20_000),
        ("exchange, behind a trusted proxy", exchange(LENGTH, headers=PROXIED, trusted=True), 20_000),
        ("exchange, with a body of 1 KB", exchange(LENGTH, body=b"x" * 1024), 20_000),
        ("fetch: fleet, pool, exchange, Response", fetch(), 20_000),
        ("decode a small chunked body", lambda: decode_chunks(b"100\r\n" + b"x" * 256 + b"\r\n0\r\n\r\n"), 20_000),
    ]
