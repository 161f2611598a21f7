"""The PROXY protocol by switch: before HTTP, before TLS, and what is none."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator

import pytest

from tests.support.certs import Pair
from tests.support.gateway import Gateway
from tests.support.raw import Client, Upstream
from tests.support.through import config, get, logged, serving

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(body)) + body


def v4(source: str, port: int, more: bytes = b"") -> bytes:
    return v2(1, 0x11, socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", port, 80) + more)


def v6(source: str, port: int) -> bytes:
    return v2(1, 0x21, socket.inet_pton(socket.AF_INET6, source) + b"\0" * 16 + struct.pack("!HH", port, 80))


GOOD = {
    "version 1": (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n", "192.0.2.7"),
    "version 1, IPv6": (b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7"),
    "version 1, unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "version 1, unknown and more": (b"PROXY UNKNOWN ff::1 ff::2 1 2\r\n", "127.0.0.1"),
    "version 2": (v4("192.0.2.8", 4711), "192.0.2.8"),
    "version 2, IPv6": (v6("2001:db8::8", 4711), "2001:db8::8"),
    "version 2 with more fields": (v4("192.0.2.9", 4711, b"\x04\x00\x03abc"), "192.0.2.9"),
    "version 2, local": (v2(0, 0, b""), "127.0.0.1"),
    "version 2, a unix socket": (v2(1, 0x31, b"\0" * 216), "127.0.0.1"),
}
BAD = {
    "none": b"",
    "a POST": b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    "version 1, bad address": b"PROXY TCP4 999.0.2.7 127.0.0.1 4711 80\r\n",
    "version 1, wrong family": b"PROXY TCP4 2001:db8::7 ::1 4711 80\r\n",
    "version 1, bad port": b"PROXY TCP4 192.0.2.7 127.0.0.1 70000 80\r\n",
    "version 1, bare LF": b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\n",
    "version 1, too long": b"PROXY TCP4 " + b"1" * 200 + b"\r\n",
    "version 2, version 3": SIGNATURE + b"\x31\x11\x00\x0c" + b"\0" * 12,
    "version 2, command 5": v2(5, 0x11, b"\0" * 12),
    "version 2, bad signature": b"\r\n\r\n\x00\r\nQUIX\n\x21\x11\x00\x0c" + b"\0" * 12,
    "version 2, too long": SIGNATURE + b"\x21\x11\xff\xff",
}


def text(upstream: Upstream, more: str = "") -> str:
    server = f"proxy_protocol: true, limits: {{header_timeout: 1200ms}}{more}"
    return config({"up": f'targets: ["{upstream.url}"]'}, server=server)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("plain"), text(upstream)) as made:
        yield made


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, ca: Pair) -> Iterator[Gateway]:
    folder = ca.cert.parent
    more = f", tls: {{cert: {folder}/default.test.crt, key: {folder}/default.test.key}}"
    with serving(tmp_path_factory.mktemp("tls"), text(upstream, more)) as made:
        yield made


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_client_is_who_the_header_says(gateway: Gateway, name: str, at_once: bool) -> None:
    header, client = GOOD[name]
    sent = header + get(f"/up/{client}")
    with contextlib.closing(Client(gateway.port)) as connection:
        for piece in (sent,) if at_once else (sent[:1], sent[1:9], sent[9:20], sent[20:]):
            connection.send(piece)
        status, _, body = connection.answer()
    assert status == 200
    assert f"X-Forwarded-For: {client}\r\n".encode() in body
    line = logged(gateway, f"/up/{client}")
    assert line["client"] == client


def test_it_holds_for_every_request_of_the_connection(gateway: Gateway) -> None:
    with contextlib.closing(Client(gateway.port)) as connection:
        connection.send(GOOD["version 2"][0] + get("/up/1") + get("/up/2"))
        for _ in range(2):
            assert b"X-Forwarded-For: 192.0.2.8\r\n" in connection.answer()[2]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_header_is_not_served(gateway: Gateway, name: str) -> None:
    with contextlib.closing(Client(gateway.port)) as connection, contextlib.suppress(ConnectionResetError):
        assert connection.send(BAD[name] + get("/up/")).rest() == b""
    with contextlib.closing(Client(gateway.port)) as connection:
        assert connection.send(GOOD["version 1"][0] + get("/up/")).answer()[0] == 200


@pytest.mark.parametrize("begun", [b"", b"P", b"PROXY TCP4 192", SIGNATURE, v4("192.0.2.8", 1)[:-1]])
def test_a_header_that_does_not_end_counts_into_the_time_of_the_head(gateway: Gateway, begun: bytes) -> None:
    began = time.monotonic()
    with contextlib.closing(Client(gateway.port)) as connection:
        assert connection.send(begun).rest() == b""
    assert 1.1 < time.monotonic() - began < 2.6


@pytest.mark.parametrize("name", GOOD)
def test_tls_comes_behind_it(tls: Gateway, ca: Pair, name: str) -> None:
    header, client = GOOD[name]
    context = ssl.create_default_context(cafile=ca.cert)
    with socket.create_connection(("127.0.0.1", tls.port), 5) as plain:
        plain.sendall(header)
        with context.wrap_socket(plain, server_hostname="default.test") as secure:
            secure.sendall(get("/up/", "Connection: close"))
            answer = b"".join(iter(lambda: secure.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert f"X-Forwarded-For: {client}\r\n".encode() in answer and b"X-Forwarded-Proto: https" in answer


def test_tls_without_it_is_not_served(tls: Gateway, ca: Pair) -> None:
    context = ssl.create_default_context(cafile=ca.cert)
    with socket.create_connection(("127.0.0.1", tls.port), 5) as plain, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(plain, server_hostname="default.test")
