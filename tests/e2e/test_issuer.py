"""The gateway's own tokens, where a client stands: login, refresh, reuse, revocation, keys that rotate under load."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from base64 import urlsafe_b64decode
from urllib.parse import urlencode

import pytest
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt

from gateway.auth.jwt.key_files import create
from gateway.auth.jwt.signing import make_key
from tests.support.gateway import ROOT, wait_until
from tests.support.operations import running
from tests.support.raw import Upstream

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 2, graceful_timeout: 5s}
upstreams:
  users: {targets: ["USERS"]}
auth:
  tokens:
    issuer:
      key: signing.pem
      audience: api
      access_ttl: 10m
      login: {upstream: users, path: /verify}
      forward: {X-User: sub, X-Tenant: tenant}
roles:
  viewer: {allow: [items:read]}
routes:
  - {name: item, match: {path: /item}, upstream: users, auth: {use: tokens, scopes: [items:read]}}
  - {name: secret, match: {path: /secret}, upstream: users, auth: {use: tokens, scopes: [secrets:read]}}
"""
CLAIMS = {"sub": "alice", "roles": ["viewer"], "tenant": "acme"}
ALICE = {"username": "alice", "password": "wonder"}
FORM = "application/x-www-form-urlencoded"


def play(connection):
    """Knows alice's password; answers anything else with the head that came."""
    while True:
        head, body = connection.request()
        status, told = 200, head
        if head.startswith(b"POST /verify "):
            good = json.loads(body) == ALICE
            status, told = (200, json.dumps(CLAIMS).encode()) if good else (401, b"{}")
        connection.send(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(told), told))


@pytest.fixture(scope="module")
def users():
    upstream = Upstream(play)
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, users):
    folder = tmp_path_factory.mktemp("issuer")
    create(folder / "signing.pem", make_key("ES256"))
    with running(folder, CONFIG.replace("USERS", users.url)) as gateway:
        yield gateway


def call(gateway, method, path, body=None, **headers):
    """(status, headers, body) over a connection of its own, so that any worker may answer."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def post(gateway, path, **form):
    """(status, parsed answer) of a form."""
    status, _, body = call(gateway, "POST", path, urlencode(form), **{"Content-Type": FORM})
    return status, json.loads(body) if body else None


def login(gateway):
    status, tokens = post(gateway, "/auth/token", grant_type="password", **ALICE)
    assert status == 200, tokens
    return tokens


def item(gateway, token, path="/item"):
    return call(gateway, "GET", path, **{"Authorization": f"Bearer {token}", "X-User": "mallory"})


def is_refused(gateway, token):
    """Whether every worker refuses: so many fresh connections do not all meet the same one."""
    return all(item(gateway, token)[0] == 401 for _ in range(12))


def by_each(gateway, holds):
    """Whether it holds for each worker, asked while the others stand still."""
    workers = gateway.workers()
    for one in workers:
        others = [pid for pid in workers if pid != one]
        try:
            for pid in others:
                os.kill(pid, signal.SIGSTOP)
            if not holds():
                return False
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
    return True


def publish(gateway, count):
    """Wait until all workers publish so many keys."""
    wait_until(lambda: by_each(gateway, lambda: len(keys(gateway)["keys"]) == count), f"all publish {count} keys")


def keys(gateway):
    status, headers, body = call(gateway, "GET", "/.well-known/jwks.json")
    assert (status, headers["cache-control"]) == (200, "public, max-age=300")
    return json.loads(body)


def kid(token):
    head = token.partition(".")[0]
    return json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def command(gateway, *words):
    line = [sys.executable, "-m", "gateway.cli", *words, "-c", str(gateway.config)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_login_opens_a_route(gateway):
    tokens = login(gateway)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    status, _, head = item(gateway, tokens["access_token"])
    assert status == 200
    told = head.lower()
    assert b"\r\nx-user: alice\r\n" in told
    assert b"\r\nx-tenant: acme\r\n" in told
    assert b"mallory" not in told
    assert item(gateway, tokens["access_token"], "/secret")[0] == 403


def test_json_does_as_well(gateway):
    body = json.dumps(ALICE)
    status, headers, body = call(gateway, "POST", "/auth/token", body, **{"Content-Type": "application/json"})
    assert (status, headers["cache-control"], headers["content-type"]) == (200, "no-store", "application/json")
    assert json.loads(body)["access_token"]


def test_without_one_there_is_a_challenge(gateway):
    status, headers, _ = call(gateway, "GET", "/item")
    assert (status, headers["www-authenticate"].partition(" ")[0]) == (401, "Bearer")
    status, headers, body = item(gateway, login(gateway)["access_token"][:-4] + "AAAA")
    assert status == 401
    assert 'error="invalid_token"' in headers["www-authenticate"]
    assert json.loads(body)["type"] == "urn:gateway:error:invalid-token"


def test_a_wrong_password(gateway):
    assert post(gateway, "/auth/token", username="alice", password="wander") == (
        400,
        {"error": "invalid_grant", "error_description": "The user name or the password is wrong."},
    )


def test_methods_and_paths_are_those_of_the_endpoints(gateway):
    assert call(gateway, "GET", "/auth/token")[0] == 405
    assert call(gateway, "POST", "/auth/other")[0] == 404
    assert call(gateway, "HEAD", "/.well-known/jwks.json")[2] == b""


def test_another_library_verifies_it_with_the_published_keys(gateway):
    found = jose_jwt.decode(login(gateway)["access_token"], jose_jwk.KeySet.import_key_set(keys(gateway)))
    assert {name: found.claims[name] for name in CLAIMS} == CLAIMS
    assert (found.claims["iss"], found.claims["aud"]) == ("gateway", "api")


def test_a_replayed_refresh_token_ends_all_that_came_of_the_login(gateway):
    first, other = login(gateway), login(gateway)
    status, second = post(gateway, "/auth/refresh", refresh_token=first["refresh_token"])
    assert status == 200
    assert item(gateway, second["access_token"])[0] == 200
    assert post(gateway, "/auth/refresh", refresh_token=first["refresh_token"])[1]["error"] == "invalid_grant"
    assert post(gateway, "/auth/refresh", refresh_token=second["refresh_token"])[1]["error"] == "invalid_grant"
    for tokens in (first, second):
        wait_until(lambda tokens=tokens: is_refused(gateway, tokens["access_token"]), "all workers refuse the token")
    assert item(gateway, other["access_token"])[0] == 200
    assert post(gateway, "/auth/refresh", refresh_token=other["refresh_token"])[0] == 200
    wait_until(lambda: "a refresh token was used twice" in gateway.output(), "it is told")
    assert first["refresh_token"] not in gateway.output()


def test_many_uses_of_one_token_at_once_have_at_most_one_winner(gateway):
    tokens = login(gateway)
    answers, start = [], threading.Barrier(8)

    def use():
        start.wait()
        answers.append(post(gateway, "/auth/refresh", refresh_token=tokens["refresh_token"]))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [told for status, told in answers if status == 200]
    assert len(answers) == 8
    assert len(won) == 1
    assert {told["error"] for status, told in answers if status != 200} == {"invalid_grant"}
    assert post(gateway, "/auth/refresh", refresh_token=won[0]["refresh_token"])[0] == 400
    for each in (tokens, won[0]):
        wait_until(lambda each=each: is_refused(gateway, each["access_token"]), "all workers refuse the token")


def test_a_revoked_access_token_is_refused_by_all_workers(gateway):
    tokens = login(gateway)
    assert item(gateway, tokens["access_token"])[0] == 200
    assert post(gateway, "/auth/revoke", token=tokens["access_token"]) == (200, None)
    wait_until(lambda: is_refused(gateway, tokens["access_token"]), "all workers refuse the token")
    status, second = post(gateway, "/auth/refresh", refresh_token=tokens["refresh_token"])
    assert (status, item(gateway, second["access_token"])[0]) == (200, 200)


def test_revoked_by_hand(gateway):
    token = command(gateway, "token", "--sub", "bob", "--role", "viewer").strip()
    assert item(gateway, token)[0] == 200
    body = json.dumps({"provider": "tokens", "sub": "bob", "ttl": "1h"})
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=15)
    connection.request("POST", "/api/revocations", body, {"X-Gateway-Admin": "1"})
    assert connection.getresponse().status == 204
    connection.close()
    wait_until(lambda: is_refused(gateway, token), "all workers refuse the token")
    (entry,) = [each for each in gateway.admin("/api/revocations")[1] if each["sub"] == "bob"]
    assert gateway.admin(f"/api/revocations/{entry['id']}", "DELETE")[0] == 204
    wait_until(lambda: all(item(gateway, token)[0] == 200 for _ in range(12)), "all workers take it again")


def test_keys_rotate_while_requests_come_and_nobody_is_refused(gateway):
    old = login(gateway)["access_token"]
    statuses, done = [], threading.Event()

    def ask():
        while not done.is_set():
            statuses.append(item(gateway, old)[0])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        assert "signs in 5 minutes" in command(gateway, "keys", "rotate")
        publish(gateway, 2)
        # The fresh key is known to all, and signs when its time has come.
        assert kid(login(gateway)["access_token"]) == kid(old)
        assert "signs at once" in command(gateway, "keys", "rotate", "--now")
        publish(gateway, 3)
        new = login(gateway)["access_token"]
    finally:
        done.set()
        thread.join()
    assert kid(new) not in (kid(old), None)
    assert set(statuses) == {200}
    assert all(item(gateway, each)[0] == 200 for each in (old, new) for _ in range(6))
    command(gateway, "keys", "prune", "--older-than", "30d")
    assert len(keys(gateway)["keys"]) == 3


def test_a_token_of_the_command_line_opens_the_route(gateway):
    token = command(gateway, "token", "--sub", "alice", "--scope", "items:read").strip()
    assert item(gateway, token)[0] == 200
    assert item(gateway, command(gateway, "token", "--sub", "alice").strip())[0] == 403
