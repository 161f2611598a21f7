"""What the tests of upstreams share: a real fake upstream, its fleet, certificates."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.upstream.attempts import AttemptPolicy, RetryingUpstream
from gateway.upstream.balance import balancers as balance
from gateway.upstream.balance.options import Balance
from gateway.upstream.http import HttpUpstream
from gateway.upstream.pool.pool import Address, PoolSettings
from gateway.upstream.pool.registry import PoolKey, Pools, TLSSettings
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target, TargetSet
from tests.unit.upstreams.tls_server import TLSServer
from tests.wire.upstream.play import FakeUpstream, Script


class Certificates(NamedTuple):
    """Files: a CA, a server's certificate for localhost, 127.0.0.1 and ::1, a client's."""

    ca: str
    cert: str
    key: str
    client_cert: str
    client_key: str


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def _issue(folder: Path, name: str, subject: str, extensions: str) -> tuple[str, str]:
    """A certificate and key signed by the folder's CA."""
    cert, key, request, more = (str(folder / f"{name}.{kind}") for kind in ("pem", "key", "csr", "ext"))
    Path(more).write_text(extensions)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl("req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={subject}")
    signer = ["-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"]
    _openssl("x509", "-req", "-in", request, "-out", cert, "-days", "2", "-extfile", more, *signer)
    return cert, key


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    ca = str(folder / "ca.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    constraints = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    _openssl(
        "req", "-x509", *curve, "-keyout", str(folder / "ca.key"), "-out", ca, "-subj", "/CN=Test CA", *constraints
    )
    server = _issue(folder, "server", "localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n")
    client = _issue(folder, "client", "gateway", "extendedKeyUsage=clientAuth\n")
    return Certificates(ca, *server, *client)


@pytest.fixture
def pools() -> Iterator[Pools]:
    made = Pools()
    yield made
    made.retain(())


Up = Callable[..., RetryingUpstream]


@pytest.fixture
def up(pools: Pools) -> Up:
    """up(port, …) -> an upstream with one target there and a single try."""
    region = TargetStateTable.private()

    def make(
        port: int, *, host: str = "127.0.0.1", scheme: str = "http", size: int = 8, idle: float = 60, **more: object
    ):
        tls = more.pop("tls", TLSSettings())
        address = Address(scheme, host, port, str(more.pop("socket", "")))
        pool = pools.get(PoolKey(address, PoolSettings(size, idle), tls))
        times = {"connect": 10.0, "read": 10.0, "total": 20.0} | more
        target = Target(str(address), pool, region.target("catalog", str(address)))
        fleet = TargetSet("catalog", balance.make(Balance("p2c"), "catalog"), [target])
        http = HttpUpstream("catalog", **times)
        return RetryingUpstream(http, fleet, region.upstream("catalog"), AttemptPolicy())

    return make


Serve = Callable[..., int]


@pytest.fixture
def tls_server(certificates: Certificates) -> Iterator[Serve]:
    """tls_server(…) -> port of a TLSServer that is ended after the test."""
    servers: list[TLSServer] = []

    def make(host: str = "127.0.0.1", client_ca: bool = False, ragged: bool = False, plain: bool = False) -> int:
        servers.append(TLSServer(certificates, host, client_ca, ragged, plain))
        return int(servers[-1].listener.getsockname()[1])

    yield make
    for server in servers:
        server.end()


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeUpstream]]:
    """fake(script, …) -> FakeUpstream, stopped after the test."""
    made: list[FakeUpstream] = []

    def make(*scripts: Script, **more: str) -> FakeUpstream:
        made.append(FakeUpstream(*scripts, **more))
        return made[-1]

    yield make
    for upstream in made:
        upstream.stop()
