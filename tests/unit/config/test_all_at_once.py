"""Mistakes of every stage of reading are told at once, each at its place, and nothing that only follows from them."""

import os
from pathlib import Path

import pytest

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.external_checks import Judge, whole
from tests.support.certs import authority, issue

PLUGIN = """
from gateway.contracts import Steps

class Policy:
    def __init__(self, name, after):
        self.name, self.after, self.before = name, after, None
    def compile(self, spec, tools):
        if not spec.get("known"):
            raise ValueError("`known` names no tenant")
        return Steps()

POLICIES = (Policy("tenant", "guard"), Policy("lost", "gaurd"))
"""
TWIN = "from once_probe import Policy\n\nPOLICIES = (Policy('tenant', 'guard'),)\n"

TEXT = """\
version: 1
plugins: [once_probe, once_twin]
server:
  keepalive: 75
  limits: {body: 1MB}
  tls: {cert: a.crt, key: b.key, client_ca: garbage, sni: [{hosts: [x.test], cert: garbage, key: b.key}]}
upstreams:
  app: {targets: [https://127.0.0.1:9000], tls: {ca: garbage, client_cert: b.crt, client_key: garbage}}
  bad: {targets: [htp://x]}
  none: 5
auth:
  people: {jtw: {}}
  pages: {session: {login: {upstream: app, path: /v}, paths: {login: /in}}}
defaults: {policies: [{name: tenant, with: {}}]}
routes:
  - {name: a, match: {path: /a}, upstream: bad, auth: people}
  - {name: b, match: {path: /b}, upstream: none, rate_limit: {per: ip, rate: fast}}
  - {name: c, match: {path: '/c/{id}'}, upstream: app, policies: [lost, {name: tenant, with: {known: [1]}}]}
  - {name: d, match: {path: '/c/{it}'}, upstream: app, validate: {body: {}, max_body: 1GB}, timeout: 5}
  - {name: e, match: {path: /in, methods: [POST]}, upstream: app, policies: [tenent]}
  - {name: f, match: {path: '/c/{at'}, upstream: app, rewrite: '/{at}'}
alerts:
  - {name: slow, when: 'error_rate(5m, route=g) > 5%', severity: page}
observability: {access_log: {to: pipe}}
audit: {to: pipe2}
"""
TOLD = [
    '2:23: plugins[1]: two plugins have a policy named tenant',
    '4:14: server.keepalive: expected a duration such as 250ms, 5s, 10m or 1h, found the number 75 (a number needs',
    '6:27: server.tls.key: the file "b.key" holds the key of another certificate',
    '6:45: server.tls.client_ca: the file "garbage" holds no certificate in PEM that can be read',
    '6:84: server.tls.sni[0].cert: the file "garbage" holds no certificate in PEM that can be read',
    '8:54: upstreams.app.tls.ca: the file "garbage" holds no certificate in PEM that can be read',
    '8:95: upstreams.app.tls.client_key: the file "garbage" holds no private key in PEM that can be read',
    '9:19: upstreams.bad.targets[0]: "htp://x" does not begin with http://',
    '10:9: upstreams.none: expected a mapping, found the number 5',
    '12:12: auth.people.jtw: unknown key (did you mean `jwt`?)',
    '14:38: defaults.policies[0].with: the policy tenant on the route a cannot be compiled: ValueError: `known`',
    '17:78: routes[1].rate_limit.rate: expected a rate',
    '18:56: routes[2].policies: the policy lost stands beside gaurd, which there is not (did you mean `guard`?)',
    '18:67: routes[2].policies[0]: the policy lost on the route c cannot be compiled: ValueError: `known`',
    '19:15: routes[3].match: ties with the route c (gateway.yaml:18): both match any method /c/{id} on any host with',
    '19:87: routes[3].validate.max_body: no body has more than the 1048576 bytes of `server.limits.body`',
    '19:102: routes[3].timeout: expected a duration longer than zero',
    '20:15: routes[4].match: ties with the route auth:pages-login (gateway.yaml:13): both match POST /in on any host',
    '20:78: routes[4].policies[0]: no plugin has a policy named tenent (did you mean `tenant`?)',
    '21:29: routes[5].match.path: a parameter is a whole segment: {name} or {name:int}',
    "23:25: alerts[0].when: there is no route 'g'",
]  # fmt: skip
ALERT = "when: error_rate(5m) > 5%, severity: page"
LOGS = [
    '24:34: observability.access_log.to: the file "pipe" cannot be written: no such device or address',
    '25:13: audit.to: the file "pipe2" cannot be written: no such device or address',
]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ca = authority(tmp_path)
    for name in "ab":
        issue(tmp_path, ca, name)
    (tmp_path / "garbage").write_text("garbage")
    (tmp_path / "once_probe.py").write_text(PLUGIN)
    (tmp_path / "once_twin.py").write_text(TWIN)
    for name in ("pipe", "pipe2"):
        os.mkfifo(tmp_path / name)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "gateway.yaml"
    file.write_text(TEXT)
    return file


def check(found: ConfigError, expected: list[str]) -> None:
    lines = [str(each).removeprefix("gateway.yaml:") for each in found.complaints]
    assert [line[: len(each)] for line, each in zip(lines, expected, strict=False)] == expected
    assert lines[len(expected) :] == []


def test_every_stage_tells_all_of_it(config: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load("gateway.yaml", judge=Judge())
    check(caught.value, TOLD)


def test_a_gateway_that_does_not_start_tells_of_its_logs_too(config: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load("gateway.yaml")
    check(whole("gateway.yaml", caught.value), TOLD + LOGS)
    assert sorted(path.name for path in config.parent.glob("pipe*")) == ["pipe", "pipe2"], "nothing is made beside it"


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        ("upstreams: {app: {targets: [http://h]}}", "upstrems: {app: {targets: [http://h]}}"),
        ("auth: {one: {api_key: {stored: true}}}", "auth: {one: 5}"),
        ("auth: {one: {api_key: {stored: true}}}", "auht: {one: {api_key: {stored: true}}}"),
        ("roles: {admin: {allow: ['*']}}", "roles: {admin: 1}"),
        ("cors: {web: {origins: ['*']}}", "cors: [web]"),
        ("store: redis://127.0.0.1", "store: '${env:NOT_SET_HERE}'"),
        ("escalation: {page: [{webhook: https://h/x}]}", "escalation: {page: []}"),
        (f"alerts: [{{name: x, {ALERT}}}]", f"alerts: [{{name: 5, {ALERT}}}]"),
    ],
)  # fmt: skip
def test_names_of_a_section_that_is_wrong_are_not_told_to_be_missing(
    tmp_path: Path, section: str, mistake: str
) -> None:
    """The file is right but for one section."""
    lines = [
        "version: 1",
        "upstreams: {app: {targets: [http://h]}}",
        "auth: {one: {api_key: {stored: true}}}",
        "roles: {admin: {allow: ['*']}}",
        "cors: {web: {origins: ['*']}}",
        "store: redis://127.0.0.1",
        "escalation: {page: [{webhook: https://h/x}]}",
        f"alerts: [{{name: x, {ALERT}}}]",
        "inhibit: [{if: {name: x}, mute: {name: x, severity: page}}]",
        "routes:",
        "  - {name: r, match: {path: /r}, upstream: app, auth: {use: one, roles: [admin]}, cors: web}",
        "  - {name: s, match: {path: /s}, enqueue: {stream: orders}}",
    ]
    file = tmp_path / "gateway.yaml"
    file.write_text("\n".join(lines) + "\n")
    load(file, env={})
    file.write_text("\n".join(mistake if line == section else line for line in lines) + "\n")
    with pytest.raises(ConfigError) as caught:
        load(file, env={})
    assert len(caught.value.complaints) == 1, str(caught.value)
