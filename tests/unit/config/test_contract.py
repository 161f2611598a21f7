"""The configuration language shown whole: all of it is known, what is not built is refused in those words."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.auth.model import Role
from gateway.config import unsupported as not_built
from gateway.config.document import ConfigError, load
from tests.support.key_files import private_pem
from tests.support.shop import descriptor_set

CONTRACT = Path(__file__).parents[2] / "data" / "contract.yaml"


@pytest.fixture
def contract(tmp_path):
    (tmp_path / "certs").mkdir()
    for name in ("tls.crt", "tls.key", "ca.crt", "gw.crt", "gw.key"):
        (tmp_path / "certs" / name).write_text("pem")
    (tmp_path / "certs" / "signing.pem").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    (tmp_path / "partner-keys").write_text(f"acme:{'0' * 64}\n")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "item.json").write_text("{}")
    (tmp_path / "shop.pb").write_bytes(descriptor_set())
    path = tmp_path / "gateway.yaml"
    path.write_text(CONTRACT.read_text().replace("/run/secrets/partner-keys", "partner-keys"))
    return path


def test_the_whole_language_is_known(contract):
    with pytest.raises(ConfigError) as caught:
        load(contract, env={})
    others = [
        str(one)
        for one in caught.value.complaints
        if "is part of the configuration language but not built" not in str(one)
    ]
    assert others == []


def test_each_part_that_is_not_built_is_named_once_at_its_place(contract):
    with pytest.raises(ConfigError) as caught:
        load(contract, env={})
    found = {one.path: one for one in caught.value.complaints}
    assert len(found) == len(caught.value.complaints)
    lines = CONTRACT.read_text().splitlines()
    for one in found.values():
        assert lines[one.line - 1][one.column - 1 :].strip(), one
    for path in ("regions",):
        assert "not built yet in this version" in found[path].message


def section(text, name):
    """A section of the contract as it stands there."""
    start = text.index(f"\n{name}:") + 1
    return text[start : start + re.search(r"\n(?=\w)|\Z", text[start:]).end()]


def test_what_it_says_of_identity_loads(contract, tmp_path):
    """Word for word."""
    text = contract.read_text()
    sections = "".join(section(text, name) for name in ("auth", "roles", "cors", "store"))
    route = next(line for line in text.splitlines() if "auth: {use: [staff" in line)
    contract.write_text(
        f"version: 1\nserver: {{tls: {{cert: certs/tls.crt, key: certs/tls.key, client_ca: certs/ca.crt}}}}\n"
        f"{sections}upstreams: {{inventory: {{targets: [http://127.0.0.1:9201]}}}}\ndefaults: {{cors: web}}\n"
        f"routes:\n  - name: item\n    match: {{path: /v1/items}}\n    upstream: inventory\n{route}\n"
    )
    document = load(contract, env={})
    assert [type(each.method).__name__ for each in document.providers] == ["Jwt", "ApiKey", "Session", "Issuer"]
    assert document.server.tls.client_ca == str(tmp_path / "certs" / "ca.crt")
    assert document.store == "redis://127.0.0.1:6379/0"
    (item,) = document.routes
    assert (item.access.use, item.access.roles, item.cors) == (("staff", "partners"), ("viewer",), "web")
    assert document.roles[0] == Role("admin", ("admin", "editor", "viewer"), ("*", "items:write", "items:read"))


def test_what_is_built_of_it_loads(contract, tmp_path):
    """The file without the lines that are refused is a good one: nothing else in it is beyond this version."""
    kept = """\
version: 1
server:
  bind: 0.0.0.0:8000
  admin: 127.0.0.1:8001
  admin_token: ${env:GATEWAY_ADMIN_TOKEN:-}
  workers: auto
  connections: 4000
  keepalive: 75s
  graceful_timeout: 30s
  trusted_proxies: [10.0.0.0/8]
  limits: {request_line: 8190, headers: 100, header_size: 8190, body: 10MB, header_timeout: 10s, body_timeout: 60s}
  tls: {cert: certs/tls.crt, key: certs/tls.key}
  overload: {max_concurrency: adaptive, queue: 100}
upstreams:
  catalog:
    targets:
      - http://127.0.0.1:9101
      - {url: http://127.0.0.1:9102, weight: 3}
    balance: p2c
    timeout: {connect: 1s, read: 5s, total: 8s}
    retry:
      {attempts: 2, on: [connect, reset, 502, 503, 504], methods: [GET, HEAD, OPTIONS, PUT, DELETE], budget: 20%,
       backoff: 25ms}
    hedge: {after: p95, max: 5%}
    health: {path: /healthz, every: 5s, timeout: 1s, fall: 3, rise: 2, expect: [200]}
    outlier: {consecutive_5xx: 5, eject_for: 30s, max_ejected: 50%}
    circuit_breaker: {failure_rate: 50%, window: 10s, min_requests: 20, open_for: 5s, half_open: 3}
    pool: {max_connections: 256, idle: 60s}
    tls: {ca: certs/ca.crt, client_cert: certs/gw.crt, client_key: certs/gw.key, server_name: catalog.internal}
  reviews:
    targets: [http://127.0.0.1:9202]
defaults:
  headers: {response: {set: {X-Content-Type-Options: nosniff}, remove: [Server]}}
routes:
  - name: item
    match: {path: "/v1/items/{id:int}", methods: [GET], hosts: [api.example.com], headers: {X-B: "1"}, query: {v: "2"}}
    upstream: catalog
    rewrite: "/items/{id}"
    timeout: 2s
  - name: live
    match: {path: "/live/{rest:path}"}
    upstream: reviews
  - name: gone
    match: {path: "/old/{rest:path}"}
    respond: {status: 301, headers: {Location: "/v1/{rest}"}}
observability:
  access_log: {format: json, to: stdout, sample: 100%}
plugins: [mycompany.gateway_plugins]
"""
    (tmp_path / "kept.yaml").write_text(kept)
    document = load(tmp_path / "kept.yaml", env={})
    assert [route.name for route in document.routes] == ["item", "live", "gone"]
    assert document.plugins == ("mycompany.gateway_plugins",)


def test_the_words_for_what_is_not_built():
    words = "`retry` is part of the configuration language but not built yet in this version"
    assert not_built.message("retry") == words
