"""/api/revocations: tokens that end before their time, and sessions that end everywhere."""

import json
import os

import pytest

from gateway.auth.model import Session
from gateway.auth.session.store import Sessions
from tests.unit.admin.admin_site import AdminSite

CONFIG = """\
version: 1
server: {{admin: {admin}}}
upstreams:
  users: {{targets: [http://127.0.0.1:9]}}
auth:
  staff: {{jwt: {{algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef, audience: api}}}}
  browser: {{session: {{login: {{upstream: users, path: /verify}}}}}}
  partners: {{api_key: {{stored: true}}}}
routes: []
"""


class RevocationSite(AdminSite):
    def write(self, headers):
        self.config.write_text(CONFIG.format(admin=self.admin))

    def post(self, **body):
        return self.ask("POST", "/api/revocations", body=json.dumps(body).encode(), x_gateway_admin="1")

    def remove(self, entry_id):
        return self.ask("DELETE", f"/api/revocations/{entry_id}", x_gateway_admin="1")

    @property
    def listed(self):
        return self.ask("GET", "/api/revocations").json

    def refuses(self, **claims):
        return self.identity.revoked.is_revoked("staff", claims)


@pytest.fixture
def site(tmp_path):
    made = RevocationSite(tmp_path)
    yield made
    os.close(made.page.fd)


def test_a_token_is_revoked_by_name(site, caplog):
    assert site.listed == []
    answer = site.post(provider="staff", jti="t1", ttl="1h")
    assert (answer.status, answer.body) == (204, b"")
    assert "tokens of provider staff were revoked by hand: jti t1\n" in caplog.text
    assert site.refuses(jti="t1", sub="alice")
    assert not site.refuses(jti="t2", sub="alice")
    (told,) = site.listed
    assert told == {
        "id": told["id"],
        "provider": "staff",
        "jti": "t1",
        "sub": None,
        "before": None,
        "until": "2026-09-21T15:13:20+00:00",
    }


def test_by_subject_and_by_time(site):
    now = site.clock.now
    assert site.post(provider="staff", sub="alice", ttl="1h").status == 204
    assert site.post(provider="staff", sub="bob", before=now, ttl="2h").status == 204
    assert site.refuses(sub="alice", iat=now + 1)
    assert site.refuses(sub="bob", iat=now - 1)
    assert not site.refuses(sub="bob", iat=now)
    assert site.post(provider="staff", before=now - 100, ttl="3h").status == 204
    assert site.refuses(sub="carol", iat=now - 101)
    assert not site.refuses(sub="carol", iat=now)
    assert [(each["sub"], each["before"]) for each in site.listed] == [
        ("alice", None),
        ("bob", "2026-09-21T14:13:20+00:00"),
        (None, "2026-09-21T14:11:40+00:00"),
    ]


def test_a_revocation_is_withdrawn(site):
    site.post(provider="staff", sub="alice", ttl="1h")
    (told,) = site.listed
    assert site.remove(told["id"]).status == 204
    assert site.listed == []
    assert not site.refuses(sub="alice")
    answer = site.remove(told["id"])
    assert (answer.status, answer.json["type"]) == (404, "urn:gateway:error:unknown-entry")


@pytest.mark.parametrize("entry_id", ["x", "*", "0" * 24, "%00"])
def test_what_is_no_id(site, entry_id):
    assert site.remove(entry_id).status == 404


def test_all_sessions_of_a_subject_end(site):
    (spec,) = [each.method for each in site.store.document.providers if isinstance(each.method, Session)]
    sessions = Sessions("browser", spec, site.values, site.clock)
    alice, bob = sessions.begin("alice", {"sub": "alice"})[0], sessions.begin("bob", {"sub": "bob"})[0]
    assert sessions.find(alice)
    assert site.post(provider="browser", sub="alice", sessions=True).status == 204
    assert sessions.find(alice) is None
    assert sessions.find(bob)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"sub": "a", "ttl": "1h"}, "`provider` is one of staff, browser, partners."),
        ({"provider": "browser", "jti": "a", "ttl": "1h"}, "Only tokens have a `jti`"),
        ({"provider": "partners", "jti": "a", "ttl": "1h"}, "Only tokens have a `jti`"),
        ({"provider": "partners", "sub": "a", "before": 1, "ttl": "1h"}, "do not say when they were issued"),
        ({"provider": "nobody", "sub": "a", "ttl": "1h"}, "`provider` is one of"),
        ({"provider": "staff", "ttl": "1h"}, "`jti`, or else `sub`"),
        ({"provider": "staff", "jti": "a", "sub": "b", "ttl": "1h"}, "`jti`, or else `sub`"),
        ({"provider": "staff", "jti": "a", "before": 1, "ttl": "1h"}, "`jti`, or else `sub`"),
        ({"provider": "staff", "sub": ["a"], "ttl": "1h"}, "`sub` is a text"),
        ({"provider": "staff", "sub": "a"}, "`ttl` is needed"),
        ({"provider": "staff", "sub": "a", "ttl": 60}, "`ttl` is a duration"),
        ({"provider": "staff", "sub": "a", "before": "now", "ttl": "1h"}, "`before` is a time"),
        ({"provider": "staff", "before": True, "ttl": "1h"}, "`before` is a time"),
        ({"provider": "staff", "before": -1, "ttl": "1h"}, "`before` is a time"),
        ({"provider": "staff", "sub": "a", "ttl": "1h", "why": "x"}, "There is no member 'why'"),
        ({"provider": "staff", "sub": "a", "sessions": True}, "has no sessions"),
        ({"provider": "browser", "sessions": True}, "goes with `provider` and `sub`"),
        ({"provider": "browser", "sub": "a", "sessions": False}, "goes with `provider` and `sub`"),
        ({"provider": "browser", "sub": "a", "sessions": True, "ttl": "1h"}, "and with nothing else"),
        ({}, "Send JSON like"),
    ],
)
def test_what_is_refused(site, body, words):
    answer = site.post(**body)
    assert (answer.status, answer.json["type"]) == (422, "urn:gateway:error:bad-change")
    assert words in answer.json["detail"]
    assert site.listed == []


def test_changes_need_the_header(site):
    body = b'{"provider": "staff", "sub": "a", "ttl": "1h"}'
    assert site.ask("POST", "/api/revocations", body=body).status == 403
    assert site.ask("DELETE", "/api/revocations/" + "0" * 24).status == 403


def test_a_store_out_of_reach(site):
    site.values.is_down = True
    answers = [
        site.ask("GET", "/api/revocations"),
        site.post(provider="staff", sub="a", ttl="1h"),
        site.post(provider="browser", sub="a", sessions=True),
        site.remove("0" * 24),
    ]
    assert [(each.status, each.json["type"]) for each in answers] == [(503, "urn:gateway:error:store-unavailable")] * 4
