"""HTTP/2 clients that ask for work and give nothing (RFC 9113 section 10.5): each is cut off, and others are served."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.certs import Pair
from tests.support.gateway import Gateway, wait_until
from tests.support.http2 import Http2Client, frame, head
from tests.support.http2_raw import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL,
    REFUSED,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
)
from tests.support.raw import Connection, Upstream, echo
from tests.support.through import config, memory, serving

CALM = ("goaway", ENHANCE_YOUR_CALM)


def silent(connection: Connection) -> None:
    connection.request()
    connection.request()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ca: Pair) -> Iterator[Gateway]:
    upstreams = {"up": Upstream(echo), "silent": Upstream(silent)}
    folder = ca.cert.parent
    tls = f"tls: {{cert: {folder}/default.test.crt, key: {folder}/default.test.key, http2: true}}"
    server = f"{tls}, connections: 150, limits: {{header_timeout: 3s, body_timeout: 1s}}"
    spec = {name: f'targets: ["{upstream.url}"]' for name, upstream in upstreams.items()}
    with serving(tmp_path_factory.mktemp("gateway"), config(spec, server=server)) as made:
        yield made
    for upstream in upstreams.values():
        upstream.close()


def rapid_reset(client: RawClient) -> bytes:
    """CVE-2023-44487."""
    return b"".join(client.request(n) + frame(RST_STREAM, 0, n, b"\0\0\0\x08") for n in range(1, 1001, 2))


def made_to_reset(client: RawClient) -> bytes:
    """CVE-2025-8671: it is the server that resets."""
    overflow = (2**31 - 1).to_bytes(4, "big")
    return b"".join(
        client.request(n, head("/up/", "POST"), END_HEADERS) + frame(WINDOW_UPDATE, 0, n, overflow)
        for n in range(1, 1001, 2)
    )


def malformed(client: RawClient) -> bytes:
    return b"".join(client.request(n, head("/up/", "GET", ("te", "gzip"))) for n in range(1, 1001, 2))


def beyond_the_limit(client: RawClient) -> bytes:
    return b"".join(client.request(n, head("/silent/")) for n in range(1, 1101, 2))


FLOODS: dict[str, tuple[Callable[[RawClient], bytes], tuple[str, int]]] = {
    "rapid reset": (rapid_reset, CALM),
    "made to reset": (made_to_reset, CALM),
    "malformed requests": (malformed, CALM),
    "streams beyond the limit": (beyond_the_limit, CALM),
    "PING": (lambda c: frame(PING, 0, 0, b"12345678") * 2000, CALM),
    "SETTINGS": (lambda c: frame(SETTINGS, 0, 0, b"\0\4\0\1\0\0") * 2000, CALM),
    "PRIORITY": (lambda c: frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") * 2000, CALM),
    "WINDOW_UPDATE": (lambda c: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 2000, CALM),
    "unknown frames": (lambda c: frame(0x77) * 2000, CALM),
    "empty DATA": (lambda c: c.request(1, head("/up/", "POST"), END_HEADERS) + frame(DATA, 0, 1) * 2000, CALM),
    "padding alone": (
        lambda c: c.request(1, head("/up/", "POST"), END_HEADERS) + frame(DATA, 0x8, 1, b"\4\0\0\0\0") * 2000,
        CALM,
    ),
    "empty CONTINUATION": (
        lambda c: frame(HEADERS, END_STREAM, 1, c.block(head())) + frame(CONTINUATION, 0, 1) * 2000,
        ("goaway", PROTOCOL),
    ),
    "CONTINUATION": (
        lambda c: frame(HEADERS, END_STREAM, 1, c.block(head())) + frame(CONTINUATION, 0, 1, b"\0" * 8000) * 100,
        CALM,
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_cut_off(gateway: Gateway, ca: Pair, name: str) -> None:
    send, outcome = FLOODS[name]
    with RawClient(gateway.port, ca.cert) as client:
        client.send(send(client))
        assert client.outcome(0) == outcome
        assert list(client.frames()) == [], "it is the end of the connection"
    with RawClient(gateway.port, ca.cert) as client:
        assert client.serves()


def test_what_ordinary_clients_do_is_no_flood(gateway: Gateway, ca: Pair) -> None:
    with RawClient(gateway.port, ca.cert) as client:
        for number in range(1, 201, 2):
            client.send(client.request(number) + frame(RST_STREAM, 0, number, b"\0\0\0\x08"))
        client.send(frame(PING, 0, 0, b"12345678") * 300 + frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 300)
        assert client.serves(301)


def test_nor_is_asking_about_each_answer(gateway: Gateway, ca: Pair) -> None:
    """As clients of gRPC do: how fast it came, and two windows."""
    with Http2Client(gateway.port, ca.cert) as client:
        for _ in range(350):
            for at in range(6):
                client.h2.ping(b"asked, %d" % at)
            assert client.get(*head("/up/")).status == 200


def test_a_client_that_takes_no_answers(gateway: Gateway, ca: Pair) -> None:
    before = memory(gateway)
    with RawClient(gateway.port, ca.cert) as client:
        client.socket.settimeout(0.5)
        for number in range(1, 20001, 2):
            try:
                client.socket.sendall(client.request(number, head("/nowhere")))
            except OSError:
                break
        assert memory(gateway) - before < 20_000_000
        with RawClient(gateway.port, ca.cert) as other:
            assert other.serves()


def test_all_connections_together_have_no_more_streams_than_connections_are_allowed(gateway: Gateway, ca: Pair) -> None:
    with Http2Client(gateway.port, ca.cert) as one, Http2Client(gateway.port, ca.cert) as two:
        held = [one.ask(head("/silent/")) for _ in range(100)]
        assert one.get(*head("/up/")).reset == REFUSED, "a connection has a hundred"
        numbers = [two.ask(head("/silent/")) for _ in range(100)]
        two.until(lambda: sum(two.answers[each].reset == REFUSED for each in numbers) == 50, "50 streams are refused")
        assert not any(one.answers[number].status for number in held)
    wait_until(lambda: serves(gateway, ca), "the streams are free again")


def serves(gateway: Gateway, ca: Pair) -> bool:
    with RawClient(gateway.port, ca.cert) as client:
        return client.serves()


@pytest.mark.parametrize(
    "start",
    [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", PREFACE[:-4] + b"XX\r\n", b"\0" * 100],
    ids=["http/1", "almost", "nul"],
)
def test_what_is_no_http2(gateway: Gateway, ca: Pair, start: bytes) -> None:
    with RawClient(gateway.port, ca.cert, start) as client:
        assert client.outcome() == ("goaway", PROTOCOL)


def test_streams_that_are_cancelled_at_once_leave_nothing(gateway: Gateway, ca: Pair) -> None:
    with Http2Client(gateway.port, ca.cert) as client:
        for _ in range(3):
            numbers = [client.ask(head("/silent/")) for _ in range(60)]
            for number in numbers:
                client.h2.reset_stream(number, CANCEL)
            client.flush()
            # The work for a stream counts until it has stopped, which takes the upstream's side a moment.
            wait_until(lambda: client.get(*head("/up/")).status == 200, "a stream is free")
