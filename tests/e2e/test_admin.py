"""The admin listener of a real gateway: what it tells, whom it answers, and that `bind` never leads to it."""

import json

import pytest

from tests.support.gateway import wait_until
from tests.support.operations import get, respond, running, server
from tests.support.raw import Client

CONFIG = server(2, ", admin_token: 'a-secret-token'") + "routes:\n" + respond("one")
TOKEN = {"Authorization": "Bearer a-secret-token"}
ENDPOINTS = ("/api/routes", "/api/config", "/api/workers", "/api/upstreams")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("admin"), server(2) + "routes:\n" + respond("one")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with running(tmp_path_factory.mktemp("guarded"), CONFIG) as gateway:
        yield gateway


def test_what_it_tells(gateway):
    assert gateway.admin("/healthz") == (200, {"status": "alive"})
    assert gateway.admin("/readyz")[1]["status"] == "ready"
    assert [route["name"] for route in gateway.admin("/api/routes")[1]] == ["plan"]
    assert gateway.admin("/api/config")[1]["routes"][0]["name"] == "plan"
    assert set(gateway.admin("/")[1]["endpoints"]) >= {f"GET {path}" for path in ENDPOINTS}

    def workers():
        found = gateway.admin("/api/workers")[1]
        return found if all(worker["state"] == "serving" for worker in found) else None

    for worker in wait_until(workers, "no worker is starting any more"):
        assert type(worker["pid"]) is int
        assert worker["version"] == gateway.admin("/readyz")[1]["version"]
        assert worker["connections"] >= 0
        assert 10e6 < worker["memory"] < 200e6


def test_connections_are_counted(gateway):
    clients = [Client(gateway.port).send(b"GET /plan HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(5)]
    assert [client.answer()[0] for client in clients] == [200] * 5

    def counted():
        return sum(worker["connections"] for worker in gateway.admin("/api/workers")[1])

    wait_until(lambda: counted() == 5, "five connections")
    for client in clients:
        client.close()
    wait_until(lambda: counted() == 0, "none any more")


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", *ENDPOINTS, "/api/reload"])
def test_bind_never_leads_to_it(gateway, path):
    assert get(gateway, path)[0] == 404
    for host in (f"127.0.0.1:{gateway.admin_port}", f"localhost:{gateway.admin_port}"):
        client = Client(gateway.port)
        fields = f"Host: {host}\r\nX-Gateway-Admin: 1\r\nContent-Length: 0\r\n\r\n"
        assert client.send(f"POST http://{host}{path} HTTP/1.1\r\n{fields}".encode()).answer()[0] == 404
        client.close()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{admin}", "127.0.0.1.evil.example", "10.0.0.1"])
def test_another_host_is_refused_but_for_probes(gateway, host):
    headers = {"Host": host.replace("{admin}", str(gateway.admin_port))}
    for path in ENDPOINTS:
        assert gateway.admin(path, headers=headers)[0] == 421
    assert gateway.admin("/api/reload", "POST", headers)[0] == 421
    for path in ("/healthz", "/readyz"):
        assert gateway.admin(path, headers=headers)[0] == 200


def test_another_origin_is_refused(gateway):
    assert gateway.admin("/api/reload", "POST", {"Origin": "https://evil.example"})[0] == 403
    assert gateway.admin("/api/config", headers={"Origin": "null"})[0] == 403
    own = f"http://127.0.0.1:{gateway.admin_port}"
    assert gateway.admin("/api/config", headers={"Origin": own})[0] == 200


def test_a_token_is_wanted_but_from_probes(guarded):
    for path in ENDPOINTS:
        assert guarded.admin(path)[0] == 401
        assert guarded.admin(path, headers={"Authorization": "Bearer another"})[0] == 401
        assert guarded.admin(path, headers=TOKEN)[0] == 200
    assert guarded.admin("/api/reload", "POST")[0] == 401
    assert guarded.admin("/api/reload", "POST", TOKEN)[0] == 200
    for path in ("/healthz", "/readyz"):
        assert guarded.admin(path)[0] == 200


def test_secrets_are_never_told(guarded):
    shown = json.dumps(guarded.admin("/api/config", headers=TOKEN)[1])
    assert "a-secret-token" not in shown
    assert "a-secret-token" not in guarded.output()


def test_what_is_malformed_gets_400_and_the_listener_lives(gateway):
    client = Client(gateway.admin_port)
    assert client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n").answer()[0] == 400
    client.close()
    assert gateway.admin("/nowhere")[0] == 404
    assert gateway.admin("/api/config", "DELETE")[0] == 405
    assert gateway.admin("/healthz")[0] == 200
