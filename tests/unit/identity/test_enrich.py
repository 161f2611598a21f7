"""Scopes, roles and headers of a caller, what is signed for the upstream, and rules compiled from the configuration."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.access_rules import compile_rule
from gateway.auth.claim_mapper import ClaimMapper, header_text
from gateway.auth.jwt.internal_token import InternalTokens
from gateway.auth.model import Access, ClaimRule, ForwardedIdentity, InternalToken, Provider, Role
from tests.support.jose import NOW, spec

ROLES = (
    Role("admin", ("admin", "editor", "viewer"), ("*", "items:write", "items:read")),
    Role("editor", ("editor", "viewer"), ("items:write", "items:read")),
    Role("viewer", ("viewer",), ("items:read",)),
)


def caller(claims, subject="ann", path="realm_access.roles", forward=(), **given):
    provider = Provider("staff", spec(), ForwardedIdentity(forward, path, None, False), "deny", "gateway.yaml:1")
    return ClaimMapper(provider, ROLES).caller(subject, claims, until=NOW, **given)


def headers(claims, *forward, subject="ann"):
    return caller(claims, subject, forward=forward).headers()


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({}, set()),
        ({"scope": "a b"}, {"a", "b"}),
        ({"scope": " a  b "}, {"a", "b"}),
        ({"scope": ["a", "b c"]}, {"a", "b c"}),
        ({"scp": "a b"}, {"a", "b"}),
        ({"scp": ["a", "b"]}, {"a", "b"}),
        ({"scope": "a", "scp": ["b"]}, {"a", "b"}),
        ({"scope": "a\tb"}, {"a\tb"}),
        ({"scope": ["a", 1, None, ["b"], ""]}, {"a"}),
        ({"scope": {"a": True}}, set()),
        ({"scope": 5, "scp": True}, set()),
        ({"scope": "* a", "scp": ["*"]}, {"a"}),
    ],
)
def test_scopes_of_the_claims(claims, scopes):
    assert caller(claims).scopes == scopes


@pytest.mark.parametrize(
    ("claims", "roles", "scopes"),
    [
        ({}, set(), set()),
        ({"realm_access": {"roles": ["editor"]}}, {"editor", "viewer"}, {"items:write", "items:read"}),
        ({"realm_access": {"roles": "viewer"}}, {"viewer"}, {"items:read"}),
        ({"realm_access.roles": ["viewer"]}, {"viewer"}, {"items:read"}),
        ({"realm_access": {"roles": ["stranger"]}}, {"stranger"}, set()),
        ({"realm_access": {"roles": ["admin"]}}, {"admin", "editor", "viewer"}, {"*", "items:write", "items:read"}),
        ({"realm_access": {"roles": "viewer admin"}}, {"viewer admin"}, set()),
        ({"realm_access": {"roles": [["admin"], 1, None, {"admin": 1}, ""]}}, set(), set()),
        ({"realm_access": {"roles": {"admin": True}}}, set(), set()),
        ({"realm_access": ["roles"], "roles": ["admin"]}, set(), set()),
    ],
)
def test_roles_bring_along_what_they_inherit(claims, roles, scopes):
    found = caller(claims)
    assert (found.roles, found.scopes) == (roles, scopes)


def test_without_a_path_no_claim_is_a_role():
    assert caller({"roles": ["admin"], "": ["admin"]}, path="").roles == set()


def test_what_the_provider_gives_is_added():
    found = caller({"scope": "a"}, scopes=("b", "*"), roles=("viewer",))
    assert (found.roles, found.scopes) == ({"viewer"}, {"a", "b", "*", "items:read"})
    assert (found.provider, found.subject, found.until) == ("staff", "ann", NOW)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ann", "ann"),
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        (None, ""),
        ("", ""),
        ([], ""),
        (["a", "b"], "a,b"),
        (["a", 1, False], "a,1,false"),
        (["a,admin", "50%"], "a%2Cadmin,50%25"),
        ({"a": ["é"]}, '{"a":["\\u00e9"]}'),
        ("ä", "Ã¤"),
        ("a\r\nX-Admin: 1", "a\ufffd\ufffdX-Admin: 1"),
        ("a\0dmin", "a\ufffddmin"),
        (" admin", "\ufffdadmin"),
        ("admin  ", "admin\ufffd"),
        ("a\x85b", "a\ufffdb"),
        (["a\n"], "a\ufffd"),
    ],
)
def test_claims_as_header_fields(value, text):
    assert header_text(value) == (text.encode().decode("latin-1") if "\ufffd" in text else text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_claim_can_end_a_field(value):
    text = header_text(value)
    sent = text.encode("latin-1")
    assert not any(byte < 0x20 or byte == 0x7F for byte in sent)
    assert sent.strip() == sent


@given(st.lists(st.text("ab,%", min_size=1), min_size=1), st.lists(st.text("ab,%", min_size=1), min_size=1))
def test_two_lists_never_look_alike(one, other):
    assert (header_text(one) == header_text(other)) is (one == other)


def test_headers_to_forward():
    claims = {"sub": "ann", "org": {"id": 7}, "https://a.test/plan": "gold", "none": None}
    assert headers(
        claims,
        ("X-User", "sub"),
        ("X-Org", "org.id"),
        ("X-Plan", "https://a.test/plan"),
        ("X-None", "none"),
        ("X-Not", "org.id.more"),
    ) == (("X-User", "ann"), ("X-Org", "7"), ("X-Plan", "gold"))
    assert headers({}, ("X-User", "sub"), subject="key-1") == (("X-User", "key-1"),)


class Counting:
    """Signs by counting."""

    def __init__(self):
        self.signed = []

    def sign(self, claims, typ):
        self.signed.append((claims, typ))
        return f"token-{len(self.signed)}"


class Clock:
    now = NOW

    def __call__(self):
        return self.now


def internal(clock, ttl=60.0, told=()):
    signer = Counting()
    return signer, InternalTokens(InternalToken("X-Token", "gw", "up", "ES256", "key.pem", ttl), signer, told, clock)


def test_an_internal_token_is_kept_until_half_its_time_is_over():
    clock = Clock()
    signer, tokens = internal(clock)
    ann, bob = caller({}, "ann"), caller({}, "bob")
    ann.until = bob.until = float("inf")
    assert tokens.field(ann) == tokens.field(ann) == ("X-Token", "token-1")
    assert tokens.field(bob) == ("X-Token", "token-2")
    clock.now += 29.9
    assert tokens.field(ann) == ("X-Token", "token-1")
    clock.now += 0.1
    assert tokens.field(ann) == ("X-Token", "token-3")
    clock.now -= 3_600
    assert tokens.field(ann) == ("X-Token", "token-4"), "no upstream takes one that is from the future"
    assert [claims["sub"] for claims, _ in signer.signed] == ["ann", "bob", "ann", "ann"]
    assert signer.signed[2][0]["exp"] - signer.signed[2][0]["iat"] == 60


def test_an_internal_token_does_not_outlive_the_credential():
    clock = Clock()
    signer, tokens = internal(clock)
    ann = caller({})
    ann.until = NOW + 10
    tokens.field(ann)
    assert signer.signed[0][0]["exp"] == NOW + 10
    clock.now += 5
    tokens.field(ann)
    assert len(signer.signed) == 2
    ann = caller({})
    ann.until = clock.now + 0.2
    tokens.field(ann)
    assert signer.signed[-1][0]["exp"] == int(clock.now) + 1


def test_claims_go_into_an_internal_token_under_their_names():
    signer, tokens = internal(Clock(), told=("tenant", "org.id", "none", "sub", "iss", "exp"))
    ann = caller({"tenant": "acme", "org": {"id": 7}, "sub": "x", "iss": "evil", "exp": 1, "aud": "evil"})
    ann.until = float("inf")
    tokens.field(ann)
    ((claims, typ),) = signer.signed
    assert typ == "JWT"
    assert (claims["tenant"], claims["org.id"]) == ("acme", 7)
    assert (claims["iss"], claims["aud"], claims["sub"], claims["exp"]) == ("gw", "up", "ann", int(NOW) + 60)
    json.dumps(claims)


def test_headers_of_a_request_include_the_internal_token():
    _, tokens = internal(Clock())
    provider = Provider(
        "staff", spec(), ForwardedIdentity((("X-User", "sub"),), "", None, False), "deny", "gateway.yaml:1"
    )
    made = ClaimMapper(provider, ROLES, tokens).caller("ann", {}, until=NOW + 60)
    assert made.headers() == (("X-User", "ann"), ("X-Token", "token-1"))


def access(*claims, scopes=(), roles=()):
    return Access(("staff",), scopes, roles, claims, False, "gateway.yaml:1")


def allows(rule, claims, params=None, scopes=(), roles=()):
    return rule.check(frozenset(scopes), frozenset(roles), claims, params) == 0


def test_a_rule_of_the_configuration():
    rule = compile_rule(
        access(
            ClaimRule("tenant", "equals", ("{tenant}",)),
            ClaimRule("org.plan", "one_of", ("gold", 3, "x-{tenant}")),
            scopes=("read",),
            roles=("viewer",),
        )
    )
    caller = {"scopes": ("read",), "roles": ("viewer",)}
    assert allows(rule, {"tenant": "a b", "org": {"plan": 3}}, {"tenant": "a%20b"}, **caller)
    assert allows(rule, {"tenant": "acme", "org": {"plan": "x-acme"}}, {"tenant": "acme"}, **caller)
    assert not allows(rule, {"tenant": "{tenant}", "org": {"plan": 3}}, {"tenant": "acme"}, **caller)
    assert not allows(rule, {"tenant": "acme", "org": {"plan": "x-{tenant}"}}, {"tenant": "acme"}, **caller)
    assert not allows(rule, {"tenant": "acme", "org": {"plan": 3}}, {"tenant": "acme"}, scopes=("read",))
    assert allows(compile_rule(access()), {})


@pytest.mark.parametrize("value", ["{query.tenant}", "{header.X-Tenant}", "x{claim.tenant}"])
def test_claims_are_not_compared_with_what_callers_choose(value):
    with pytest.raises(ValueError, match="path parameters only"):
        compile_rule(access(ClaimRule("tenant", "equals", (value,))))
