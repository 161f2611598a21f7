"""Every kind of upstream: over TCP, IPv6, a unix socket and TLS; and what its connections are used for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certs import authority, issue
from tests.support.gateway import Gateway, wait_until
from tests.support.nginx import Nginx, nginx
from tests.support.raw import Client, Connection, Upstream, echo
from tests.support.through import ask, config, get, logged, problem, sending, serving

NGINX = """
server { listen 127.0.0.1:{port}; listen [::1]:{port}; listen unix:web.sock; location / { return 200 "$server_addr"; } }
server {
  listen 127.0.0.1:8 ssl;
  ssl_certificate web.test.crt; ssl_certificate_key web.test.key;
  ssl_client_certificate ca.crt; ssl_verify_client optional;
  location / { return 200 "$ssl_client_verify $ssl_server_name"; }
}
"""


HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </%s.css>\r\n\r\n"


class Hang:
    """Answers each connection's first request, then does what the path of the second one says."""

    def __init__(self) -> None:
        self.closed = 0

    def play(self, connection: Connection) -> None:
        head, _ = connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
        head, _ = connection.request()
        if b"/stale" in head:
            self.closed += 1
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
        connection.request()


def fixed(connection: Connection) -> None:
    """Answers of their own kinds, by path."""
    while True:
        head, _ = connection.request()
        method, path = head.split(b" ")[:2]
        answer = {
            b"/hints": HINT % b"a"
            + HINT % b"b"
            + b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"/204": b"HTTP/1.1 204 No Content\r\nX-Kind: none\r\n\r\n",
            b"/304": b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 7\r\n\r\n',
            b"/length": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + (b"" if method == b"HEAD" else b"content"),
            b"/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"" if method == b"HEAD" else b"7\r\ncontent\r\n0\r\nX-Trailer: t\r\n\r\n"),
            b"/hop": b"HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=9\r\n"
            b"Content-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
        }[path]
        connection.send(answer)


@pytest.fixture(scope="module")
def hang() -> Hang:
    return Hang()


@pytest.fixture(scope="module")
def upstreams(hang: Hang) -> Iterator[dict[str, Upstream]]:
    made = {"hang": Upstream(hang.play), "fixed": Upstream(fixed), "echo": Upstream(echo)}
    yield made
    for upstream in made.values():
        upstream.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nginx, int]]:
    """nginx and its port for TLS."""
    folder = tmp_path_factory.mktemp("nginx")
    ca = authority(folder)
    issue(folder, ca, "web.test")
    issue(folder, ca, "gateway")
    authority(folder, "other")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        tls = probe.getsockname()[1]
    with nginx(folder, NGINX.replace("127.0.0.1:8 ", f"127.0.0.1:{tls} ")) as made:
        yield made, tls


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, server: tuple[Nginx, int], upstreams: dict[str, Upstream]
) -> Iterator[Gateway]:
    web, tls = server
    folder = web.folder

    def secure(settings: str) -> str:
        return f'targets: ["https://127.0.0.1:{tls}"], tls: {{{settings}}}'

    specs = {name: f'targets: ["{upstream.url}"]' for name, upstream in upstreams.items()} | {
        "tcp": f'targets: ["{web.url}"]',
        "six": f'targets: ["http://[::1]:{web.port}"]',
        "unix": f'targets: ["unix:{folder}/web.sock"]',
        "tls": secure(f"ca: {folder}/ca.crt, server_name: web.test"),
        "client": secure(
            f"ca: {folder}/ca.crt, server_name: web.test, "
            f"client_cert: {folder}/gateway.crt, client_key: {folder}/gateway.key"
        ),
        "name": secure(f"ca: {folder}/ca.crt, server_name: other.test"),
        "foreign": secure(f"ca: {folder}/other.crt, server_name: web.test"),
        "system": f'targets: ["https://127.0.0.1:{tls}"]',
        "insecure": secure("insecure: true"),
        "plain": f'targets: ["https://127.0.0.1:{web.port}"]',
        "two": f'targets: ["{upstreams["echo"].url}", "{web.url}"], balance: round_robin',
    }
    sock = tmp_path_factory.mktemp("bind") / "gateway.sock"
    binds = f'bind: ["127.0.0.1:{{port}}", "[::1]:{{port}}", "unix:{sock}"]'
    text = config(specs).replace('bind: "127.0.0.1:{port}"', binds)
    with serving(tmp_path_factory.mktemp("upstreams"), text) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tcp/", b"127.0.0.1"),
        ("/six/", b"::1"),
        ("/unix/", b"unix:"),
        ("/tls/", b"NONE web.test"),
        ("/client/", b"SUCCESS web.test"),
        ("/insecure/", b"NONE"),
    ],
)
def test_is_reached(gateway: Gateway, path: str, body: bytes) -> None:
    status, _, found = ask(gateway, get(path))
    assert status == 200
    assert found.startswith(body)


@pytest.mark.parametrize("path", ["/name/", "/foreign/", "/system/"])
def test_whose_certificate_is_not_right_is_refused(gateway: Gateway, path: str) -> None:
    status, kind, proxy_status = problem(gateway, get(path))
    assert (status, kind) == (502, "upstream-certificate")
    assert "error=tls_certificate_error" in proxy_status


def test_that_speaks_no_tls_is_refused(gateway: Gateway) -> None:
    status, kind, proxy_status = problem(gateway, get("/plain/"))
    assert (status, kind) == (502, "upstream-tls")
    assert "error=tls_protocol_error" in proxy_status


def test_the_gateway_listens_on_ipv6_and_a_unix_socket_too(gateway: Gateway) -> None:
    client = Client(gateway.port, "::1").send(get("/echo/six"))
    status, _, body = client.answer()
    client.close()
    assert status == 200
    assert b"X-Forwarded-For: ::1\r\n" in body and b'Forwarded: for="[::1]"' in body
    path = Path(gateway.config.read_text().partition("unix:")[2].partition('"')[0])
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(get("/echo/local", "Connection: close"))
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Forwarded: for=unknown" in answer and b"X-Forwarded-For" not in answer


def test_requests_take_turns_over_the_targets(gateway: Gateway) -> None:
    bodies = {ask(gateway, get("/two/"))[2][:3] for _ in range(4)}
    assert bodies == {b"GET", b"127"}


def test_a_connection_is_used_again(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    ask(gateway, get("/echo/1"))
    count = len(upstreams["echo"].connections)
    for number in range(5):
        assert ask(gateway, get(f"/echo/{number}"))[0] == 200
    assert len(upstreams["echo"].connections) == count


def warmed(gateway: Gateway, upstream: Upstream) -> None:
    """One idle connection to the upstream, which has answered one request."""
    count = len(upstream.connections)
    while len(upstream.connections) == count:
        assert ask(gateway, get("/hang/warm"))[0] == 200


def test_a_connection_that_dies_before_the_answer_is_replaced_once_for_get(
    gateway: Gateway, upstreams: dict[str, Upstream], hang: Hang
) -> None:
    warmed(gateway, upstreams["hang"])
    closed = hang.closed
    status, _, body = ask(gateway, get("/hang/stale"))
    assert (status, body, hang.closed) == (200, b"first", closed + 1)
    assert logged(gateway, "/hang/stale")["attempts"] == 2


def test_but_not_for_post(gateway: Gateway, upstreams: dict[str, Upstream], hang: Hang) -> None:
    warmed(gateway, upstreams["hang"])
    closed = hang.closed
    status, kind, _ = problem(gateway, get("/hang/stale", method="POST", body=b"pay"))
    assert (status, kind, hang.closed) == (502, "upstream-reset", closed + 1)


def test_a_connection_that_the_upstream_closed_while_idle_is_not_used(
    gateway: Gateway, upstreams: dict[str, Upstream]
) -> None:
    warmed(gateway, upstreams["hang"])
    upstreams["hang"].connections[-1].socket.shutdown(socket.SHUT_RDWR)
    assert upstreams["hang"].connections[-1].ended.wait(5)
    wait_until(lambda: ask(gateway, get("/hang/fresh", method="POST", body=b"pay"))[0] == 200, "a fresh connection")


def test_early_hints_are_passed_on_and_other_interim_answers_are_not(gateway: Gateway) -> None:
    with sending(gateway, get("/fixed/hints", "Connection: close")) as client:
        first, second, last = client.rest().split(b"\r\n\r\n", 2)
    assert first == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>"
    assert second == b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>"
    assert last.startswith(b"HTTP/1.1 200 ")


def test_early_hints_are_not_for_clients_of_http_1_0(gateway: Gateway) -> None:
    with sending(gateway, get("/fixed/hints", version="1.0")) as client:
        assert client.rest().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("method", "path", "length"),
    [("HEAD", "/length", b"7"), ("HEAD", "/chunked", None), ("GET", "/204", None), ("GET", "/304", b"7")],
)
def test_an_answer_without_a_body(gateway: Gateway, method: str, path: str, length: bytes | None) -> None:
    with sending(gateway, get("/fixed" + path, method=method)) as client:
        head = client.until(b"\r\n\r\n").lower()
        found = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0] or None
        assert found == length
        assert client.is_open()


def test_a_chunked_answer_and_its_trailers(gateway: Gateway) -> None:
    _, headers, body = ask(gateway, get("/fixed/chunked"))
    assert body == b"content"
    assert "x-trailer" not in headers and "trailer" not in headers


def test_hop_by_hop_fields_stay_behind_and_repeated_ones_stay_apart(gateway: Gateway) -> None:
    with sending(gateway, get("/fixed/hop")) as client:
        head = client.until(b"\r\n\r\n")
    assert b"X-Mine" not in head and b"eep-" not in head
    assert b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" in head
