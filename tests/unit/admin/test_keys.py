"""/api/keys: made once shown, listed without what they are, revoked."""

import json
import os

import pytest

from gateway.auth.api_key.stored_keys import digest_of
from tests.unit.admin.admin_site import AdminSite

CONFIG = """\
version: 1
server: {{admin: {admin}}}
auth:
  partners: {{api_key: {{stored: true}}}}
  other: {{api_key: {{stored: true, from: "query:key"}}}}
  fixed: {{api_key: {{keys: "acme:{digest}"}}}}
roles:
  viewer: {{allow: [items:read]}}
routes: []
"""
WHOLE = {
    "provider": "partners",
    "name": "acme",
    "roles": ["viewer"],
    "scopes": ["x:y"],
    "metadata": {"plan": "gold", "n": 3, "big": True},
    "ttl": "90d",
}


class KeySite(AdminSite):
    config_text = CONFIG

    def write(self, headers):
        self.config.write_text(self.config_text.format(admin=self.admin, digest="a" * 64))

    def post(self, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", "/api/keys", body=data, **({"x_gateway_admin": "1"} | headers))

    def made(self, **more):
        answer = self.post({"provider": "partners", "name": "acme"} | more)
        assert answer.status == 201, answer.body
        return answer.json

    def remove(self, key_id):
        return self.ask("DELETE", f"/api/keys/{key_id}", x_gateway_admin="1")

    @property
    def listed(self):
        return self.ask("GET", "/api/keys").json


@pytest.fixture
def site(tmp_path):
    made = KeySite(tmp_path)
    yield made
    os.close(made.page.fd)


def test_a_key_is_shown_once(site):
    assert site.listed == []
    answer = site.post(WHOLE)
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json
    key = made.pop("key")
    assert made == {
        "id": digest_of(key)[:16],
        "provider": "partners",
        "name": "acme",
        "roles": ["viewer"],
        "scopes": ["x:y"],
        "metadata": {"plan": "gold", "n": 3, "big": True},
        "created": "2026-09-21T14:13:20+00:00",
        "expires": "2026-12-20T14:13:20+00:00",
    }
    assert site.listed == [made]
    told = site.ask("GET", "/api/keys").body.decode()
    assert key not in told
    assert digest_of(key) not in told
    found = site.identity.stored_keys.find("partners", digest_of(key))
    assert (found.name, found.roles, found.scopes, found.metadata["n"]) == ("acme", ("viewer",), ("x:y",), 3)


def test_little_need_be_said(site):
    made = site.made()
    assert (made["roles"], made["scopes"], made["metadata"], made["expires"]) == ([], [], {}, None)


def test_the_newest_comes_first_whoevers_it_is(site):
    ids = []
    for provider in ("other", "partners", "other"):
        ids.append(site.made(provider=provider)["id"])
        site.clock.now += 1
    assert [key["id"] for key in site.listed] == ids[::-1]


def test_a_key_is_revoked(site):
    made, other = site.made(provider="other"), site.made()
    answer = site.remove(made["id"])
    assert (answer.status, answer.body) == (204, b"")
    assert site.identity.stored_keys.find("other", digest_of(made["key"])) is None
    assert [key["id"] for key in site.listed] == [other["id"]]
    answer = site.remove(made["id"])
    assert (answer.status, answer.json["type"]) == (404, "urn:gateway:error:unknown-entry")


@pytest.mark.parametrize("key_id", ["x", "0" * 16, "*", "0" * 64, "%00"])
def test_only_an_id_revokes(site, key_id):
    site.made()
    assert site.remove(key_id).status == 404
    assert len(site.listed) == 1


def test_a_key_that_has_ended_is_not_listed(site):
    site.made(ttl="1h")
    site.clock.now += 3600
    assert site.listed == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"provider": "fixed"}, "`provider` is one of partners, other."),
        ({"provider": None}, "`provider` is one of"),
        ({"provider": 7}, "`provider` is a text"),
        ({"name": None}, "`name` says who"),
        ({"name": ""}, "`name` is a text"),
        ({"name": "a b"}, "in letters"),
        ({"name": "a\n"}, "printable"),
        ({"name": "-a"}, "in letters"),
        ({"roles": ["viewr"]}, "There is no role 'viewr'; the configuration has viewer."),
        ({"roles": "viewer"}, "`roles` is a list"),
        ({"roles": [7]}, "`roles` is a list"),
        ({"scopes": ["a b"]}, "without blanks"),
        ({"scopes": ["*"] * 65}, "at most 64"),
        ({"metadata": []}, "`metadata` is an object"),
        ({"metadata": {"a": None}}, "a number, true or false"),
        ({"metadata": {"a": {"b": 1}}}, "a number, true or false"),
        ({"metadata": {"a": "x" * 256}}, "short text"),
        ({"metadata": {f"a{n}": 1 for n in range(65)}}, "at most 64"),
        ({"ttl": 90}, '`ttl` is a duration such as "1h"'),
        ({"ttl": "0s"}, "`ttl` is a duration"),
        ({"ttl": "99999d"}, "at most 3660d"),
        ({"digest": "a" * 64}, "There is no member 'digest'"),
    ],
)
def test_what_is_refused(site, change, words):
    answer = site.post(WHOLE | change)
    assert (answer.status, answer.json["type"]) == (422, "urn:gateway:error:bad-change")
    assert words in answer.json["detail"]
    assert site.listed == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"{}", b"\xff", b"[" * 9000, b'{"name": "a", "x": NaN}', b'{"name": "' + b"a" * 16384]
)
def test_what_is_no_object(site, body):
    assert site.post(body).status == 422


def test_changes_need_the_header(site):
    assert site.post(WHOLE, x_gateway_admin=None).status == 403
    assert site.ask("DELETE", "/api/keys/" + "0" * 16).status == 403


def test_a_store_out_of_reach(site):
    made = site.made()
    site.values.is_down = True
    for answer in (site.ask("GET", "/api/keys"), site.post(WHOLE), site.remove(made["id"])):
        assert (answer.status, answer.json["type"]) == (503, "urn:gateway:error:store-unavailable")


@pytest.mark.parametrize(("others", "status"), [("", 201), ("  fixed: {{api_key: {{keys: 'a:{digest}'}}}}\n", 422)])
def test_the_one_provider_need_not_be_named(tmp_path, others, status):
    stored = "  one: {{api_key: {{stored: true}}}}\n"

    class OneSite(KeySite):
        config_text = "version: 1\nserver: {{admin: {admin}}}\nauth:\n" + (others or stored) + "routes: []\n"

    site = OneSite(tmp_path)
    answer = site.post({"name": "acme"})
    assert answer.status == status
    assert answer.json.get("provider") == ("one" if status == 201 else None)
    os.close(site.page.fd)
