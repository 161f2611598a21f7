"""conf/examples/identity.yaml in service: two workers, a real Redis, an issuer that publishes its keys."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest

from tests.support.gateway import ROOT, Gateway, wait_until
from tests.support.issuer import TokenIssuer, token_issuer
from tests.support.key_files import ec_key, private_pem, public_pem
from tests.support.operations import running
from tests.support.patient import patient_env
from tests.support.raw import Client, Upstream, echo
from tests.support.redis import RedisServer, redis
from tests.support.through import ask, get, logged

KEY, SECRET = "partner-key-for-acme", "0123456789abcdef0123456789abcdef"
STAFF = "https://id.example.com/realms/staff"


Answer = tuple[int, dict[str, str], bytes]


class Place(NamedTuple):
    """All that runs."""

    gateway: Gateway
    issuer: TokenIssuer
    store: RedisServer
    folder: Path


def lay(folder: Path) -> None:
    """The files that the example names."""
    certs = folder / "certs"
    certs.mkdir()
    (certs / "signing.pem").write_bytes(private_pem(ec_key()))
    (certs / "signing.pem").chmod(0o600)
    (certs / "partner-keys").write_text(f"acme:{hashlib.sha256(KEY.encode()).hexdigest()}\n")


def example(upstream: Upstream, issuer: TokenIssuer, store: RedisServer) -> str:
    """The example with what is there in the place of what it names; clients come without TLS."""
    text = (ROOT / "conf" / "examples" / "identity.yaml").read_text()
    tls = "  tls: {cert: certs/tls.crt, key: certs/tls.key, client_ca: certs/clients.crt, client_auth: optional}\n"
    for old, new in (
        ("127.0.0.1:8443", "127.0.0.1:{port}"),
        ("127.0.0.1:8001", "127.0.0.1:{admin}"),
        ("http://127.0.0.1:9101", upstream.url),
        ("http://127.0.0.1:9201", upstream.url),
        (tls, "  workers: 2\n"),
        ("url: https://id.example.com/realms/staff/certs", f'url: "{issuer.url}", insecure: true'),
        ("store: memory", f'store: "redis://127.0.0.1:{store.port}/0"'),
        ("to: stdout", "to: access.log"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    cut = text.index("  services:  "), text.index("roles:\n")
    text = text[: cut[0]] + text[cut[1] :]  # certificates need TLS, and have tests of their own
    return text.replace("    auth: services\n", "    auth: staff\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("identity")
    lay(folder)
    upstream = Upstream(echo)
    with token_issuer(STAFF) as issuer, redis(folder) as store:
        text = example(upstream, issuer, store)
        with running(folder, text, env={"BATCH_SECRET": SECRET, **patient_env(folder)}) as gateway:
            yield Place(gateway, issuer, store, folder)
    upstream.close()


def call(place: Place, path: str, token: str = "", *lines: str, method: str = "GET") -> Answer:
    bearer = [f"Authorization: Bearer {token}"] if token else []
    return ask(place.gateway, get(path, *bearer, *lines, method=method))


def kind(answer: Answer) -> str:
    return str(json.loads(answer[2])["type"]).rpartition(":")[2]


def staff(place: Place, **claims: Any) -> str:
    return place.issuer.token(**{"tenant": "acme", "scope": "items:read"} | claims)


def test_a_caller_gets_through_and_the_upstream_is_told_by_the_gateway_alone(place: Place) -> None:
    status, _, seen = call(place, "/v1/acme/items/7", staff(place), "X-User: root", "X-Tenant: other")
    assert status == 200
    assert b"X-User: alice\r\n" in seen and b"X-Tenant: acme\r\n" in seen and b"X-Caller: alice\r\n" in seen
    assert b"root" not in seen and b"other" not in seen and b"Authorization" not in seen
    told = seen.partition(b"X-Gateway-Token: ")[2].partition(b"\r\n")[0]
    public = public_pem(_signing(place))
    claims = jwt.decode(told, public, ["ES256"], audience="internal")
    assert (claims["sub"], claims["tenant"], claims["scope"]) == ("alice", "acme", "items:read")
    line = logged(place.gateway, "/v1/acme/items/7")
    assert (line["caller"], line["provider"]) == ("alice", "staff")


def _signing(place: Place) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key((place.folder / "certs" / "signing.pem").read_bytes(), None)


def test_what_is_refused_and_how(place: Place) -> None:
    answer = call(place, "/v1/acme/items/7")
    assert (answer[0], kind(answer)) == (401, "unauthenticated") and 'realm="gateway"' in answer[1]["www-authenticate"]
    for bad in (
        staff(place, aud="other"),
        staff(place, iss="x"),
        staff(place, exp=1),
        staff(place)[:-4] + "AAAA",
        "x.y.z",
    ):
        answer = call(place, "/v1/acme/items/7", bad)
        assert (answer[0], kind(answer)) == (401, "invalid-token")
        assert 'error="invalid_token"' in answer[1]["www-authenticate"]
        assert "detail" not in json.loads(answer[2])
    answer = call(place, "/v1/globex/items/7", staff(place))
    assert (answer[0], kind(answer)) == (403, "forbidden") and b"tenant" in answer[2]
    answer = call(place, "/v1/acme/items/7", staff(place, scope="other"))
    assert (answer[0], kind(answer)) == (403, "forbidden") and b"items:read" in answer[2]
    assert call(place, "/v1/acme/items/7", staff(place, scope=None, realm_access={"roles": ["editor"]}))[0] == 200


def test_roles_and_claims_of_a_change(place: Place) -> None:
    good = staff(place, realm_access={"roles": ["admin"]}, level=2)
    assert call(place, "/v1/acme/items/7", good, "Content-Length: 0", method="PUT")[0] == 200
    for bad in ({"level": 4}, {"level": "2"}, {"realm_access": {"roles": ["viewer"]}, "scope": "items:write"}):
        token = staff(place, **{"realm_access": {"roles": ["admin"]}, "level": 2} | bad)
        assert call(place, "/v1/acme/items/7", token, "Content-Length: 0", method="PUT")[0] == 403


def test_the_other_ways_to_be_known(place: Place) -> None:
    assert call(place, "/v1/acme/items/7", "", f"X-API-Key: {KEY}")[0] == 200
    assert call(place, "/v1/acme/items/7", "", "X-API-Key: guessed")[0] == 401
    now = int(time.time())
    batch = {"iss": "batch", "aud": "items-api", "sub": "n", "exp": now + 60, "job": "nightly/7"}
    assert call(place, "/v1/imports", jwt.encode(batch, SECRET, "HS256"), "Content-Length: 0", method="POST")[0] == 200
    batch["job"] = "daily/7"
    assert call(place, "/v1/imports", jwt.encode(batch, SECRET, "HS256"), "Content-Length: 0", method="POST")[0] == 403
    assert call(place, "/v1/profile")[0] == 200, "strangers may see the public part"
    assert call(place, "/healthz")[0] == 200
    assert call(place, "/internal/x", staff(place))[0] == 200


def test_a_preflight_asks_nobody_and_a_refusal_can_be_read_by_the_page(place: Place) -> None:
    origin = "Origin: https://app.example.com"
    asks = (origin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization")
    status, headers, _ = call(place, "/v1/acme/items/7", "", *asks, method="OPTIONS")
    assert (status, headers["access-control-allow-origin"]) == (204, "https://app.example.com")
    status, headers, _ = call(place, "/v1/acme/items/7", "", origin)
    assert (status, headers["access-control-allow-origin"]) == (401, "https://app.example.com")
    assert "access-control-allow-origin" not in call(place, "/v1/acme/items/7", "", "Origin: https://evil.test")[1]
    assert call(place, "/nowhere", "", origin)[1]["access-control-allow-origin"] == "https://app.example.com"


def test_revoked_is_refused_on_all_workers_within_a_second(place: Place) -> None:
    mine, other = staff(place, sub="mallory"), staff(place, sub="bob")
    asked = [mine, other] * 8
    assert {call(place, "/v1/acme/items/7", token)[0] for token in asked} == {200}
    said = json.dumps({"provider": "staff", "sub": "mallory", "ttl": "1h"}).encode()
    client = Client(place.gateway.admin_port)
    head = "POST /api/revocations HTTP/1.1\r\nHost: localhost\r\nX-Gateway-Admin: 1\r\nContent-Length: "
    client.send(f"{head}{len(said)}\r\n\r\n".encode() + said)
    assert client.answer()[0] == 204
    client.close()
    wait_until(lambda: {call(place, "/v1/acme/items/7", mine)[0] for _ in range(10)} == {401}, "it is refused", 2)
    assert {call(place, "/v1/acme/items/7", other)[0] for _ in range(8)} == {200}


def test_the_issuer_rotates_its_keys_under_load_and_goes_down(place: Place) -> None:
    statuses: set[int] = set()
    over = threading.Event()
    tokens = [staff(place)]

    def load() -> None:
        client = Client(place.gateway.port)
        while not over.is_set():
            statuses.add(client.send(get("/v1/acme/items/7", f"Authorization: Bearer {tokens[-1]}")).answer()[0])
        client.close()

    threads = [threading.Thread(target=load) for _ in range(4)]
    before = place.issuer.asked
    for thread in threads:
        thread.start()
    try:
        place.issuer.rotate()
        tokens.append(staff(place))
        wait_until(lambda: call(place, "/v1/acme/items/7", tokens[-1])[0] == 200, "the new key is known")
        place.issuer.is_down = True
        for number in range(40):
            assert call(place, "/v1/acme/items/7", staff(place, jti=str(number)))[0] == 200
    finally:
        over.set()
        for thread in threads:
            thread.join()
        place.issuer.is_down = False
    assert statuses == {200}, "no good token was refused"
    assert place.issuer.asked - before == 1, "one worker asked for all of them"


def test_a_store_that_is_down_is_no_false_401(place: Place) -> None:
    token, key = staff(place), f"X-API-Key: {KEY}"
    assert call(place, "/v1/acme/items/7", token)[0] == call(place, "/v1/acme/items/7", "", key)[0] == 200
    place.store.stop()
    try:
        assert {call(place, "/v1/acme/items/7", token)[0] for _ in range(6)} == {200}, "local goes on"
        assert call(place, "/v1/acme/items/7", "", key)[0] == 200
        answer = call(place, "/v1/profile", "", "Cookie: __Host-gw_session=" + "a" * 43)
        assert (answer[0], kind(answer)) == (503, "store-unavailable"), "a session is neither known nor unknown"
    finally:
        place.store.start()
    gone = "Cookie: __Host-gw_session=" + "a" * 43
    wait_until(lambda: call(place, "/v1/profile", "", gone)[0] == 200, "strangers, whose session is over, come in", 10)
