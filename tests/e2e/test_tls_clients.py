"""TLS towards clients: which certificate, renewed ones, and clients that do not play along."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certs import Pair, authority, issue
from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client, Connection, Upstream, echo
from tests.support.through import config, get, logged, serving

Place = tuple[Path, Pair]


def until_close(connection: Connection) -> None:
    head, _ = connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    if b"/cut" in head:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("tls")
    ca = authority(folder)
    issue(folder, ca, "default.test")
    issue(folder, ca, "api.test")
    issue(folder, ca, "wild.test", "DNS:*.wild.test")
    return folder, ca


def tls_config(folder: Path, upstreams: dict[str, Upstream], more: str = "") -> str:
    sni = ", ".join(
        f"{{hosts: [{hosts}], cert: {folder}/{name}.crt, key: {folder}/{name}.key}}"
        for hosts, name in (("api.test", "api.test"), ('"*.wild.test"', "wild.test"))
    )
    tls = f"tls: {{cert: {folder}/default.test.crt, key: {folder}/default.test.key, sni: [{sni}]}}"
    return config(
        {name: f'targets: ["{upstream.url}"]' for name, upstream in upstreams.items()},
        server=f"{tls}, keepalive: 1200ms, limits: {{header_timeout: 1200ms, body_timeout: 1200ms}}{more}",
    )


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    made = {"up": Upstream(echo), "end": Upstream(until_close)}
    yield made
    for upstream in made.values():
        upstream.close()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, place: Place, upstreams: dict[str, Upstream]
) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway"), tls_config(place[0], upstreams)) as made:
        yield made


class Secure(Client):
    """A Client over TLS that knows the name on the certificate it was shown."""

    def __init__(self, gateway: Gateway, ca: Pair, name: str, **options: ssl.TLSVersion) -> None:
        super().__init__(gateway.port)
        context = ssl.create_default_context(cafile=ca.cert)
        context.check_hostname = False
        for option, value in options.items():
            setattr(context, option, value)
        plain = self.socket
        try:
            self.socket = context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)
        except BaseException:
            plain.close()
            raise
        shown = self.socket.getpeercert() or {}
        self.name = dict(pair for (pair,) in shown["subject"])["commonName"]


@contextlib.contextmanager
def secure(gateway: Gateway, place: Place, name: str = "default.test", **options: ssl.TLSVersion) -> Iterator[Secure]:
    client = Secure(gateway, place[1], name, **options)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("api.test", "api.test"),
        ("API.Test", "api.test"),
        ("a.wild.test", "wild.test"),
        ("b.a.wild.test", "wild.test"),
        ("wild.test", "default.test"),
        ("elsewhere.test", "default.test"),
        ("127.0.0.1", "default.test"),
    ],
)
def test_the_certificate_is_chosen_by_name(gateway: Gateway, place: Place, asked: str, shown: str) -> None:
    with secure(gateway, place, asked) as client:
        assert client.name == shown
        status, _, body = client.send(get("/up/")).answer()
    assert status == 200
    assert b"X-Forwarded-Proto: https\r\n" in body and b"X-Forwarded-Port: 443\r\n" in body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_many_requests_and_large_bodies(gateway: Gateway, place: Place, version: ssl.TLSVersion) -> None:
    with secure(gateway, place, minimum_version=version, maximum_version=version) as client:
        for size in (0, 1, 16384, 16385, 300_000):
            status, _, body = client.send(get("/up/", method="PUT", body=b"x" * size)).answer()
            assert status == 200
            assert body.endswith(b"\r\n\r\n" + b"x" * size)
        client.send(get("/up/1") + get("/up/2") + get("/up/3"))
        assert [client.answer()[2][:6] for _ in range(3)] == [b"GET /1", b"GET /2", b"GET /3"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(gateway: Gateway) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", gateway.port), 5) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)version"),
    ):
        context.wrap_socket(plain)


def test_only_http_1_1_is_agreed_on(gateway: Gateway, place: Place) -> None:
    context = ssl.create_default_context(cafile=place[1].cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as plain:
        with context.wrap_socket(plain, server_hostname="default.test") as client:
            assert client.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize(
    "sent",
    [
        get("/up/", "Connection: close"),
        get("/end/"),
        b"nonsense\r\n\r\n",
        get("/up/", "Content-Length: 99999999", method="PUT"),
    ],
    ids=["asked for", "until close", "refused", "unread body"],
)
def test_the_end_of_a_connection_is_said_within_tls(gateway: Gateway, place: Place, sent: bytes) -> None:
    """RFC 9112 section 9.8: without close_notify, rest() would raise SSLEOFError."""
    with secure(gateway, place) as client:
        if b"/end/" in sent:
            sent = sent.replace(b"HTTP/1.1", b"HTTP/1.0")
        assert client.send(sent).rest().startswith(b"HTTP/1.1 ")


def test_an_idle_connection_ends_so_too(gateway: Gateway, place: Place) -> None:
    with secure(gateway, place) as client:
        client.send(get("/up/")).answer()
        assert client.rest() == b""


def test_a_body_cut_short_does_not(gateway: Gateway, place: Place) -> None:
    with secure(gateway, place) as client:
        client.send(get("/end/cut", version="1.0"))
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            client.rest()
    assert logged(gateway, "/end/cut")["error"] == "upstream-incomplete"


def test_the_handshake_counts_into_the_time_of_the_head(gateway: Gateway) -> None:
    began = time.monotonic()
    with contextlib.closing(Client(gateway.port)) as client:
        assert client.rest() == b""
        assert 1.1 < time.monotonic() - began < 2.6


def test_a_slow_head_gets_408_over_tls(gateway: Gateway, place: Place) -> None:
    with secure(gateway, place) as client:
        assert client.send(b"GET / HTTP/1.1\r\n").answer()[0] == 408


@pytest.mark.parametrize(
    "sent",
    [get("/up/"), b"\x16\x03\x01\x00\x05hello", b"\x00" * 100, b"\x16\x03\x01\xff\xff"],
    ids=["http", "bad", "nul", "big"],
)
def test_what_is_no_tls_is_dropped_and_the_rest_served(gateway: Gateway, place: Place, sent: bytes) -> None:
    with contextlib.closing(Client(gateway.port)) as client, contextlib.suppress(ConnectionResetError):
        assert b"HTTP/" not in client.send(sent).rest()
    with secure(gateway, place) as client:
        assert client.send(get("/up/")).answer()[0] == 200


def test_a_client_that_leaves_inside_the_handshake(gateway: Gateway, place: Place) -> None:
    for _ in range(20):
        Client(gateway.port).send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").reset()
    with secure(gateway, place) as client:
        assert client.send(get("/up/")).answer()[0] == 200


def test_a_renewed_certificate_is_used_without_a_restart(gateway: Gateway, place: Place) -> None:
    folder, ca = place
    with secure(gateway, place, "api.test") as kept:
        before = kept.socket.getpeercert()["serialNumber"]
        workers = gateway.workers()
        (folder / "new").mkdir()
        fresh = issue(folder / "new", ca, "api.test")
        os.replace(fresh.key, folder / "api.test.key")
        os.replace(fresh.cert, folder / "api.test.crt")

        def serial() -> bool:
            with secure(gateway, place, "api.test") as client:
                return bool(client.socket.getpeercert()["serialNumber"] != before)

        wait_until(serial, "the new certificate is shown")
        assert gateway.workers() == workers
