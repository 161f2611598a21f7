"""The audit log of a real gateway, and what of it is found when somebody tampered with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.support.gateway import Gateway, wait_until

TOKEN = "correct-horse-battery"
CONFIG = """
version: 1
server:
  {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", admin_token: TOKEN, workers: 2, graceful_timeout: 3s}
audit: {to: audit.log, secret: "${env:AUDIT_SECRET}"}
observability: {access_log: {format: "off"}}
auth: {partners: {api_key: {from: header:X-API-Key, stored: true}}}
upstreams: {app: {targets: ["http://127.0.0.1:9"]}}
routes:
  - {name: item, match: {path: /item}, respond: {status: STATUS}, auth: partners}
  - {name: app, match: {path: /app}, upstream: app}
""".replace("TOKEN", TOKEN)
ENV = {"AUDIT_SECRET": "a secret of some length"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    made = Gateway(tmp_path_factory.mktemp("audit"), CONFIG.replace("STATUS", "200"), env=ENV)
    made.start()
    yield made
    made.stop()


def lines(gateway: Gateway) -> list[dict[str, Any]]:
    path = gateway.folder / "audit.log"
    found = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in found if line.endswith("\n")]  # the last may be half of one


def told(gateway: Gateway, event: str, **members: Any) -> dict[str, Any]:
    """The last line of an event, once it is there."""

    def line() -> Any:
        found = [each for each in lines(gateway) if each["event"] == event and members.items() <= each.items()]
        return found[-1] if found else None

    return wait_until(line, f"{event} is in the audit log")


def change(gateway: Gateway, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    """(status, JSON) of a change asked for at the admin API."""
    data = None if body is None else json.dumps(body).encode()
    fields = {"Authorization": f"Bearer {token}", "X-Gateway-Admin": "1"}
    url = f"http://127.0.0.1:{gateway.admin_port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, fields, method=method), timeout=15) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def verify(gateway: Gateway, *names: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "gateway.cli", "audit", "verify", "--secret-env", "AUDIT_SECRET", *names]
    ended = subprocess.run(command, cwd=gateway.folder, env=gateway._env, capture_output=True, text=True)
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout


def test_the_start_is_told(gateway):
    line = told(gateway, "gateway.start")
    assert line["seq"] == 1
    wait_until(lambda: f"seq 1, head {line['mac']}" in gateway.output(), "where the chain ends is told")


def test_changes_by_hand_are_told(gateway):
    _, made = change(gateway, "POST", "/api/keys", {"name": "acme"})
    line = told(gateway, "key.create")
    assert (line["outcome"], line["who"], line["client"], line["status"]) == ("done", "token", "127.0.0.1", 201)
    assert (line["what"]["id"], line["what"]["name"], line["what"]["provider"]) == (made["id"], "acme", "partners")
    assert change(gateway, "DELETE", f"/api/keys/{made['id']}")[0] == 204
    assert told(gateway, "key.revoke")["what"]["path"] == f"/api/keys/{made['id']}"
    revocation = {"provider": "partners", "sub": "acme", "ttl": "1h"}
    assert change(gateway, "POST", "/api/revocations", revocation)[0] == 204
    assert told(gateway, "token.revoke")["what"]["sub"] == "acme"
    assert change(gateway, "DELETE", "/api/cache?tag=item-7")[0] == 204
    assert told(gateway, "cache.purge")["what"]["query"] == "tag=item-7"
    assert change(gateway, "DELETE", "/api/limits/0123456789abcdef")[0] == 404
    line = told(gateway, "limit.reset")
    assert (line["outcome"], line["why"]) == ("failed", "unknown-entry")
    assert change(gateway, "PATCH", "/api/upstreams/app/targets/127.0.0.1:9", {"state": "drain"})[0] == 200
    what = told(gateway, "target.override")["what"]
    assert (what["from"]["state"], what["to"]["state"]) == ("serve", "drain")
    change(gateway, "POST", "/api/silences", {"matchers": {"name": "errors"}, "for": "2h", "by": "alice"})
    assert '"by": "alice"' in told(gateway, "silence.create")["what"]["body"]
    change(gateway, "POST", "/api/alerts/errors/ack", {"by": "bob"})
    assert told(gateway, "alert.acknowledge")["what"]["path"] == "/api/alerts/errors/ack"
    assert made["key"] not in (gateway.folder / "audit.log").read_text()


def test_denied_access_is_told(gateway):
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{gateway.url}/item?token=canary", timeout=15)
    line = told(gateway, "access.denied")
    assert (line["why"], line["client"], line["what"]["path"]) == ("unauthenticated", "127.0.0.1", "/item")
    assert change(gateway, "POST", "/api/reload", token="wrong")[0] == 401
    line = told(gateway, "admin.denied", why="admin-token")
    assert line["what"] == {"method": "POST", "path": "/api/reload"}
    text = (gateway.folder / "audit.log").read_text()
    assert not any(word in text for word in ("canary", "wrong", TOKEN, ENV["AUDIT_SECRET"]))


def metrics(gateway: Gateway) -> dict[str, float]:
    """What /metrics counts of the audit log."""
    fields = {"Authorization": f"Bearer {TOKEN}"}
    asking = urllib.request.Request(f"http://127.0.0.1:{gateway.admin_port}/metrics", headers=fields)
    with urllib.request.urlopen(asking, timeout=15) as answer:
        rows = (line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
        return {name: float(value) for name, value in rows if name.startswith("gateway_audit_")}


def test_what_fails_is_counted(gateway):
    """Nobody may write its head for a while: a line waits, each try is counted, and nothing is lost."""
    told(gateway, "gateway.start")
    head = gateway.folder / "audit.log.head"
    kept = head.rename(gateway.folder / "kept")
    head.symlink_to(kept)  # which is not followed
    change(gateway, "DELETE", "/api/limits/00000000000000ff")
    failures = "gateway_audit_write_failures_total"
    wait_until(lambda: metrics(gateway).get(failures, 0.0) > 1.0, "failures are counted")
    kept.rename(head)
    wait_until(
        lambda: "/api/limits/00000000000000ff" in (gateway.folder / "audit.log").read_text(), "the line is there"
    )
    found = wait_until(
        lambda: (found := metrics(gateway))["gateway_audit_lines_total"] == len(lines(gateway)) and found, "all count"
    )
    lost = {f'gateway_audit_lines_lost_total{{reason="{why}"}}': 0.0 for why in ("full", "destination", "busy")}
    assert {name: found[name] for name in lost} == lost


def test_changes_of_the_configuration_are_told(gateway):
    gateway.write(CONFIG.replace("STATUS", "1000"))
    assert change(gateway, "POST", "/api/reload")[0] == 422
    refused = told(gateway, "config.change", outcome="refused")
    assert refused["what"]["mistakes"][0].endswith(": routes[0].respond.status")
    gateway.write(CONFIG.replace("STATUS", "201"))
    assert change(gateway, "POST", "/api/reload")[0] == 200
    done = told(gateway, "config.change", outcome="done")["what"]
    assert done["from"] == refused["what"]["from"] != done["to"]
    assert told(gateway, "config.reload", outcome="done")["who"] == "token"
    gateway.write(CONFIG.replace("STATUS", "201").replace("audit.log", "none/audit.log"))
    status, body = change(gateway, "POST", "/api/reload")
    assert (status, body["errors"][0]["path"]) == (422, "audit.to")


def test_the_chain_goes_on_after_rotation_and_restart(gateway):
    gateway.write(CONFIG.replace("STATUS", "201"))
    before = lines(gateway)[-1]["seq"]
    log = gateway.folder / "audit.log"
    log.rename(gateway.folder / "audit.log.1")
    gateway.stop(signal.SIGTERM)
    gateway.start()
    told(gateway, "gateway.start")
    assert lines(gateway)[0]["seq"] > 1
    assert lines(gateway)[-1]["seq"] > before
    status, words = verify(gateway, "audit.log", "audit.log.1")
    assert status == 0, words
    assert "seq 1 to " in words
    assert verify(gateway, "audit.log")[0] == 1
    assert verify(gateway, "--partial", "audit.log")[0] == 0


def test_tampering_is_found(gateway):
    whole = (gateway.folder / "audit.log.1").read_text().splitlines(keepends=True)
    tampered = gateway.folder / "tampered"
    tampered.write_text("".join([*whole[:2], whole[2].replace('"done"', '"null"'), whole[3], *whole[5:]]))
    status, words = verify(gateway, "tampered")
    assert status == 1
    assert words.splitlines()[:2] == [
        "tampered:3: seq 3 was altered",
        "tampered:5: removed: one line (seq 5) before seq 6 is missing",
    ]
