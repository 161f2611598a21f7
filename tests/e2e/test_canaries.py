"""No secret leaves the gateway: one of a kind in every place that can hold one, and all that is told is searched.

Not searched are the memory of its processes and the plans in its runtime directory, which hold them by need: that
directory is open to the gateway's user alone (tests/unit/test_shared_runtime.py).
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.cli.group import main
from tests.support.collector import collecting
from tests.support.gateway import ROOT, Gateway, free_port, wait_until
from tests.support.receivers import receiving

TOKEN = "cnry-admintoken-0f3a"
CONFIG = """
version: 1
server:
  bind: "127.0.0.1:{port}"
  admin: "127.0.0.1:{admin}"
  admin_token: cnry-admintoken-0f3a
  workers: 1
  graceful_timeout: 3s
store: "redis://cnry-redisuser-77ab:cnry-redispass-61cd@127.0.0.1:DEAD/0"
audit: {to: audit.log, secret: cnry-auditsecret-19ee}
observability:
  access_log: {to: access.log}
  tracing: {otlp: "COLLECTOR", headers: {X-Auth: cnry-otlpheader-52b1}, sample: 100%}
upstreams:
  app: {targets: ["http://127.0.0.1:DEAD"]}
  well: {targets: ["UPSTREAM"]}
  asleep:
    targets: ["http://127.0.0.1:DEAD"]
    activate: {hold: 100ms, wake: {url: "http://127.0.0.1:DEAD/cnry-wakeurl-4b4b", insecure: true}}
auth:
  bearer: {jwt: {algorithms: [HS256], secret: cnry-jwtsecret-a-long-one-8d20a7c5, issuer: x}}
  keyed: {api_key: {from: header:X-API-Key, stored: true, keys: "${file:keys}"}}
  browser:
    session:
      oidc:
        {issuer: "http://127.0.0.1:DEAD", insecure: true, client_id: web, client_secret: cnry-oidcsecret-3c9f}
  own: {issuer: {key: own.pem, login: {upstream: app, path: /login}}}
routes:
  - {name: open, match: {path: /open}, upstream: app}
  - {name: asleep, match: {path: /asleep}, upstream: asleep}
  - name: well
    match: {path: /well, headers: {X-Beta-Group: "${env:CNRY_MATCH}"}}
    upstream: well
    headers: {request: {set: {Authorization: "Bearer ${env:CNRY_ENV}", X-File: "${file:secret}"}}}
  - {name: bearer, match: {path: /bearer}, upstream: app, auth: bearer}
  - {name: keyed, match: {path: /keyed}, upstream: app, auth: keyed}
  - {name: browser, match: {path: /browser}, upstream: app, auth: browser}
  - name: limited
    match: {path: /limited}
    respond: {status: 200}
    rate_limit: {per: header:X-API-Key, rate: 1/m}
alerts:
  - {name: errors, when: error_rate(10s) > 1%, severity: page}
escalation:
  page:
    - webhook: {url: "http://127.0.0.1:DEAD/cnry-webhookurl-90aa", headers: {X-Key: cnry-webhookheader-b3c4}}
    - slack: "http://127.0.0.1:DEAD/cnry-slackurl-1d2e"
    - alertmanager: "http://127.0.0.1:DEAD/cnry-alertmanagerurl-5e6f"
    - pagerduty: {routing_key: cnry-pagerdutykey-7a8b, url: "http://127.0.0.1:DEAD/cnry-pagerdutyurl-c0d1"}
    - email:
        to: a@example.test
        from: b@example.test
        smtp: "smtp://127.0.0.1:DEAD"
        user: ops
        password: cnry-smtppassword-9c0d
        tls: none
"""
#: all of these are wrong, and none of them may be quoted by whoever says so
WRONG = {
    "cnry-auditsecret-19ee": "cnry-short",
    "cnry-jwtsecret-a-long-one-8d20a7c5": "cnry-weak",
    "cnry-redispass-61cd@127.0.0.1:DEAD": "cnry-redispass-61cd@127.0.0.1:99999",
    "admin_token: cnry-admintoken-0f3a": 'admin_token: "cnry admin token"',
    '"http://127.0.0.1:DEAD/cnry-slackurl-1d2e"': '"cnry-slackurl-1d2e"',
    "routing_key: cnry-pagerdutykey-7a8b": "routing_key: [cnry-pagerdutykey-7a8b]",
    "client_secret: cnry-oidcsecret-3c9f": "client_secret: {cnry-oidcsecret-3c9f: 1}",
    "X-Auth: cnry-otlpheader-52b1": 'X-Auth: "cnry-otlpheader\\n"',
    "password: cnry-smtppassword-9c0d": "password: [cnry-smtppassword-9c0d]",
    'wake: {url: "http://127.0.0.1:DEAD/cnry-wakeurl-4b4b"': 'wake: {url: "cnry-wakeurl-4b4b"',
    '"${file:keys}"': '"acme: cnry-nodigest-4411"',
}
ENV = {"CNRY_ENV": "cnry-env-aa01", "CNRY_MATCH": "cnry-match-aa02"}
#: what clients send
SENT = {
    "Authorization": "Bearer cnry-sentbearer-e1e1",
    "X-API-Key": "cnry-sentkey-e2e2",
    "Cookie": "__Host-gw_session=cnry-sentcookie-e3e3",
    "X-Beta-Group": ENV["CNRY_MATCH"],
}
PATHS = ("/open", "/asleep", "/well", "/bearer", "/keyed", "/browser", "/auth/login", "/limited", "/limited", "/none")
ADMIN = (
    *("/", "/healthz", "/readyz", "/api/routes", "/api/config", "/api/workers", "/api/upstreams", "/api/keys"),
    *("/api/revocations", "/api/limits", "/api/cache", "/metrics", "/api/overview", "/api/history", "/api/trends"),
    *("/api/alerts", "/api/silences"),
)
COMMANDS = (
    ("check",),
    ("check", "--format", "json"),
    ("routes",),
    ("routes", "--format", "json"),
    ("explain", "GET", "/well", "-H", "X-Beta-Group: cnry-match-aa02"),
    ("explain", "GET", "/well"),
    ("explain", "GET", "/well", "--format", "json"),
    ("explain", "GET", "/bearer", "--format", "json"),
    ("export", "prometheus-rules"),
    ("export", "grafana"),
    ("keys", "list"),
    ("alerts", "list"),
)


class Told:
    """All that was told, by where it was."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []

    def add(self, where: str, text: Any) -> None:
        self._texts.append((where, text.decode(errors="replace") if isinstance(text, bytes) else str(text)))

    def has(self, words: str) -> bool:
        """Whether these words were told somewhere."""
        return any(words in text for _, text in self._texts)

    def leaks(self, secrets: list[str]) -> list[str]:
        return sorted(
            {
                f"{secret} in {where}: ...{text[max(0, text.index(secret) - 80) : text.index(secret) + 60]}..."
                for where, text in self._texts
                for secret in secrets
                if secret in text
            }
        )


def fetched(url: str, headers: dict[str, str], method: str = "GET", body: bytes | None = None) -> tuple[int, str]:
    """(status, head and body) of an answer."""
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=15) as answer:
            return answer.status, f"{answer.headers}\n{answer.read().decode(errors='replace')}"
    except urllib.error.HTTPError as error:
        return error.code, f"{error.headers}\n{error.read().decode(errors='replace')}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        return None


def command(config: Path, *words: str) -> str:
    """What a command prints, on both its outputs."""
    return CliRunner().invoke(main, [*words, "-c", str(config)], env=ENV).output


def notified(gateway: Gateway) -> bool:
    """Whether each of the channels was tried; what is watched is a request that fails."""
    fetched(f"{gateway.url}/open", SENT)
    status, text = fetched(f"http://127.0.0.1:{gateway.admin_port}/api/alerts", {"Authorization": f"Bearer {TOKEN}"})
    if status != 200:  # who observes is not there yet
        return False
    counts = json.loads(text.partition("\n\n")[2])["notifications"]["counts"]
    return len({each["channel"] for each in counts}) == 5


def key_file(folder: Path) -> str:
    """A private key; what of it would be told."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "own.pem").write_bytes(pem)
    return pem.decode().splitlines()[1][20:60]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(what was told, the secrets, what the upstream and the collector were told)."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "keys").write_text("acme: " + "c4" * 32 + "\n")
    (folder / "secret").write_text("cnry-file-bb01\n")
    pem = key_file(folder)
    with receiving() as upstream, collecting() as collector:
        dead = str(free_port())
        text = CONFIG.replace("COLLECTOR", collector.url).replace("UPSTREAM", upstream.url)
        gateway = Gateway(folder, text.replace("DEAD", dead), env=ENV)
        found = Told()
        try:
            gateway.start()
            _exercise(gateway, found)
            wait_until(lambda: collector.spans, "traces came")
            wait_until(lambda: notified(gateway), "people were told, or could not be")
            wrong = text
            for right, bad in WRONG.items():
                assert right in wrong, right
                wrong = wrong.replace(right, bad)
            _refused(gateway, found, wrong.replace("DEAD", dead))
        finally:
            gateway.stop()
        found.add("traces", collector.spans)
        for name in ("gateway.log", "access.log", "audit.log", "audit.log.head"):
            found.add(name, (folder / name).read_text())
    secrets = ["cnry-", "cnry admin", pem, "c4" * 32, base64.b64encode(b"cnry-oidcsecret").decode()[:18]]
    return found, secrets, (upstream, collector)


def _exercise(gateway: Gateway, found: Told) -> None:
    """Everything that tells something, with all that is well and all that fails."""
    for path in PATHS:
        for headers in ({}, SENT):
            url = f"{gateway.url}{path}?access_token=cnry-sentquery-e4e4"
            found.add(f"the answer to {path}", fetched(url, headers, *(("POST", b"{}") if path == "/well" else ()))[1])
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path in ADMIN:
        url = f"http://127.0.0.1:{gateway.admin_port}{path}"
        found.add(f"the refusal of {path}", fetched(url, {"Authorization": "Bearer cnry-wrongtoken-e5e5"})[1])
        status, text = fetched(url, bearer)
        assert status in (200, 503), (path, status, text)
        found.add(path, text)
    change = {**bearer, "X-Gateway-Admin": "1", "Content-Type": "application/json"}
    admin = f"http://127.0.0.1:{gateway.admin_port}"
    found.add("POST /api/keys", fetched(f"{admin}/api/keys", change, "POST", b'{"name": "acme"}')[1])
    found.add("POST /api/reload", fetched(f"{admin}/api/reload", change, "POST")[1])
    for words in COMMANDS:
        found.add(" ".join(words), command(gateway.config, *words))


def _refused(gateway: Gateway, found: Told, text: str) -> None:
    """The same configuration with a mistake in every secret."""
    gateway.write(text)
    change = {"Authorization": f"Bearer {TOKEN}", "X-Gateway-Admin": "1"}
    status, body = fetched(f"http://127.0.0.1:{gateway.admin_port}/api/reload", change, "POST")
    assert status == 422
    assert len(json.loads(body.partition("\n\n")[2])["errors"]) >= 9, body
    found.add("the refusal of a configuration", body)
    found.add("/readyz after it", fetched(f"http://127.0.0.1:{gateway.admin_port}/readyz", {})[1])
    for words in (("check",), ("check", "--format", "json"), ("routes",)):
        found.add(" ".join(words), command(gateway.config, *words))


def test_no_secret_is_told(told):
    found, secrets, _ = told
    leaks = found.leaks(secrets)
    assert not leaks, "\n".join(leaks)


def secrets_of(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the published schema has a secret; `*` is any key and any member."""
    if schema.get("writeOnly"):
        yield path
    for name, member in schema.get("properties", {}).items():
        yield from secrets_of(member, (*path, name))
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            yield from secrets_of(schema[key], (*path, "*"))
    for form in schema.get("anyOf", ()):
        yield from secrets_of(form, path)


def is_planted(value: Any, path: tuple[str, ...]) -> bool:
    """Whether a canary is in that place, or in the short form of one above it."""
    if isinstance(value, str) or not path:
        return "cnry-" in json.dumps(value)
    members = list(value.values()) if isinstance(value, dict) else value
    if path[0] != "*":
        members = [value[path[0]]] if path[0] in value else []
    return any(is_planted(member, path[1:]) for member in members)


def unplanted(schema: dict[str, Any]) -> list[str]:
    config = yaml.safe_load(CONFIG)
    return [".".join(path) for path in secrets_of(schema) if not is_planted(config, path)]


def test_every_secret_of_a_configuration_has_a_canary():
    schema = json.loads((ROOT / "conf" / "gateway.schema.json").read_text())
    assert len(list(secrets_of(schema))) >= 19
    assert unplanted(schema) == []


def test_a_secret_without_a_canary_is_found():
    secret = {"writeOnly": True}
    upstream = {"properties": {"targets": {}, "password": secret, "activate": {"properties": {"key": secret}}}}
    schema = {"properties": {"store": secret, "upstreams": {"additionalProperties": upstream}}}
    assert unplanted(schema) == ["upstreams.*.password", "upstreams.*.activate.key"]


def test_they_reach_those_whom_they_are_for(told):
    """Else nothing could have leaked."""
    found, _, (upstream, collector) = told
    assert found.has("waking asleep failed")
    sent = [headers for path, headers in upstream.heads if path.startswith("/well")]
    assert sent[-1]["authorization"] == "Bearer cnry-env-aa01"
    assert sent[-1]["x-file"] == "cnry-file-bb01"
    assert collector.headers[-1]["x-auth"] == "cnry-otlpheader-52b1"


def test_the_search_finds_what_is_there():
    found = Told()
    found.add("a log", "x cnry-planted-0000 y")
    assert found.leaks(["cnry-", "other"]) == ["cnry- in a log: ...x cnry-planted-0000 y..."]
