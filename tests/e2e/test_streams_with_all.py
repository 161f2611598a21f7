"""What streams still does with every policy on that does not need the body: events, WebSockets, uploads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection

from tests.support.gateway import Gateway
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import config, serving
from tests.support.websocket import service

KEY = "a-key-of-this-test"
PIECE = b"x" * 65536
PIECES = 80
ALL = f"""
auth:
  shop: {{api_key: {{from: "header:X-API-Key", keys: "tester:{hashlib.sha256(KEY.encode()).hexdigest()}"}}}}
cors:
  web: {{origins: ["https://shop.example"], methods: [GET, POST]}}
rate_limits:
  - {{name: global, per: all, rate: 10000/s, burst: 10000}}
defaults:
  auth: {{use: shop}}
  cors: web
  compress: {{algorithms: [zstd, br, gzip], min_size: 1B}}
  sanitize: {{sql_injection: block, xss: block}}
  headers: {{preset: security, request: {{set: {{X-From: gateway}}}}, response: {{remove: [Server]}}}}
"""
ROUTE = """
  - name: all-{name}
    match: {{path: "/all/{name}/{{rest:path}}"}}
    upstream: {name}
    rewrite: "/{{rest}}"
    ip: {{allow: [127.0.0.0/8]}}
    rate_limit: [{{per: client, rate: 10000/s, burst: 10000}}, {{per: route, rate: 10000/s, burst: 10000}}]
    cache: {{ttl: 10s, stale_if_error: 1m}}
"""
MORE = (
    "retry: {attempts: 2, on: [connect, reset, 503], budget: 20%}, outlier: {consecutive_5xx: 5}, balance: p2c, "
    "circuit_breaker: {failure_rate: 50%, window: 10s, min_requests: 20, open_for: 5s, half_open: 3}"
)


class Plays:
    """An upstream: events that wait for `go`, and what came of an upload when its first piece was there."""

    def __init__(self) -> None:
        self.go, self.began = threading.Event(), threading.Event()
        self.upstream = Upstream(self._play)

    def _play(self, connection: Connection) -> None:
        while b"\r\n\r\n" not in connection.received:
            connection.received += connection.socket.recv(65536)
        head, _, body = connection.received.partition(b"\r\n\r\n")
        if head.startswith(b"POST"):
            size = len(body)
            while size < len(PIECE) * PIECES:
                size += len(connection.socket.recv(1 << 20))
                self.began.set()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(size)), size))
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(b"9\r\ndata: 1\n\n\r\n")
        self.go.wait(10)
        connection.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")


@pytest.fixture(scope="module")
def plays() -> Iterator[Plays]:
    made = Plays()
    yield made
    made.upstream.close()


@pytest.fixture(scope="module")
def gateway(plays: Plays, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    def say(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with service(say) as port:
        upstreams = {
            "live": f'targets: ["{plays.upstream.url}"], {MORE}',
            "talk": f'targets: ["http://127.0.0.1:{port}"], {MORE}',
        }
        routes = "".join(ROUTE.format(name=name) for name in upstreams) + ALL
        text = config(upstreams, routes)
        with serving(tmp_path_factory.mktemp("all"), text) as made:
            yield made


def test_events_arrive_one_by_one(gateway: Gateway, plays: Plays) -> None:
    head = f"GET /all/live/events HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nOrigin: https://shop.example\r\n\r\n"
    client = Client(gateway.port).send(head.encode())
    seen = client.until(b"data: 1\n\n").lower()
    assert b"access-control-allow-origin: https://shop.example" in seen and b"x-content-type-options: nosniff" in seen
    plays.go.set()
    client.until(b"data: 2\n\n")
    client.close()


def test_a_websocket_says_and_hears(gateway: Gateway) -> None:
    url = f"ws://127.0.0.1:{gateway.port}/all/talk/x"
    with connect(url, additional_headers={"X-API-Key": KEY}, proxy=None) as socket:
        for message in ("<script>", "x" * 100_000):
            socket.send(message)
            assert socket.recv(timeout=10) == message


def test_an_upload_is_on_its_way_before_it_is_whole(gateway: Gateway, plays: Plays) -> None:
    lines = ("POST /all/live/up HTTP/1.1", "Host: a", f"X-API-Key: {KEY}", "Content-Type: application/octet-stream")
    length = f"Content-Length: {len(PIECE) * PIECES}"
    client = Client(gateway.port).send("\r\n".join([*lines, length, "", ""]).encode() + PIECE * (PIECES // 2))
    assert plays.began.wait(10), "the first half is there, the second is not sent yet"
    client.send(PIECE * (PIECES - PIECES // 2))
    status, _, body = client.answer()
    client.close()
    assert (status, body) == (200, b"%d" % (len(PIECE) * PIECES))
