"""How long and how much a client may take, and the status it gets beyond that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Upstream, echo
from tests.support.through import config, get, logged, problem, sending, serving

pytestmark = pytest.mark.timed

LIMITS = "limits: {request_line: 1000, headers: 10, header_size: 500, body: 1MB}"
TIMES = "keepalive: 400ms, limits: {header_timeout: 600ms, body_timeout: 1s}"


def limited(folder: Path, server: str) -> Iterator[Gateway]:
    upstream = Upstream(echo)
    with serving(folder, config({"up": f'targets: ["{upstream.url}"]'}, server=server)) as made:
        yield made
    upstream.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """It takes little, and gives its clients time."""
    yield from limited(tmp_path_factory.mktemp("limits"), LIMITS)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """It gives its clients little time."""
    yield from limited(tmp_path_factory.mktemp("times"), TIMES)


def test_a_hundred_requests_in_one_go_are_answered_in_order(gateway: Gateway) -> None:
    sent = b"".join(get(f"/up/{number}", method="PUT", body=b"b%d" % number) for number in range(100))
    with sending(gateway, sent) as client:
        for number in range(100):
            status, _, body = client.answer()
            assert status == 200
            assert body.startswith(b"PUT /%d HTTP/1.1\r\n" % number) and body.endswith(b"\r\n\r\nb%d" % number)


def test_the_parts_of_a_request_may_come_byte_by_byte(gateway: Gateway) -> None:
    with sending(gateway, b"") as client:
        for byte in get("/up/slowly", method="PUT", body=b"abc"):
            client.send(bytes((byte,)))
        assert client.answer()[2].endswith(b"abc")


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (get("/up/" + "x" * 1000), 414, "target-too-long"),
        (get("/up/", "X: " + "x" * 500), 431, "headers-too-large"),
        (get("/up/", *["X: y"] * 10), 431, "headers-too-large"),
        (get("/up/", "Content-Length: 1073741824", method="POST"), 413, "body-too-large"),
        (get("/up/", "Content-Length: 1048577", "Expect: 100-continue", method="POST"), 413, "body-too-large"),
        (get("/up/", "Transfer-Encoding: chunked", method="POST") + b"40000000\r\n", 413, "body-too-large"),
        (b"\r\n" * 100_000, 400, "malformed-request"),
    ],
    ids=["line", "field", "fields", "1GB", "expect", "chunk", "nothing but empty lines"],
)
def test_too_much(gateway: Gateway, sent: bytes, status: int, kind: str) -> None:
    """Said at once, and not when the time for the rest is over."""
    assert problem(gateway, sent)[:2] == (status, kind)


def test_as_much_as_is_allowed(gateway: Gateway) -> None:
    sent = get("/up/" + "x" * 980, *["X: " + "y" * 490] * 8, method="POST", body=b"z" * (1 << 20))
    with sending(gateway, sent) as client:
        assert client.answer()[0] == 200


def test_many_chunks_are_too_much_together(gateway: Gateway) -> None:
    sent = get("/up/chunks", "Transfer-Encoding: chunked", method="POST")
    with sending(gateway, sent) as client:
        for _ in range(40):
            client.send(b"8000\r\n" + b"x" * 32768 + b"\r\n")
        assert client.answer()[0] == 413
    assert logged(gateway, "/up/chunks")["error"] == "body-too-large"


@pytest.mark.parametrize("begun", [b"GET /up/ HTTP/1.1\r\n", b"G", b"\r\n"], ids=["line", "byte", "empty line"])
def test_a_head_that_does_not_end_gets_408(hasty: Gateway, begun: bytes) -> None:
    began = time.monotonic()
    with sending(hasty, begun) as client:
        assert client.answer()[0] == 408
        assert client.rest() == b""
    assert 0.5 < time.monotonic() - began < 2


def test_drops_of_a_head_do_not_prolong_its_time(hasty: Gateway) -> None:
    began = time.monotonic()
    with sending(hasty, b"GET /up/ HTTP/1.1\r\nX: ") as client:
        client.socket.settimeout(0.05)

        def ended() -> bool:
            client.send(b"y")
            try:
                return client.answer()[0] == 408
            except TimeoutError:
                return False

        wait_until(ended, "the head's time is over", 3)
    assert time.monotonic() - began < 2


def test_a_connection_that_never_says_anything_is_closed(hasty: Gateway) -> None:
    began = time.monotonic()
    with sending(hasty, b"") as client:
        assert client.rest() == b""
    assert 0.5 < time.monotonic() - began < 2


def test_an_idle_connection_is_closed(hasty: Gateway) -> None:
    began = time.monotonic()
    with sending(hasty, get("/up/")) as client:
        assert client.answer()[0] == 200
        assert client.rest() == b""
    assert 0.3 < time.monotonic() - began < 1.5


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_stops_gets_408(hasty: Gateway, framing: str) -> None:
    path = f"/up/stops?{framing[0]}"
    with sending(hasty, get(path, framing, method="POST") + b"5\r\nhello\r\n") as client:
        assert client.answer()[0] == 408
        assert client.rest() == b""
    line = logged(hasty, path)
    assert (line["status"], line["error"]) == (408, "request-timeout")


def test_a_body_may_take_its_time_while_it_comes(hasty: Gateway) -> None:
    began = time.monotonic()
    with sending(hasty, get("/up/slowly", "Content-Length: 10", method="POST")) as client:
        for _ in range(10):
            client.send(b"x")
            time.sleep(0.2)  # the gap is what is tested: a fifth of body_timeout, twice that in all
        assert client.answer()[0] == 200
    assert time.monotonic() - began > 1.75


def test_bytes_behind_the_last_request_do_not_cost_its_answer(gateway: Gateway) -> None:
    for _ in range(20):
        with sending(gateway, get("/up/last", "Connection: close") + b"more " * 50_000) as client:
            assert client.rest().endswith(b"\r\n\r\n")
