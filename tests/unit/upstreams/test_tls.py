"""https, IPv6 and unix sockets: who is verified, against what, and what is said when it fails."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from gateway import errors
from gateway.upstream.pool.registry import TLSSettings
from tests.unit.upstreams.conftest import Certificates, Serve, Up
from tests.unit.upstreams.test_http import OK, failure, pool_of, serve
from tests.wire.upstream.play import FakeUpstream, Side, exchange


def trusting(certificates: Certificates, **more: Any) -> TLSSettings:
    words = {"client_cert": "", "client_key": "", "server_name": "", "insecure": False} | more
    return TLSSettings.read(certificates.ca, **words)


def close_all(upstream: Any) -> None:
    """End the connections, so that the server's thread can end."""
    pool_of(upstream).drain()


def test_a_certificate_of_our_own_ca(up: Up, tls_server: Serve, certificates: Certificates):
    upstream = up(tls_server(), scheme="https", host="localhost", tls=trusting(certificates))
    for _ in range(3):
        assert upstream.fetch(exchange()).body == b" localhost"
        gevent.sleep(0.005)
    assert pool_of(upstream).num_connections == 1, "session tickets do not end a kept-alive connection"
    close_all(upstream)


def test_an_address_in_the_certificate(up: Up, tls_server: Serve, certificates: Certificates):
    upstream = up(tls_server(), scheme="https", tls=trusting(certificates))
    assert upstream.fetch(exchange()).status == 200
    close_all(upstream)


def test_a_certificate_of_nobody_we_know(up: Up, tls_server: Serve):
    error = failure(up(tls_server(), scheme="https", host="localhost"))
    assert error.kind is errors.UPSTREAM_CERTIFICATE


def test_a_certificate_for_another_name(up: Up, tls_server: Serve, certificates: Certificates):
    tls = trusting(certificates, server_name="other.example")
    assert failure(up(tls_server(), scheme="https", tls=tls)).kind is errors.UPSTREAM_CERTIFICATE


def test_server_name_is_what_is_asked_for_and_verified(up: Up, tls_server: Serve, certificates: Certificates):
    upstream = up(tls_server(), scheme="https", tls=trusting(certificates, server_name="localhost"))
    assert upstream.fetch(exchange()).body == b" localhost"
    close_all(upstream)


def test_insecure_verifies_nothing(up: Up, tls_server: Serve):
    upstream = up(tls_server(), scheme="https", tls=TLSSettings(insecure=True, server_name="whatever"))
    assert upstream.fetch(exchange()).status == 200
    close_all(upstream)


def test_a_client_certificate_is_shown(up: Up, tls_server: Serve, certificates: Certificates):
    tls = trusting(certificates, client_cert=certificates.client_cert, client_key=certificates.client_key)
    upstream = up(tls_server(client_ca=True), scheme="https", tls=tls)
    body = upstream.fetch(exchange()).body
    assert isinstance(body, bytes)
    assert body.startswith(b"gateway ")
    close_all(upstream)


def test_a_client_certificate_that_is_missing(up: Up, tls_server: Serve, certificates: Certificates):
    error = failure(up(tls_server(client_ca=True), scheme="https", tls=trusting(certificates)))
    # TLS 1.3 (RFC 8446 section 4.4.2.4): the refusal comes after our handshake, as an alert that a reset may overtake.
    assert error.kind in (errors.UPSTREAM_TLS, errors.UPSTREAM_RESET)


def test_no_tls_at_the_other_end(up: Up, tls_server: Serve, certificates: Certificates):
    error = failure(up(tls_server(plain=True), scheme="https", tls=trusting(certificates)))
    assert error.kind is errors.UPSTREAM_TLS


def test_rfc9112_9_8_a_body_until_close_needs_a_proper_end(up: Up, tls_server: Serve, certificates: Certificates):
    upstream = up(tls_server(ragged=True), scheme="https", tls=trusting(certificates))
    response = upstream.fetch(exchange())
    with pytest.raises(errors.GatewayError) as caught:
        list(response.body)
    assert caught.value.kind is errors.UPSTREAM_INCOMPLETE


def test_ipv6(up: Up, fake: Callable[..., FakeUpstream]):
    server = fake(serve, family="::1")
    asked = exchange(headers=[])
    assert up(server.port, host="::1").fetch(asked).status == 200
    assert asked.address == f"[::1]:{server.port}"


def test_ipv6_with_tls(up: Up, tls_server: Serve, certificates: Certificates):
    upstream = up(tls_server("::1"), scheme="https", host="::1", tls=trusting(certificates))
    assert upstream.fetch(exchange()).status == 200
    close_all(upstream)


@pytest.fixture
def unix(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "app.sock")
    listener = gevent.socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def answer(sock: Any, _address: Any) -> None:
        side = Side(sock)
        while head := side.until():
            side.send(OK if b"Host: localhost\r\n" in head else b"HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n")

    server = StreamServer(listener, answer)
    server.start()
    yield path
    server.stop()


def test_a_unix_socket(up: Up, unix: str):
    upstream = up(0, scheme="unix", host="", socket=unix)
    asked = exchange(headers=[])
    assert upstream.fetch(asked).status == 200
    assert upstream.fetch(exchange(headers=[])).status == 200
    assert asked.address == f"unix:{unix}"
    assert pool_of(upstream).num_connections == 1


def test_a_unix_socket_that_is_not_there(up: Up, tmp_path: Path):
    assert failure(up(0, scheme="unix", host="", socket=str(tmp_path / "no"))).kind is errors.UPSTREAM_REFUSED
