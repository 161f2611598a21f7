"""Contexts that ask clients for certificates: who gets through a handshake, and what is known of them then."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.server.options import Certificate, ServerTLS
from gateway.server.tls import Contexts
from tests.support.certs import Pair, authority, issue
from tests.support.client_certs import FOR_SERVERS, NOW, der, issue_client

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Place(NamedTuple):
    """An authority for servers, one for clients, one that nobody trusts, and what they issued."""

    servers: Pair
    clients: Pair
    known: Pair
    folder: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("certs")
    servers, clients, strangers = (authority(folder, name) for name in ("servers", "clients", "strangers"))
    for name in ("default.test", "api.test"):
        issue(folder, servers, name)
    known = issue_client(folder, clients, "known", "CN=known")
    issue_client(folder, strangers, "stranger", "CN=known")
    issue_client(folder, clients, "over", "CN=over", until=NOW - timedelta(hours=1))
    issue_client(folder, clients, "server", "CN=server", purpose=FOR_SERVERS)
    return Place(servers, clients, known, folder)


@pytest.fixture
def make(place: Place) -> Callable[..., Contexts]:
    def made(auth: str = "optional", client_ca: str | None = None) -> Contexts:
        pairs = [
            Certificate(hosts, str(place.folder / f"{name}.crt"), str(place.folder / f"{name}.key"))
            for name, hosts in (("default.test", ()), ("api.test", ("api.test",)))
        ]
        return Contexts(ServerTLS(pairs[0], (pairs[1],), client_ca or str(place.clients.cert), auth))

    return made


class Ends(NamedTuple):
    """Both ends of a connection that never left this process."""

    server: ssl.SSLObject
    client: ssl.SSLObject

    @property
    def shown(self) -> bytes | None:
        return self.server.getpeercert(binary_form=True)


def client_context(place: Place, name: str = "", version: ssl.TLSVersion = VERSIONS[1]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(place.servers.cert))
    context.minimum_version = context.maximum_version = version
    if name:
        context.load_cert_chain(place.folder / f"{name}.crt", place.folder / f"{name}.key")
    return context


def shake(
    contexts: Contexts, context: ssl.SSLContext, name: str = "default.test", session: ssl.SSLSession | None = None
) -> Ends:
    """Shake hands and say something both ways. Raises ssl.SSLError when either end refuses."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = contexts.default.wrap_bio(up, down, server_side=True)
    client = context.wrap_bio(down, up, server_hostname=name, session=session)
    waiting: list[Callable[[], object]] = [client.do_handshake, server.do_handshake]
    while waiting:
        for act in list(waiting):
            try:
                act()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(act)
    server.write(b"hello")
    assert client.read(5) == b"hello"
    return Ends(server, client)


@pytest.mark.parametrize("auth", ["optional", "required"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["default.test", "api.test"])
def test_a_certificate_that_is_good_is_known(
    make: Callable[..., Contexts], place: Place, name: str, version: ssl.TLSVersion, auth: str
) -> None:
    ends = shake(make(auth), client_context(place, "known", version), name)
    assert ends.shown == der(place.known)
    assert ends.client.getpeercert()["subjectAltName"] == (("DNS", name),)


@pytest.mark.parametrize("auth", ["optional", "required"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["default.test", "api.test"])
@pytest.mark.parametrize("bad", ["stranger", "over", "server"])
def test_one_that_is_not_ends_the_handshake(
    make: Callable[..., Contexts], place: Place, bad: str, name: str, version: ssl.TLSVersion, auth: str
) -> None:
    with pytest.raises(ssl.SSLError, match=r"certificate verify failed|CERTIFICATE_VERIFY_FAILED"):
        shake(make(auth), client_context(place, bad, version), name)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["default.test", "api.test"])
def test_none_at_all(make: Callable[..., Contexts], place: Place, name: str, version: ssl.TLSVersion) -> None:
    assert shake(make("optional"), client_context(place, "", version), name).shown is None
    with pytest.raises(ssl.SSLError, match=r"(?i)did.not.return.a.certificate"):
        shake(make("required"), client_context(place, "", version), name)


def test_who_is_not_asked_shows_none(make: Callable[..., Contexts], place: Place) -> None:
    contexts = make()
    assert contexts.asks_clients
    default, [api] = contexts._certificates[0], contexts._certificates[1:]
    contexts = Contexts(ServerTLS(default, (api,)))
    assert not contexts.asks_clients
    assert shake(contexts, client_context(place, "stranger")).shown is None


@pytest.mark.parametrize("auth", ["optional", "required"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["default.test", "api.test"])
def test_a_session_that_is_resumed_still_has_its_certificate(
    make: Callable[..., Contexts], place: Place, name: str, version: ssl.TLSVersion, auth: str
) -> None:
    contexts, context = make(auth), client_context(place, "known", version)
    first = shake(contexts, context, name)
    again = shake(contexts, context, name, first.client.session)
    assert again.client.session_reused, "or nothing is shown here"
    assert again.shown == der(place.known)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_without_one_is_no_way_round(
    make: Callable[..., Contexts], place: Place, version: ssl.TLSVersion
) -> None:
    """A gateway that begins to require certificates has contexts of its own: no ticket of the old ones opens them."""
    context = client_context(place, "", version)
    ticket = shake(make("optional"), context).client.session
    with pytest.raises(ssl.SSLError, match=r"(?i)did.not.return.a.certificate"):
        shake(make("required"), context, session=ticket)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["default.test", "api.test"])
def test_authorities_are_read_again_and_what_the_old_ones_let_in_is_over(
    make: Callable[..., Contexts], place: Place, tmp_path: Path, name: str, version: ssl.TLSVersion
) -> None:
    file = tmp_path / "ca.crt"
    file.write_bytes(place.clients.cert.read_bytes())
    contexts, context = make("optional", str(file)), client_context(place, "known", version)
    ticket = shake(contexts, context, name).client.session
    file.write_bytes((place.folder / "strangers.crt").read_bytes())
    assert contexts.refresh()
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.verify.failed"):
        shake(contexts, context, name, ticket)
    assert shake(contexts, client_context(place, "stranger", version), name).shown is not None


@pytest.mark.parametrize("how", ["gone", "garbage", "empty"])
def test_authorities_that_cannot_be_used_leave_the_old_ones(
    make: Callable[..., Contexts], place: Place, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ca.crt"
    file.write_bytes(place.clients.cert.read_bytes())
    contexts = make("required", str(file))
    if how == "gone":
        file.unlink()
    else:
        file.write_text("nonsense" if how == "garbage" else "")
    assert not contexts.refresh()
    assert "is not read again" in caplog.text
    assert shake(contexts, client_context(place, "known")).shown == der(place.known)


@pytest.mark.parametrize("content", ["nonsense", "", None])
def test_no_start_with_authorities_that_cannot_be_used(
    make: Callable[..., Contexts], tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(OSError):
        make("optional", str(file))
