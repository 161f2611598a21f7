"""HTTP/2 towards clients as users have it: requests, bodies, streams beside each other, and how connections end."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.certs import Pair
from tests.support.gateway import Gateway, wait_until
from tests.support.http2 import Http2Client, frame, head
from tests.support.http2_raw import DATA, END_HEADERS, END_STREAM, GOAWAY, REFUSED, RawClient
from tests.support.raw import Connection, Upstream, echo
from tests.support.through import config, logged, memory, serving


def pieces(connection: Connection) -> None:
    """Answers that come in pieces: /big/N N bytes, /cut less than announced, /hints with a 103, others end never."""
    while True:
        target = connection.request()[0].split(b" ")[1]
        if target.startswith(b"/big/"):
            size = int(target[5:])
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(0, size, 65536):
                connection.send(b"x" * min(65536, size - at))
        elif target == b"/cut":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nonly")
            return
        elif target == b"/hints":
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            connection.send(b"HTTP/1.1 204 No Content\r\nConnection: x-hop\r\nKeep-Alive: 5\r\n\r\n")
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            connection.request()
            return


def silent(connection: Connection) -> None:
    """Takes requests and says nothing until the gateway goes away."""
    connection.request()
    connection.request()


def early(connection: Connection) -> None:
    """Answers what it has not read."""
    while b"some" not in connection.received:
        connection.received += connection.socket.recv(65536)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
    connection.socket.recv(65536)


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    made = {"up": Upstream(echo), "pieces": Upstream(pieces), "silent": Upstream(silent), "early": Upstream(early)}
    yield made
    for upstream in made.values():
        upstream.close()


def text(ca: Pair, upstreams: dict[str, Upstream], more: str = "") -> str:
    folder = ca.cert.parent
    tls = f"tls: {{cert: {folder}/default.test.crt, key: {folder}/default.test.key, http2: true}}"
    return config({name: f'targets: ["{upstream.url}"]' for name, upstream in upstreams.items()}, server=f"{tls}{more}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ca: Pair, upstreams: dict[str, Upstream]) -> Iterator[Gateway]:
    limits = ", limits: {body: 1MB, body_timeout: 2s}"
    with serving(tmp_path_factory.mktemp("gateway"), text(ca, upstreams, limits)) as made:
        yield made


@pytest.fixture
def client(gateway: Gateway, ca: Pair) -> Iterator[Http2Client]:
    with Http2Client(gateway.port, ca.cert) as made:
        yield made


def test_a_get(gateway: Gateway, client: Http2Client) -> None:
    answer = client.get(*head("/up/a?b=c", "GET", ("x-one", "1"), ("cookie", "a=1"), ("cookie", "b=2")))
    assert answer.status == 200 and answer.ended and answer.reset is None
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "date" in answer.headers and "x-request-id" in answer.headers
    assert answer.body.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    for line in (b"host: a.example", b"x-one: 1", b"cookie: a=1; b=2", b"X-Forwarded-Proto: https"):
        assert line.lower() in answer.body.lower()
    line = logged(gateway, "/up/a?b=c")
    assert (line["status"], line["version"]) == (200, "2")


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize("size", [0, 1, 65_535, 300_000])
def test_a_post(client: Http2Client, size: int, is_announced: bool) -> None:
    fields = head("/up/p", "POST", *([("content-length", str(size))] if is_announced else []))
    number = client.ask(fields, end=False)
    left = size
    while left:
        client.until(lambda: client.h2.local_flow_control_window(number) > 0, "room in the window")
        piece = min(left, 16384, client.h2.local_flow_control_window(number))
        left -= piece
        client.h2.send_data(number, b"y" * piece, end_stream=not left)
        client.flush()
    if not size:
        client.h2.end_stream(number)
        client.flush()
    answer = client.answer(number)
    assert answer.status == 200 and answer.body.endswith(b"\r\n\r\n" + b"y" * size)
    assert (b"Transfer-Encoding: chunked" in answer.body) == (not is_announced)


def test_head_and_answers_without_a_body(client: Http2Client) -> None:
    answer = client.get(*head("/up/", "HEAD"))
    assert (answer.status, answer.body, answer.ended) == (200, b"", True) and int(answer.headers["content-length"]) > 0
    answer = client.get(*head("/pieces/hints"))
    assert (answer.status, answer.body) == (204, b"") and answer.hints[0]["link"] == "</a.css>"
    assert not {"connection", "keep-alive"} & set(answer.headers)


def test_errors_are_those_of_http_1(gateway: Gateway, client: Http2Client) -> None:
    for path, method, status, slug in (
        ("/nowhere", "GET", 404, "route-not-found"),
        ("/up/%2e%2e/%zz", "GET", 400, "malformed-request"),
        ("/" + "a" * 9000, "GET", 414, "target-too-long"),
    ):
        answer = client.get(*head(path, method))
        assert (answer.status, json.loads(answer.body)["type"].rpartition(":")[2]) == (status, slug)
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get(*head("/up/still")).status == 200


def test_what_is_malformed_is_logged_too(gateway: Gateway, client: Http2Client) -> None:
    answer = client.get(*head("/up/malformed", "GET", ("connection", "close")))
    assert answer.reset == 1 and answer.status == 400 and b"8.2.2" in answer.body
    assert logged(gateway, "/up/malformed")["error"] == "malformed-request"


def test_a_100_comes_when_the_body_is_wanted(client: Http2Client) -> None:
    number = client.ask(head("/up/", "POST", ("content-length", "2"), ("expect", "100-continue")), end=False)
    client.until(lambda: client.answers[number].hints, "100 Continue")
    assert client.answers[number].hints[0][":status"] == "100"
    client.h2.send_data(number, b"hi", end_stream=True)
    client.flush()
    assert client.answer(number).body.endswith(b"hi")


def test_bodies_are_limited(gateway: Gateway, client: Http2Client) -> None:
    number = client.ask(head("/up/announced", "POST", ("content-length", "2000000")), end=False)
    answer = client.answer(number)
    assert answer.status == 413
    client.until(lambda: answer.reset is not None, "the rest is not wanted")
    assert answer.reset == 0
    number = client.ask(head("/up/unknown", "POST"), end=False)
    answer = client.answers[number]
    while not answer.status:
        room = min(16384, client.h2.local_flow_control_window(number))
        if room and answer.reset is None:
            client.h2.send_data(number, b"z" * room)
            client.flush()
        client.read(0.001 if room else 5)
    assert client.answer(number).status == 413
    assert client.get(*head("/up/still")).status == 200


def test_a_body_that_stops_arriving(gateway: Gateway, client: Http2Client) -> None:
    number = client.ask(head("/up/stops", "POST", ("content-length", "9")), b"some", end=False)
    assert client.get(*head("/up/beside")).status == 200
    answer = client.answer(number)
    assert answer.status == 408 and json.loads(answer.body)["type"].endswith("request-timeout")


def test_an_answer_that_comes_before_the_body_has(client: Http2Client) -> None:
    number = client.ask(head("/early/", "POST", ("content-length", "9")), b"some", end=False)
    answer = client.answer(number)
    assert (answer.status, answer.body) == (200, b"early")
    client.until(lambda: answer.reset == 0, "the rest is not wanted")


def test_an_answer_that_is_cut_is_seen_to_be(gateway: Gateway, client: Http2Client) -> None:
    answer = client.get(*head("/pieces/cut"))
    assert (answer.status, answer.body, answer.reset) == (200, b"only", 2)
    assert logged(gateway, "/pieces/cut")["error"] == "upstream-incomplete"
    assert client.get(*head("/up/still")).status == 200


def test_a_large_answer_goes_as_fast_as_it_is_read(gateway: Gateway, ca: Pair) -> None:
    size = 12_000_000
    before = memory(gateway)
    with Http2Client(gateway.port, ca.cert, is_lazy=True) as client:
        number = client.ask(head(f"/pieces/big/{size}"))
        answer = client.answers[number]
        client.until(lambda: len(answer.body) == 65_535, "the window is full")
        assert client.get(*head("/up/", "HEAD")).status == 200, "a head needs no window"
        assert memory(gateway) - before < 6_000_000
        client.is_lazy = False
        client.h2.increment_flow_control_window(2 * size)
        client.h2.increment_flow_control_window(2 * size, number)
        client.flush()
        assert len(client.answer(number).body) == size


def test_a_client_that_reads_no_more_loses_the_stream_only(gateway: Gateway, ca: Pair) -> None:
    with Http2Client(gateway.port, ca.cert, is_lazy=True, window=1000) as client:
        number = client.ask(head("/pieces/big/5000"))
        answer = client.answer(number)
        assert (len(answer.body), answer.reset) == (1000, 8)
        assert client.get(*head("/up/", "HEAD")).status == 200


def test_one_of_a_hundred_streams_is_slow_and_the_others_are_not(gateway: Gateway, ca: Pair) -> None:
    with Http2Client(gateway.port, ca.cert) as client:
        slow = client.ask(head("/silent/slow"))
        upload = client.ask(head("/silent/upload", "POST"), b"u" * 16000, end=False)
        numbers = [client.ask(head(f"/up/{at}", "POST"), b"v" * 200) for at in range(98)]
        refused = client.ask(head("/up/too-many"))
        client.until(lambda: all(client.answers[each].ended for each in numbers), "98 answers")
        assert {client.answers[each].status for each in numbers} == {200}
        assert client.answers[refused].reset in (None, 7) and not client.answers[slow].status
        for number in (slow, upload):
            if client.answers[number].reset is None:  # its body did not come in time
                client.h2.reset_stream(number, 8)
        client.flush()
        assert client.get(*head("/up/still")).status == 200
    assert logged(gateway, "/silent/slow")["error"] == "client-closed"


@pytest.mark.parametrize("how", ["reset", "leave"])
@pytest.mark.parametrize("path", ["/silent/", "/pieces/endless"])
def test_the_upstream_is_free_when_the_client_wants_no_more(
    gateway: Gateway, ca: Pair, upstreams: dict[str, Upstream], path: str, how: str
) -> None:
    _, name, rest = path.split("/")
    target = f" /{rest}{how} ".encode()

    def asked() -> Connection | None:
        return next((each for each in upstreams[name].connections if target in each.received), None)

    with Http2Client(gateway.port, ca.cert) as client:
        number = client.ask(head(path + how))
        connection = wait_until(asked, "the upstream was asked")
        if path == "/pieces/endless":
            client.until(lambda: client.answers[number].body == b"first", "the first piece")
        if how == "reset":
            client.h2.reset_stream(number, 8)
            client.flush()
            assert connection.ended.wait(5)
            assert client.get(*head("/up/")).status == 200
    assert connection.ended.wait(5)
    assert logged(gateway, path + how)["error"] == "client-closed"


def test_ordinary_clients(gateway: Gateway, ca: Pair) -> None:
    url = f"https://127.0.0.1:{gateway.port}/up/"
    command = ["curl", "-sk", "--http2", "-w", "%{http_version} %{http_code}", "-o", "/dev/null"]
    assert subprocess.check_output([*command, "--data-binary", "x" * 5000, url + "curl"]) == b"2 200"
    assert subprocess.check_output([*command, "--http1.1", url + "old"]) == b"1.1 200"
    with httpx.Client(http2=True, verify=False, trust_env=False) as client:
        for size in (1, 100_000):
            answer = client.post(url, content=b"w" * size)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200) and answer.content.endswith(b"w" * size)


def test_an_idle_connection_ends_with_a_goaway(tmp_path: Path, ca: Pair, upstreams: dict[str, Upstream]) -> None:
    more = ", keepalive: 300ms, limits: {header_timeout: 1500ms}"
    with serving(tmp_path / "idle", text(ca, upstreams, more)) as gateway:
        with Http2Client(gateway.port, ca.cert) as client:
            assert client.get(*head("/up/")).status == 200
            assert client.goodbye() == 0
        began = time.monotonic()
        with Http2Client(gateway.port, ca.cert) as client:
            assert client.goodbye() == 0 and time.monotonic() - began > 1.0, "no request came in time"
        with Http2Client(gateway.port, ca.cert) as client:
            client.raw(b"\0\1\0\1\4\0\0\0\1only the beginning")
            assert client.goodbye() == 0


def test_draining_answers_what_was_begun(tmp_path: Path, ca: Pair, upstreams: dict[str, Upstream]) -> None:
    with serving(tmp_path / "drain", text(ca, upstreams)) as gateway:
        with RawClient(gateway.port, ca.cert) as client:
            client.send(client.request(1, head("/up/late", "POST"), END_HEADERS) + frame(DATA, 0, 1, b"begun, "))
            assert client.serves(3)
            ending = threading.Thread(target=gateway.stop, args=(signal.SIGTERM,))
            ending.start()
            assert client.until(GOAWAY).payload[:8] == b"\x7f\xff\xff\xff" + b"\0\0\0\0"
            assert client.until(GOAWAY).payload[:8] == b"\0\0\0\3" + b"\0\0\0\0"
            client.send(client.request(5) + frame(DATA, END_STREAM, 1, b"ended"))
            assert client.outcome(5) == ("reset", REFUSED)
            assert b"".join(each.payload for each in client.frames() if each.kind == DATA).endswith(b"begun, ended")
            ending.join()


def test_the_end_of_a_drain_takes_nothing_from_a_client_that_still_sends(
    tmp_path: Path, ca: Pair, upstreams: dict[str, Upstream]
) -> None:
    """What the kernel still holds for it arrives, though nobody wants its own frames any more."""
    with serving(tmp_path / "slow", text(ca, upstreams)) as gateway:
        with Http2Client(gateway.port, ca.cert, is_lazy=True, window=1 << 24) as client:
            client.h2.increment_flow_control_window(1 << 24)
            number = client.ask(head("/pieces/big/1000000"))
            logged(gateway, "/pieces/big/1000000")
            gateway.send(signal.SIGTERM)
            ours = client.socket.getsockname()

            def is_closing() -> bool:
                found = [each for each in psutil.net_connections("tcp4") if each.raddr == ours]
                return all(each.status != psutil.CONN_ESTABLISHED for each in found)

            wait_until(is_closing, "the gateway has said all")
            client.raw(frame(6, 0, 0, b"12345678"))
            client.until(lambda: client.answers[number].ended, "the answer")
            assert len(client.answers[number].body) == 1_000_000
