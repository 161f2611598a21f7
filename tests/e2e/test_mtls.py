"""Clients that show a certificate: who is let in by it, what upstreams are told, and who is turned away at the door."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certs import Pair, authority, issue
from tests.support.client_certs import issue_client
from tests.support.gateway import Gateway
from tests.support.raw import Client, Upstream, echo
from tests.support.through import config, get, serving

ROUTES = """\
  - {name: services, match: {path: "/services/{rest:path}"}, upstream: up, auth: services}
  - {name: billing, match: {path: "/billing/{rest:path}"}, upstream: up, auth: billing}
  - {name: either, match: {path: "/either/{rest:path}"}, upstream: up, auth: {use: [billing, keys]}}
auth:
  services: {mtls: {forward: {X-Service: sub, X-Names: san}}}
  billing: {mtls: {sans: ["*.billing.test"], forward: {X-Service: sub}}}
  keys: {api_key: {keys: ["shop:DIGEST"]}}
"""
#: SHA-256 of "key"
DIGEST = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    servers, clients, strangers = (authority(folder, name) for name in ("servers", "clients", "strangers"))
    issue(folder, servers, "default.test")
    issue(folder, servers, "api.test")
    issue_client(folder, clients, "shop", "CN=shop,O=Example", "DNS:shop.test", "URI:spiffe://example.test/shop")
    issue_client(folder, clients, "billing", "CN=billing,O=Example", "DNS:a.billing.test")
    issue_client(folder, strangers, "stranger", "CN=billing,O=Example", "DNS:a.billing.test")
    return folder


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream(echo)
    yield made
    made.close()


def tls_config(place: Path, upstream: Upstream, auth: str) -> str:
    default, api = (f"cert: {place}/{name}.crt, key: {place}/{name}.key" for name in ("default.test", "api.test"))
    tls = f"{{{default}, sni: [{{hosts: [api.test], {api}}}], client_ca: {place}/clients.crt, client_auth: {auth}}}"
    return config({"up": f'targets: ["{upstream.url}"]'}, ROUTES.replace("DIGEST", DIGEST), server=f"tls: {tls}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, place: Path, upstream: Upstream) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway"), tls_config(place, upstream, "optional")) as made:
        yield made
    assert "WARNING" not in made.output(), "who fails in the handshake is no matter for the log"


class Door:
    """Opens connections that show one certificate, or none."""

    def __init__(self, place: Path, name: str = "", version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        self.context = ssl.create_default_context(cafile=place / "servers.crt")
        self.context.minimum_version = self.context.maximum_version = version
        if name:
            pair = Pair(place / f"{name}.crt", place / f"{name}.key")
            self.context.load_cert_chain(pair.cert, pair.key)
        self.session: ssl.SSLSession | None = None

    @contextlib.contextmanager
    def open(self, gateway: Gateway, host: str = "default.test") -> Iterator[Client]:
        client = Client(gateway.port)
        try:
            client.socket = self.context.wrap_socket(client.socket, server_hostname=host, session=self.session)
            yield client
        finally:
            client.close()

    def ask(self, gateway: Gateway, sent: bytes) -> tuple[int, bytes]:
        with self.open(gateway) as client:
            status, _, body = client.send(sent).answer()
        return status, body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host", ["default.test", "api.test"])
def test_the_upstream_is_told_who_calls(gateway: Gateway, place: Path, host: str, version: ssl.TLSVersion) -> None:
    with Door(place, "shop", version).open(gateway, host) as client:
        for _ in range(3):
            status, _, body = client.send(get("/services/x", "X-Service: me", "x-names: mine")).answer()
            assert status == 200
            assert b"X-Service: CN=shop,O=Example\r\n" in body
            assert b"X-Names: shop.test,spiffe://example.test/shop\r\n" in body
            assert body.lower().count(b"x-service:") == body.lower().count(b"x-names:") == 1


def test_who_shows_none_is_nobody_where_that_matters(gateway: Gateway, place: Path) -> None:
    door = Door(place)
    assert door.ask(gateway, get("/up/"))[0] == 200
    assert door.ask(gateway, get("/services/"))[0] == 401
    claims = ('X-Forwarded-Client-Cert: Subject="CN=billing,O=Example"', "X-SSL-Client-Verify: SUCCESS")
    assert door.ask(gateway, get("/billing/", *claims))[0] == 401


def test_who_is_not_listed_is_nobody_to_that_provider(gateway: Gateway, place: Path) -> None:
    assert Door(place, "billing").ask(gateway, get("/billing/"))[0] == 200
    assert Door(place, "shop").ask(gateway, get("/billing/"))[0] == 401


def test_another_provider_may_know_who_the_certificate_does_not_tell(gateway: Gateway, place: Path) -> None:
    assert Door(place, "billing").ask(gateway, get("/either/"))[0] == 200
    assert Door(place, "shop").ask(gateway, get("/either/", "X-API-Key: key"))[0] == 200
    assert Door(place, "shop").ask(gateway, get("/either/"))[0] == 401


def test_the_certificate_of_one_connection_is_not_that_of_the_next(gateway: Gateway, place: Path) -> None:
    shop, nobody = Door(place, "shop"), Door(place)
    with shop.open(gateway) as one, nobody.open(gateway) as other:
        for _ in range(3):
            assert one.send(get("/services/")).answer()[0] == 200
            assert other.send(get("/services/")).answer()[0] == 401


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_that_is_resumed_is_still_the_same_caller(
    gateway: Gateway, place: Path, version: ssl.TLSVersion
) -> None:
    door = Door(place, "shop", version)
    with door.open(gateway) as client:
        assert client.send(get("/services/")).answer()[0] == 200
        door.session = client.socket.session
    with door.open(gateway) as client:
        status, _, body = client.send(get("/services/")).answer()
        assert client.socket.session_reused
    assert (status, b"X-Service: CN=shop,O=Example\r\n" in body) == (200, True)


def test_one_that_nobody_vouches_for_ends_the_connection(gateway: Gateway, place: Path) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        Door(place, "stranger").ask(gateway, get("/up/"))
    assert Door(place).ask(gateway, get("/up/"))[0] == 200


def test_required_of_all(tmp_path: Path, place: Path, upstream: Upstream) -> None:
    with serving(tmp_path / "gateway", tls_config(place, upstream, "required")) as strict:
        assert Door(place, "shop").ask(strict, get("/up/"))[0] == 200
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            Door(place).ask(strict, get("/up/"))
        assert Door(place, "shop").ask(strict, get("/services/"))[0] == 200
