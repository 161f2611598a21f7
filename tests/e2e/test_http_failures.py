"""What goes wrong behind the gateway has a status, a kind and a Proxy-Status, and never looks like an answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, logged, problem, sending, serving

pytestmark = pytest.mark.timed

RESET = socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
OK = b"HTTP/1.1 200 OK\r\n"
CUT = {
    "length": OK + b"Content-Length: 100\r\n\r\nonly this",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    "inside-a-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nonly this",
    "late-garbage": OK + b"Transfer-Encoding: chunked\r\n\r\n30d40\r\n" + b"x" * 200_000 + b"\r\nxyz\r\n",
}
#: what is cut off by time, and by a reset
OTHERS = ("/quiet/slow-body", "/short/drip", "/up/reset-body")
ANSWERS = {
    "garbage": b"\x00\x01\x02 I am no HTTP server\r\n\r\n",
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "two-lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "cut-head": OK + b"Content-Le",
    "chunk-garbage": OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\nxyz\r\n",
    "folded": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    **CUT,
}


def play(connection: Connection) -> None:
    head, _ = connection.request()
    name = head.split(b" ")[1].decode().strip("/").partition("?")[0]
    if name == "reset":
        connection.socket.setsockopt(socket.SOL_SOCKET, *RESET)
    elif name == "slow-body":
        connection.send(OK + b"Content-Length: 100\r\n\r\nonly this")
        connection.socket.recv(1)
    elif name == "drip":
        connection.send(OK + b"Content-Length: 1000000\r\n\r\n")
        while True:
            connection.send(b"x")
            time.sleep(0.05)
    elif name == "reset-body":
        connection.send(OK + b"\r\nonly this")
        connection.socket.setsockopt(socket.SOL_SOCKET, *RESET)
    elif name in ANSWERS:
        connection.send(ANSWERS[name])
    elif name != "close":
        connection.socket.recv(1)


@pytest.fixture(scope="module")
def full() -> Iterator[int]:
    """A port whose backlog is full, so that a connection to it neither comes about nor is refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            waiting.append(sock)
        yield port
        for sock in waiting:
            sock.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream(play)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, full: int) -> Iterator[Gateway]:
    def spec(url: str, timeout: str = "", pool: str = "") -> str:
        return f'targets: ["{url}"], timeout: {{{timeout}}}{pool}'

    # NOTE: what comes of an upstream that answers is seen where there is time for it, however busy the machine is.
    upstreams = {
        "up": spec(upstream.url),
        "quiet": spec(upstream.url, "read: 1s"),
        "short": spec(upstream.url, "read: 1s, total: 1s"),
        "refused": spec(f"http://127.0.0.1:{free_port()}"),
        "full": spec(f"http://127.0.0.1:{full}", "connect: 300ms"),
        "name": spec("http://no-such-host.invalid:80", "connect: 10s"),
        "one": spec(upstream.url, "connect: 300ms", ", pool: {max_connections: 1}"),
        "patient": spec(upstream.url, "connect: 20s", ", pool: {max_connections: 1}"),
        "socket": 'targets: ["unix:/nowhere/at/all.sock"]',
        "empty": "targets: []",
    }
    with serving(tmp_path_factory.mktemp("failures"), config(upstreams)) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "status", "kind", "token"),
    [
        ("/refused/", 502, "upstream-refused", "connection_refused"),
        ("/socket/", 502, "upstream-refused", "connection_refused"),
        ("/name/", 502, "upstream-dns", "dns_error"),
        ("/empty/", 503, "no-target", "destination_unavailable"),
        ("/full/", 504, "upstream-connect-timeout", "connection_timeout"),
        ("/up/reset", 502, "upstream-reset", "connection_terminated"),
        ("/up/close", 502, "upstream-reset", "connection_terminated"),
        ("/up/cut-head", 502, "upstream-incomplete", "http_response_incomplete"),
        ("/quiet/silence", 504, "upstream-read-timeout", "http_response_timeout"),
        ("/short/silence", 504, "upstream-timeout", "http_response_timeout"),
        ("/up/garbage", 502, "upstream-bad-answer", "http_protocol_error"),
        ("/up/no-http", 502, "upstream-bad-answer", "http_protocol_error"),
        ("/up/two-lengths", 502, "upstream-bad-answer", "http_protocol_error"),
        ("/up/chunk-garbage", 502, "upstream-bad-answer", "http_protocol_error"),
        ("/up/folded", 502, "upstream-bad-answer", "http_protocol_error"),
    ],
)
def test_before_an_answer(gateway: Gateway, path: str, status: int, kind: str, token: str) -> None:
    found, slug, proxy_status = problem(gateway, get(path))
    assert (found, slug) == (status, kind)
    assert proxy_status.startswith(f"gateway; error={token}; ")
    assert "127.0.0.1" not in proxy_status
    line = logged(gateway, path)
    assert (line["status"], line["error"]) == (status, kind)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("path", [*(f"/up/{name}" for name in CUT), *OTHERS])
def test_inside_of_a_body_the_clients_connection_is_broken(gateway: Gateway, path: str, version: str) -> None:
    path += f"?{version}"
    with sending(gateway, get(path, version=version)) as client, pytest.raises(ConnectionResetError):
        client.rest()
    line = logged(gateway, path)
    assert line["error"] in ("upstream-incomplete", "upstream-read-timeout", "upstream-timeout", "upstream-bad-answer")


def test_what_came_before_the_cut_is_passed_on(gateway: Gateway) -> None:
    with sending(gateway, get("/quiet/slow-body?before")) as client:
        assert client.until(b"only this")
        with pytest.raises(ConnectionResetError):
            client.rest()


def test_a_full_pool_makes_wait_for_the_connect_timeout_only(gateway: Gateway, upstream: Upstream) -> None:
    with sending(gateway, get("/one/silence?held")):
        wait_until(lambda: b"/silence?held " in upstream.received(), "the only connection is in use")
        began = time.monotonic()
        status, kind, proxy_status = problem(gateway, get("/one/second"))
        assert 0.25 < time.monotonic() - began < 1.5
    assert (status, kind) == (503, "upstream-saturated")
    assert "error=connection_limit_reached" in proxy_status


def test_who_waits_gets_the_connection_that_becomes_free(gateway: Gateway, upstream: Upstream) -> None:
    with sending(gateway, get("/patient/silence?first")) as client:
        wait_until(lambda: b"/silence?first " in upstream.received(), "the only connection is in use")
        found: list[int] = []
        waiting = threading.Thread(target=lambda: found.append(problem(gateway, get("/patient/reset"))[0]))
        waiting.start()
        client.reset()
        waiting.join(15)
    assert found == [502]


def test_no_upload_is_read_for_an_upstream_that_is_not_there(gateway: Gateway) -> None:
    sent = get("/refused/upload", "Content-Length: 1000000", method="POST") + b"x" * 100_000
    status, headers, _ = ask(gateway, sent)
    assert status == 502
    assert headers["connection"] == "close"
