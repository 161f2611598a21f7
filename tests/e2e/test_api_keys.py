"""API keys, where their holder stands: in the file, in the store, revoked."""

import http.client
import json
import subprocess
import sys

import pytest

from gateway.auth.api_key.stored_keys import digest_of, new_key
from tests.support.gateway import ROOT, wait_until
from tests.support.operations import running
from tests.support.raw import Upstream, echo

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", admin_token: "t0ken", workers: 2, graceful_timeout: 5s}
upstreams:
  app: {targets: ["APP"]}
auth:
  partners:
    api_key:
      from: header:X-API-Key
      keys: "${file:partners}"
      stored: true
      consumers:
        acme: {roles: [viewer], plan: gold}
      forward: {X-Consumer: sub, X-Plan: plan}
roles:
  viewer: {allow: [items:read]}
routes:
  - {name: item, match: {path: /item}, upstream: app, auth: {use: partners, scopes: [items:read]}}
"""
WRITTEN = new_key()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder, app = tmp_path_factory.mktemp("keys"), Upstream(echo)
    (folder / "partners").write_text(f"# who may call\nacme: {digest_of(WRITTEN)}\n")
    with running(folder, CONFIG.replace("APP", app.url)) as gateway:
        yield gateway
    app.close()


def item(gateway, key=None):
    """(status, headers, body) over a connection of its own, so that any worker may answer."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
    try:
        connection.request("GET", "/item", headers={"X-Plan": "platinum"} | ({"X-API-Key": key} if key else {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().lower()
    finally:
        connection.close()


def command(gateway, *words, status=0):
    line = [sys.executable, "-m", "gateway.cli", "keys", *words, "-c", str(gateway.config)]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == status, ended.stderr
    return ended.stdout if status == 0 else ended.stderr


def everywhere(gateway, key, status):
    """Whether every worker answers so: so many fresh connections do not all meet the same one."""
    return all(item(gateway, key)[0] == status for _ in range(12))


def test_a_written_key(gateway):
    status, _, told = item(gateway, WRITTEN)
    assert status == 200
    assert b"\r\nx-consumer: acme\r\n" in told
    assert b"\r\nx-plan: gold\r\n" in told
    assert b"platinum" not in told


def test_none_and_a_wrong_one(gateway):
    status, headers, body = item(gateway)
    assert (status, headers["www-authenticate"]) == (401, 'ApiKey realm="gateway"')
    assert json.loads(body)["type"] == "urn:gateway:error:unauthenticated"
    status, headers, body = item(gateway, new_key())
    assert (status, headers["www-authenticate"]) == (401, 'ApiKey realm="gateway"')
    assert json.loads(body)["type"] == "urn:gateway:error:invalid-token"


def test_a_key_of_the_command_line_lives_until_it_is_revoked(gateway):
    key = command(gateway, "create", "zeta", "--role", "viewer", "--meta", "plan=free").strip()
    assert everywhere(gateway, key, 200)
    told = item(gateway, key)[2]
    assert b"\r\nx-consumer: zeta\r\n" in told
    assert b"\r\nx-plan: free\r\n" in told
    key_id = digest_of(key)[:16]
    assert key_id in command(gateway, "list")
    assert command(gateway, "revoke", key_id) == f"{key_id} is revoked\n"
    wait_until(lambda: everywhere(gateway, key, 401), "all workers refuse the key")
    assert key_id not in command(gateway, "list")
    assert command(gateway, "revoke", key_id, status=1).startswith("There is no such entry")
    assert key not in gateway.output()


def test_what_is_written_of_a_consumer_holds_for_its_stored_keys(gateway):
    key = command(gateway, "create", "acme").strip()
    status, _, told = item(gateway, key)
    assert status == 200
    assert b"\r\nx-plan: gold\r\n" in told


def test_a_key_without_the_scope_is_known_and_may_not(gateway):
    assert item(gateway, command(gateway, "create", "other").strip())[0] == 403


def test_keys_outlive_a_reload(gateway):
    key = command(gateway, "create", "late", "--role", "viewer").strip()
    gateway.write(gateway.config.read_text() + "# changed\n" + "cors: {web: {origins: ['https://a.test']}}\n")
    bearer = {"Authorization": "Bearer t0ken"}
    assert gateway.admin("/api/reload", "POST", bearer)[0] == 200
    assert everywhere(gateway, key, 200)
    assert everywhere(gateway, WRITTEN, 200)


def test_the_api_wants_its_token(gateway):
    assert gateway.admin("/api/keys")[0] == 401
    assert gateway.admin("/api/keys", "POST")[0] == 401


def test_a_consumer_who_is_shut_out_by_name(gateway):
    key = command(gateway, "create", "acme").strip()
    other = command(gateway, "create", "zeta", "--role", "viewer").strip()
    body, asks = {"provider": "partners", "sub": "acme", "ttl": "1h"}, {"Authorization": "Bearer t0ken"}
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=15)
    connection.request("POST", "/api/revocations", json.dumps(body), {**asks, "X-Gateway-Admin": "1"})
    assert connection.getresponse().status == 204
    connection.close()
    for each in (key, WRITTEN):  # in the store or in the file
        wait_until(lambda each=each: everywhere(gateway, each, 401), "all workers refuse the key")
    status, headers, _ = item(gateway, key)
    assert (status, headers["www-authenticate"]) == (401, 'ApiKey realm="gateway"')
    assert everywhere(gateway, other, 200)
    (entry,) = gateway.admin("/api/revocations", "GET", asks)[1]
    assert gateway.admin(f"/api/revocations/{entry['id']}", "DELETE", asks)[0] == 204
    wait_until(lambda: everywhere(gateway, key, 200), "all workers take it again")
