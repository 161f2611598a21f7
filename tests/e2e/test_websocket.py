"""WebSockets through the gateway: what goes in comes out, what ends ends, and nobody's bytes pile up."""

from __future__ import annotations

import random
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.server import ServerConnection

from tests.support import certs
from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client, Connection, Upstream, echo
from tests.support.through import ask, config, get, logged, memory, sending, serving
from tests.support.websocket import SWITCHED, Switchboard, asking, opened, service, talking

pytestmark = pytest.mark.timed

MORE = """
  - {name: said, match: {path: /said}, respond: {status: 200, body: said}}
"""
DEFAULTS = 'defaults: {headers: {response: {set: {X-Edited: "yes"}}}}\n'
BIG = 100 << 20
ROOM = 32 << 20


class Service:
    """What the WebSocket server does; it keeps how its connections ended."""

    def __init__(self) -> None:
        self.ended: dict[str, ConnectionClosed] = {}

    def play(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        path = socket.request.path
        if path.startswith("/close"):
            socket.close(4321, "enough")
            return
        if path == "/ping":
            assert socket.ping().wait(5)
            socket.send("pong came")
        try:
            while True:
                socket.send(socket.recv())
        except ConnectionClosed as closed:
            self.ended[path] = closed


deaf = threading.Event()


def play(connection: Connection) -> None:
    """An upstream that is told by the path what to do to the WebSocket."""
    head, _ = connection.request()
    path = head.split(b" ")[1]
    if path == b"/other":
        connection.send(SWITCHED.replace(b"WebSocket", b"chat"))
    elif path == b"/refuse":
        connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        play(connection)
    elif path == b"/early":
        connection.send(SWITCHED + b"\x82\x05early")
    else:
        connection.send(SWITCHED)
    if path == b"/fin":
        return
    if path == b"/reset":
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        return
    if path == b"/flood":
        frame = b"\x82\x7f" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20)
        for _ in range(BIG >> 20):
            connection.send(frame)
    if path.startswith(b"/deaf"):
        deaf.wait()
    while connection.socket.recv(65536):
        pass


@pytest.fixture(scope="module")
def made() -> Service:
    return Service()


@pytest.fixture(scope="module")
def scripted() -> Iterator[Upstream]:
    upstream = Upstream(play)
    yield upstream
    deaf.set()
    upstream.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, made: Service, scripted: Upstream) -> Iterator[Gateway]:
    echoing = Upstream(echo)
    with service(made.play) as port, service(made.play, compression=None) as plain:
        upstreams = {
            "ws": f'targets: ["http://127.0.0.1:{port}"]',
            "brief": f'targets: ["http://127.0.0.1:{port}"], timeout: {{connect: 1s, read: 1s, total: 1s}}',
            "plain": f'targets: ["http://127.0.0.1:{plain}"]',
            "idle": f'targets: ["http://127.0.0.1:{plain}"], timeout: {{idle: 1500ms}}',
            "script": f'targets: ["{scripted.url}"]',
            "echo": f'targets: ["{echoing.url}"]',
        }
        text = config(upstreams, MORE).replace("routes:\n", DEFAULTS + "routes:\n")
        with serving(tmp_path_factory.mktemp("websocket"), text) as one:
            yield one
    echoing.close()


# What goes in comes out


def test_messages_of_all_sizes_come_back(gateway: Gateway):
    for route in ("ws", "plain"):
        with talking(gateway, f"/{route}/sizes") as client:
            for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
                client.send(message := random.Random(size).randbytes(size))
                assert client.recv(5) == message
            client.send("text")
            assert client.recv(5) == "text"


def test_fragments_and_pings_pass(gateway: Gateway):
    with talking(gateway, "/plain/ping") as client:
        assert client.recv(5) == "pong came", "the service's ping reached us and our pong reached it"
        client.send(iter(["frag", "", "ment", "ed"]))
        assert list(client.recv_streaming()) and not client.close_code
        assert client.ping().wait(5)


def test_many_at_once_each_get_their_own(gateway: Gateway):
    with ExitStack() as stack:
        clients = [stack.enter_context(talking(gateway, "/ws/many")) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(bytes([number]) * 100_000)
        for number, client in enumerate(clients):
            assert client.recv(5) == bytes([number]) * 100_000


def test_the_timeouts_of_requests_end_with_the_upgrade(gateway: Gateway):
    with talking(gateway, "/brief/patient") as client:
        time.sleep(1.3)  # longer than read and total
        client.send("still there")
        assert client.recv(5) == "still there"


def test_bytes_right_behind_the_heads_are_not_lost(gateway: Gateway):
    frame = b"\x82\x85\0\0\0\0hello"
    client = opened(gateway, "/plain/behind", behind=frame)
    assert client.exactly(7) == b"\x82\x05hello"
    client.close()
    client = opened(gateway, "/script/early")
    assert client.exactly(7) == b"\x82\x05early"
    client.close()


def test_the_access_log_tells_of_it_when_it_ends(gateway: Gateway):
    client = opened(gateway, "/plain/logged?token=secret")
    client.send(b"\x82\x85\0\0\0\0hello")
    assert client.exactly(7) == b"\x82\x05hello"
    time.sleep(1.0)  # what is tested is that nothing is written meanwhile, and that it counts as duration
    assert "/plain/logged" not in (gateway.folder / "access.log").read_text()
    client.send(b"\x88\x82\0\0\0\0\x03\xe8")
    assert client.exactly(4) == b"\x88\x02\x03\xe8"
    client.close()
    line = logged(gateway, "/plain/logged?token=***")
    assert (line["status"], line["bytes"], line["received"], line["error"]) == (101, 11, 19, None)
    assert line["duration_ms"] >= 1000 > line["upstream_ms"]


# Who may


def test_policies_and_heads_are_those_of_any_request(gateway: Gateway):
    with talking(gateway, "/plain/heads", subprotocols=None, user_agent_header="me") as client:
        assert client.response is not None
        headers = client.response.headers
        assert headers["X-Edited"] == "yes" and len(headers["X-Request-ID"]) == 32
        assert headers["Connection"] == "Upgrade" and headers["Upgrade"] == "websocket"


def told(gateway: Gateway, sent: bytes) -> tuple[int, str]:
    """(status, what the echoing upstream was asked, in lower case)."""
    status, _, body = ask(gateway, sent)
    return status, body.decode("latin-1").lower()


def test_the_upstream_is_asked_for_websocket_alone(gateway: Gateway):
    fields = ("Connection: Upgrade, X-Hop", "X-Hop: 1", "Upgrade: h2c, WebSocket", "Sec-WebSocket-Version: 13")
    status, asked = told(gateway, asking("/echo/ask", fields=fields))
    assert status == 200
    assert "\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in asked
    assert "sec-websocket-version: 13" in asked
    assert "h2c" not in asked and "x-hop" not in asked


@pytest.mark.parametrize(
    "sent",
    [
        asking("/echo/no", version="1.0"),
        asking("/echo/no", method="PUT"),
        asking("/echo/no", "Content-Length: 4") + b"body",
        asking("/echo/no", fields=("Upgrade: websocket",)),
        asking("/echo/no", fields=("Connection: Upgrade",)),
        asking("/echo/no", fields=("Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")),
        asking("/echo/no", fields=("Connection: Upgrade", "Upgrade: websocket/13, TLS/1.0, websockets")),
    ],
    ids=["1.0", "method", "body", "unnamed", "nothing", "h2c", "others"],
)
def test_any_other_is_a_request_like_all(gateway: Gateway, sent: bytes):
    status, asked = told(gateway, sent)
    assert status == 200
    assert "upgrade:" not in asked and "connection:" not in asked


def test_a_route_without_an_upstream_answers_as_ever(gateway: Gateway):
    with sending(gateway, asking("/said")) as client:
        status, headers, body = client.answer()
        assert (status, body) == (200, b"said") and "upgrade" not in headers
        assert client.is_open()
    with pytest.raises(InvalidStatus) as refused, talking(gateway, "/nowhere"):
        pass
    assert refused.value.response.status_code == 404


def test_the_upstream_may_refuse(gateway: Gateway):
    with sending(gateway, asking("/script/refuse")) as client:
        assert client.answer()[::2] == (403, b"no")
        assert client.send(get("/said")).answer()[2] == b"said", "the connection goes on"


def test_a_change_to_another_protocol_is_no_proper_answer(gateway: Gateway):
    status, _, body = ask(gateway, asking("/script/other"))
    assert status == 502 and b"upstream-bad-answer" in body


def test_what_is_said_of_requests_to_an_upstream_ends_with_the_101(tmp_path: Path):
    board = Switchboard()
    more = "overload: {max_concurrency: 1, queue: 0}, retry: {attempts: 1}, hedge: {after: 5s, max: 5%}"
    text = config({"ws": f'targets: ["http://127.0.0.1:{board.port}"], circuit_breaker: {{}}, {more}'})
    with serving(tmp_path, text) as gateway:
        clients = [opened(gateway, "/ws/") for _ in range(4)]
        wait_until(lambda: len(board.lines) == 4, "the service has taken all of them")
        for line, client in zip(board.lines, clients, strict=True):
            line.sendall(b"\x82\x01a")
            assert client.exactly(3) == b"\x82\x01a"
            client.close()
    board.close()


# What ends ends


@pytest.mark.parametrize("path", ["/ws/close", "/plain/close"])
def test_the_services_close_code_and_reason_reach_the_client(gateway: Gateway, path: str):
    with talking(gateway, path) as client:
        with pytest.raises(ConnectionClosedError) as closed:
            client.recv(5)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "enough")


def test_the_clients_close_code_and_reason_reach_the_service(gateway: Gateway, made: Service):
    with talking(gateway, "/ws/left") as client:
        client.close(4999, "so long")
    closed = wait_until(lambda: made.ended.get("/left"), "the service knows")
    assert (closed.rcvd.code, closed.rcvd.reason) == (4999, "so long")


@pytest.mark.parametrize("way", ["fin", "reset"])
def test_an_upstream_that_dies_is_an_end_without_a_close_frame(gateway: Gateway, way: str):
    client = opened(gateway, f"/script/{way}")
    began = time.monotonic()
    assert client.rest() == b""
    assert time.monotonic() - began < 1.0
    client.close()
    assert logged(gateway, f"/script/{way}")["status"] == 101


@pytest.mark.parametrize("leave", [Client.close, Client.reset])
def test_a_client_that_dies_frees_the_upstream(gateway: Gateway, scripted: Upstream, leave: Any):
    client = opened(gateway, "/script/listen")
    connection = scripted.connections[-1]
    leave(client)
    assert connection.ended.wait(5.0)


def test_a_deaf_upstream_does_not_keep_what_the_client_left(gateway: Gateway, scripted: Upstream):
    client = opened(gateway, "/script/deaf")
    client.close()
    assert logged(gateway, "/script/deaf")["duration_ms"] < 4000


def test_nothing_for_too_long_ends_with_a_close_frame_to_both(gateway: Gateway, made: Service):
    with talking(gateway, "/idle/quiet", ping_interval=None) as client:
        for _ in range(3):
            time.sleep(0.6)
            began = time.monotonic()
            assert client.ping().wait(5), "a ping is enough to stay"
        with pytest.raises(ConnectionClosed):
            client.recv(5)
        assert 1.4 < time.monotonic() - began < 2.5
        assert client.close_code == 1001
    assert wait_until(lambda: made.ended.get("/quiet"), "the service knows").rcvd.code == 1001


# Backpressure


def test_a_client_that_does_not_read_holds_the_upstream_up(gateway: Gateway):
    before = memory(gateway)
    client = opened(gateway, "/script/flood")
    looks = [memory(gateway) for _ in range(30)]
    got = len(client.received)
    buffer = bytearray(1 << 20)
    whole = (BIG >> 20) * ((1 << 20) + 10)
    while got < whole:
        got += client.socket.recv_into(buffer)
    looks.append(memory(gateway))
    client.close()
    assert max(looks) - before < ROOM
    assert logged(gateway, "/script/flood")["bytes"] == whole


def test_an_upstream_that_does_not_read_holds_the_client_up(gateway: Gateway):
    before = memory(gateway)
    client = opened(gateway, "/script/deaf?slow")
    client.socket.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < BIG:
            sent += client.socket.send(bytes(1 << 16))
    assert memory(gateway) - before < ROOM
    client.reset()


# Draining


def test_draining_says_goodbye_to_both(tmp_path: Path):
    kept = Service()
    with service(kept.play) as port:
        text = config({"ws": f'targets: ["http://127.0.0.1:{port}"]'}, server="graceful_timeout: 5s")
        with serving(tmp_path, text) as gateway, ExitStack() as stack:
            clients = [stack.enter_context(talking(gateway, "/ws/drained", ping_interval=None)) for _ in range(5)]
            quiet = opened(gateway, "/ws/silent")
            for client in clients:
                client.send("hello")
                assert client.recv(5) == "hello"
            began = time.monotonic()
            gateway.send(signal.SIGTERM)
            for client in clients:
                with pytest.raises(ConnectionClosed):
                    client.recv(5)
                assert client.close_code == 1001
            assert wait_until(lambda: kept.ended.get("/drained"), "the service knows").rcvd.code == 1001
            assert quiet.rest() == b"\x88\x02\x03\xe9", "who does not answer is closed all the same"
            assert gateway.process is not None and gateway.process.wait(5) == 0
            assert time.monotonic() - began < 4.5
            assert "cuts" not in gateway.output()
            quiet.close()


def test_it_outlives_a_reload(gateway: Gateway, scripted: Upstream):
    client = opened(gateway, "/script/reloaded")
    connection = scripted.connections[-1]
    text = gateway.config.read_text()
    gateway.write(text.replace("X-Edited", "X-Changed"))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    connection.send(b"\x82\x01a")
    assert client.exactly(3) == b"\x82\x01a"
    client.close()
    gateway.write(text)
    assert gateway.admin("/api/reload", "POST")[0] == 200


# TLS


def test_over_tls_on_both_sides(tmp_path: Path):
    ca = certs.authority(tmp_path)
    pair = certs.issue(tmp_path, ca, "both", "IP:127.0.0.1", "DNS:localhost")
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(pair.cert, pair.key)
    here = ssl.create_default_context(cafile=str(ca.cert))
    kept = Service()
    with service(kept.play, ssl=there, compression=None) as port:
        text = config(
            {"ws": f'targets: ["https://127.0.0.1:{port}"], tls: {{ca: {ca.cert}}}'},
            server=f"tls: {{cert: {pair.cert}, key: {pair.key}}}, graceful_timeout: 5s",
        )
        with serving(tmp_path / "gateway", text) as gateway, ExitStack() as stack:
            client = stack.enter_context(talking(gateway, "/ws/tls", "wss", ssl=here, compression=None))
            message = random.Random(1).randbytes(1 << 20)
            sender = threading.Thread(target=lambda: [client.send(message) for _ in range(4)])
            sender.start()
            assert all(client.recv(5) == message for _ in range(4))
            sender.join()
            gateway.send(signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                client.recv(5)
            assert client.close_code == 1001
            assert wait_until(lambda: kept.ended.get("/tls"), "the service knows").rcvd.code == 1001


# Memory


def test_idle_ones_are_small(tmp_path: Path):
    """The short form of tests/soak/test_websockets.py."""
    board = Switchboard()
    text = config({"ws": f'targets: ["http://127.0.0.1:{board.port}"], pool: {{max_connections: 1000}}'})
    with serving(tmp_path, text) as gateway:
        clients = [opened(gateway, "/ws/") for _ in range(50)]  # what is made once
        before = memory(gateway)
        clients += [opened(gateway, "/ws/") for _ in range(300)]
        each = (memory(gateway) - before) / 300
        board.lines[-1].sendall(b"\x82\x01a")
        assert clients[-1].exactly(3) == b"\x82\x01a"
        for client in clients:
            client.close()
        wait_until(lambda: gateway.admin("/api/workers")[1][0]["connections"] == 0, "all are closed")
    board.close()
    assert each < 40 * 1024, f"{each / 1024:.1f} KB each"
