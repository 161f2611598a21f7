"""API keys: those written, those in the store, and how soon a revoked one is refused."""

import re
from hashlib import sha256

import pytest

from gateway.auth.api_key import authenticator as api_keys
from gateway.auth.api_key.authenticator import ApiKeys, StoredApiKeys
from gateway.auth.api_key.stored_keys import StoredKeys, digest_of, new_key
from gateway.auth.claim_mapper import ClaimMapper
from gateway.auth.model import ApiKey, Consumer, Credential, ForwardedIdentity, Provider, Role
from gateway.errors import IDENTITY_UNAVAILABLE, INVALID_TOKEN, GatewayError
from tests.exchanges import exchange
from tests.unit.identity.issuer_parts import Clock, FakeStore

HEADER = Credential("header", "X-API-Key")
TOLD = ForwardedIdentity((("X-Consumer", "sub"), ("X-Plan", "plan")), "roles", None, False)
ROLES = (
    Role("editor", ("editor", "viewer"), ("items:write", "items:read")),
    Role("viewer", ("viewer",), ("items:read",)),
)


def consumer(name, key, **other):
    digest = sha256(key.encode()).hexdigest() if key else ""
    return Consumer(name, digest, other.get("roles", ()), other.get("scopes", ()), other.get("metadata", ()))


class Arena:
    def __init__(self, *consumers, source=HEADER, is_stored=True, on_failure="deny"):
        self.clock = Clock()
        self.store = FakeStore(self.clock)
        self.keys = StoredKeys(self.store, self.clock)
        spec = ApiKey(source, consumers, is_stored)
        enrich = ClaimMapper(Provider("partners", spec, TOLD, on_failure, "x:1"), ROLES, None)
        known = StoredApiKeys("partners", spec, enrich, self.keys, on_failure=on_failure, clock=self.clock)
        self.provider = ApiKeys("partners", spec, enrich, known if is_stored else None)

    def caller(self, key, name="X-API-Key"):
        return self.provider.identify(exchange("GET", "/", [(name, key)]))

    def fails(self, key, kind=INVALID_TOKEN):
        with pytest.raises(GatewayError) as failed:
            self.caller(key)
        assert failed.value.kind is kind
        return failed.value


def test_a_written_consumer():
    arena = Arena(
        consumer("acme", "k1", roles=("editor",), scopes=("x",), metadata=(("plan", "gold"), ("sub", "evil")))
    )
    caller = arena.caller("k1")
    assert (caller.provider, caller.subject) == ("partners", "acme")
    assert caller.claims == {"plan": "gold", "sub": "acme"}
    assert caller.roles == {"editor", "viewer"}
    assert caller.scopes == {"x", "items:write", "items:read"}
    assert caller.until == float("inf")
    assert caller.forward == (("X-Consumer", "acme"), ("X-Plan", "gold"))
    assert arena.caller("k1") is caller
    assert arena.store.calls == 0


def test_nobody_without_a_key():
    arena = Arena(consumer("acme", "k1"))
    assert arena.provider.identify(exchange("GET", "/")) is None
    assert arena.caller("") is None
    assert arena.caller("k1", "X-Other") is None


@pytest.mark.parametrize("key", ["k2", "K1", "k1 ", " k1", "k1,k1", sha256(b"k1").hexdigest(), "é", "x" * 8000])
def test_a_wrong_key_is_told_nothing(key):
    error = Arena(consumer("acme", "k1")).fails(key)
    assert error.detail == ""
    assert error.headers == (("WWW-Authenticate", 'ApiKey realm="gateway"'),)
    assert key not in str(error)
    assert key not in str(error.cause)


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_consumer_without_a_key_is_not_who_sends_none(is_stored):
    arena = Arena(consumer("acme", ""), is_stored=is_stored)
    assert arena.caller("") is None
    arena.fails(" ")


def test_a_key_that_is_given_twice():
    arena = Arena(consumer("acme", "k1"))
    twice = exchange("GET", "/", [("X-API-Key", "k1"), ("x-api-key", "k1")])
    with pytest.raises(GatewayError):
        arena.provider.identify(twice)


@pytest.mark.parametrize(
    ("source", "target", "headers"),
    [
        (Credential("header", "authorization"), "/", [("Authorization", "ApiKey k1")]),
        (Credential("header", "Authorization"), "/", [("AUTHORIZATION", "bearer  k1 ")]),
        (Credential("cookie", "key"), "/", [("Cookie", "a=b; key=k1; c=d")]),
        (Credential("cookie", "key"), "/", [("Cookie", "a=b"), ("Cookie", "key=k1")]),
        (Credential("query", "api key"), "/?a=b&api%20key=%6b1&", []),
    ],
)
def test_where_keys_stand(source, target, headers):
    arena = Arena(consumer("acme", "k1"), source=source)
    assert arena.provider.identify(exchange("GET", target, headers)).subject == "acme"


@pytest.mark.parametrize(
    ("source", "target", "headers"),
    [
        (Credential("header", "Authorization"), "/", [("Authorization", "Basic k1")]),
        (Credential("header", "Authorization"), "/", [("Authorization", "k1")]),
        (Credential("header", "Authorization"), "/", [("Authorization", "Bearer a.b.c")]),
        (Credential("header", "Authorization"), "/", [("Authorization", "ApiKey")]),
        (Credential("cookie", "key"), "/?key=k1", [("Cookie", "Key=k1; xkey=k1; key=")]),
        (Credential("query", "key"), "/?Key=k1&key=", [("key", "k1")]),
    ],
)
def test_where_none_stands(source, target, headers):
    arena = Arena(consumer("acme", "k1"), source=source)
    assert arena.provider.identify(exchange("GET", target, headers)) is None


@pytest.mark.parametrize(
    ("source", "target", "headers"),
    [
        (Credential("cookie", "key"), "/", [("Cookie", "key=k1; key=k2")]),
        (Credential("query", "key"), "/?key=k1&key=k2", []),
    ],
)
def test_two_keys_are_none(source, target, headers):
    arena = Arena(consumer("acme", "k1"), source=source)
    with pytest.raises(GatewayError):
        arena.provider.identify(exchange("GET", target, headers))


def test_keys_have_a_form_and_are_stored_as_digests():
    arena = Arena()
    key, made = arena.keys.create("partners", "acme")
    assert re.fullmatch(r"gwk_[A-Za-z0-9_-]{43}", key)
    assert made.digest == sha256(key.encode()).hexdigest() == digest_of(key)
    ((place, (text, _)),) = arena.store.live().items()
    assert place == f"apikey:partners:{made.digest}".encode()
    assert key.encode() not in text
    assert new_key() != new_key()


def test_a_stored_key():
    arena = Arena()
    key, made = arena.keys.create(
        "partners", "acme", roles=("viewer",), scopes=("x",), metadata={"plan": "gold", "sub": "evil"}, ttl=100.0
    )
    caller = arena.caller(key)
    assert (caller.subject, caller.claims) == ("acme", {"plan": "gold", "sub": "acme"})
    assert (caller.roles, caller.scopes) == ({"viewer"}, {"x", "items:read"})
    assert caller.until == made.expires == arena.clock.now + 100
    assert list(arena.keys.of("partners")) == [made]


def test_what_is_written_of_a_consumer_holds_for_its_stored_keys():
    arena = Arena(consumer("acme", "", roles=("viewer",), scopes=("x",), metadata=(("plan", "gold"), ("n", 1))))
    caller = arena.caller(arena.keys.create("partners", "acme", scopes=("y",), metadata={"plan": "free"})[0])
    assert caller.claims == {"plan": "free", "n": 1, "sub": "acme"}
    assert caller.scopes == {"x", "y", "items:read"}
    assert arena.caller(arena.keys.create("partners", "other")[0]).scopes == set()


def test_a_stored_key_is_of_one_provider():
    arena = Arena()
    arena.fails(arena.keys.create("others", "acme")[0])


def test_keys_in_the_store_are_not_looked_for_unless_asked():
    arena = Arena(is_stored=False)
    arena.fails(arena.keys.create("partners", "acme")[0])


def test_the_store_is_asked_once_a_second():
    arena = Arena()
    key, _ = arena.keys.create("partners", "acme")
    first = arena.caller(key)
    calls = arena.store.calls
    for _ in range(9):
        arena.clock.now += 0.11
        assert arena.caller(key) is first
    assert arena.store.calls == calls
    arena.clock.now += 0.02
    assert arena.caller(key) is first
    assert arena.store.calls == calls + 1


def test_a_revoked_key_is_refused_within_a_second():
    arena = Arena(on_failure="allow")
    key, made = arena.keys.create("partners", "acme")
    arena.caller(key)
    assert arena.keys.revoke("partners", made.id)
    arena.clock.now += 1
    arena.fails(key)
    arena.store.is_down = True
    arena.fails(key, IDENTITY_UNAVAILABLE)


def test_a_clock_that_was_set_back_keeps_no_key_alive():
    arena = Arena()
    key, made = arena.keys.create("partners", "acme")
    arena.caller(key)
    arena.keys.revoke("partners", made.id)
    arena.clock.now -= 3600
    arena.fails(key)


def test_a_key_ends_at_its_time_though_it_is_remembered():
    arena = Arena()
    key, _ = arena.keys.create("partners", "acme", ttl=10.5)
    arena.clock.now += 10
    arena.caller(key)
    arena.clock.now += 0.5
    arena.fails(key)


def test_only_an_id_revokes():
    arena = Arena()
    key, made = arena.keys.create("partners", "acme")
    for wrong in ("", made.id[:8], made.digest, "*", made.id.upper() + "G", "0" * 16):
        assert not arena.keys.revoke("partners", wrong)
    assert not arena.keys.revoke("others", made.id)
    assert arena.caller(key)
    assert arena.keys.revoke("partners", made.id)
    assert not arena.keys.revoke("partners", made.id)


@pytest.mark.parametrize("on_failure", ["deny", "local", "allow"])
def test_a_store_out_of_reach(on_failure):
    arena = Arena(consumer("written", "k1"), on_failure=on_failure)
    key, _ = arena.keys.create("partners", "acme", ttl=100.0)
    unseen, _ = arena.keys.create("partners", "zeta")
    caller = arena.caller(key)
    arena.store.is_down = True
    assert arena.caller(key) is caller
    assert arena.caller("k1").subject == "written"
    arena.clock.now += 50
    if on_failure == "deny":
        arena.fails(key, IDENTITY_UNAVAILABLE)
    else:
        assert arena.caller(key) is caller
    for unknown in (unseen, "k2"):
        assert arena.fails(unknown, IDENTITY_UNAVAILABLE).kind.status == 503
    arena.clock.now += 50
    arena.fails(key, IDENTITY_UNAVAILABLE)


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(api_keys, "REMEMBERED", 3)
    arena = Arena(on_failure="local")
    keys = [arena.keys.create("partners", f"c{number}")[0] for number in range(4)]
    for key in keys[:3]:
        arena.caller(key)
    arena.clock.now += 1
    arena.caller(keys[0])
    arena.caller(keys[3])
    arena.store.is_down = True
    assert [arena.caller(keys[number]).subject for number in (0, 2, 3)] == ["c0", "c2", "c3"]
    arena.fails(keys[1], IDENTITY_UNAVAILABLE)


def test_wrong_keys_are_not_remembered():
    arena = Arena(on_failure="local")
    for number in range(50):
        arena.fails(f"wrong{number}")
    assert len(arena.provider._stored._known) == 0
