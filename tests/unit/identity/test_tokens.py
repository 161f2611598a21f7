"""Where a token is looked for, and how long it is believed."""

import pytest

from gateway._fast.authorization import TokenCache
from gateway.auth.claim_mapper import ClaimMapper
from gateway.auth.jwt.authenticator import TokenAuthenticator, find_credential
from gateway.auth.jwt.keys import StaticKeys, parse_keys
from gateway.auth.jwt.verify import Verifier
from gateway.auth.model import Credential, ForwardedIdentity, Provider, Role
from gateway.errors import IDENTITY_UNAVAILABLE, INVALID_TOKEN, STORE_UNAVAILABLE, GatewayError
from tests.exchanges import exchange
from tests.support.jose import NOW, NoKeys, public_pem, spec, token

AUTHORIZATION = Credential("header", "Authorization")
CUSTOM = Credential("header", "X-Token")
COOKIE = Credential("cookie", "access_token")
QUERY = Credential("query", "access_token")
PLACES = (AUTHORIZATION, CUSTOM, COOKIE, QUERY)
NONE, REFUSED = None, "refused"


def found(*sources, headers=(), query=""):
    try:
        return find_credential(sources)(exchange(target=f"/?{query}", headers=list(headers)))
    except GatewayError as error:
        assert error.kind is INVALID_TOKEN
        assert error.detail == ""
        return REFUSED


@pytest.mark.parametrize(
    ("values", "result"),
    [
        ((), NONE),
        (("Bearer a.b.c",), "a.b.c"),
        (("bearer a.b.c",), "a.b.c"),
        (("Basic YTpi",), NONE),
        (('Digest username="a", realm="b"',), NONE),
        (("",), NONE),
        (("a.b.c",), NONE),
        (("Bearer",), REFUSED),
        (("Bearer a b",), REFUSED),
        (("Bearer a, Bearer b",), REFUSED),
        (("Bearer a", "Bearer b"), REFUSED),
        (("Bearer a", "Bearer a"), REFUSED),
        (("Basic YTpi", "Bearer a"), REFUSED),
        (("", "Bearer a"), REFUSED),
    ],
)
def test_in_authorization(values, result):
    for name in ("Authorization", "authorization"):
        assert found(AUTHORIZATION, headers=[("Accept", "*/*"), *((name, each) for each in values)]) == result


@pytest.mark.parametrize(
    ("values", "result"),
    [
        (("a.b.c",), "a.b.c"),
        (("Bearer a.b.c",), "a.b.c"),
        (("BEARER a.b.c",), "a.b.c"),
        (("bearerish",), "bearerish"),
        (("",), NONE),
        (("Bearer",), REFUSED),
        (("Basic YTpi",), REFUSED),
        (("a,b",), REFUSED),
        (("a", "b"), REFUSED),
    ],
)
def test_in_another_header(values, result):
    assert found(CUSTOM, headers=[("x-token", each) for each in values]) == result


@pytest.mark.parametrize(
    ("values", "result"),
    [
        (("access_token=a.b.c",), "a.b.c"),
        (("x=1; access_token=a.b.c; y=2",), "a.b.c"),
        (("x=1", "access_token=a==",), "a=="),
        (("access_token=",), NONE),
        (("access_token",), NONE),
        (("Access_Token=a; access_token2=b; xaccess_token=c",), NONE),
        (("x=access_token=a",), NONE),
        (("access_token=a b",), REFUSED),
        (('access_token="a"',), REFUSED),
        (("access_token=a; access_token=b",), REFUSED),
        (("access_token=a", "access_token=a"), REFUSED),
        (("access_token=; access_token=a",), REFUSED),
    ],
)  # fmt: skip
def test_in_a_cookie(values, result):
    assert found(COOKIE, headers=[("Cookie", each) for each in values]) == result


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("", NONE),
        ("x=1", NONE),
        ("access_token=a.b.c", "a.b.c"),
        ("x=1&access_token=a.b.c&y=2", "a.b.c"),
        ("access%5Ftoken=a", "a"),
        ("access_token=%61%2Eb", "a.b"),
        ("access_token=", NONE),
        ("Access_Token=a", NONE),
        ("x=1;access_token=a", NONE),
        ("access_token=a+b", REFUSED),
        ("access_token=a%26b", REFUSED),
        ("access_token=%FF", REFUSED),
        ("access_token=a&access_token=b", REFUSED),
        ("access_token=a&access%5ftoken=a", REFUSED),
        ("access_token=&access_token=a", REFUSED),
    ],
)
def test_in_the_query(query, result):
    assert found(QUERY, query=query) == result


SENT = {
    AUTHORIZATION: ([("Authorization", "Bearer a")], ""),
    CUSTOM: ([("X-Token", "a")], ""),
    COOKIE: ([("Cookie", "access_token=a")], ""),
    QUERY: ([], "access_token=a"),
}


@pytest.mark.parametrize("one", PLACES, ids=str)
@pytest.mark.parametrize("other", PLACES, ids=str)
def test_in_one_place_only(one, other):
    if one is other:
        assert found(*PLACES, headers=SENT[one][0], query=SENT[one][1]) == "a"
        return
    headers, query = SENT[one][0] + SENT[other][0], SENT[one][1] + SENT[other][1]
    assert found(*PLACES, headers=headers, query=query) == REFUSED
    assert found(one, other, headers=headers, query=query) == REFUSED
    assert found(one, headers=headers, query=query) == "a", "a place that is not configured is not looked at"


def test_what_is_for_others_does_not_count():
    assert found(*PLACES, headers=[("Authorization", "Basic YTpi"), ("Cookie", "access_token=a")]) == "a"
    assert found(*PLACES) is None


class Clock:
    now = NOW

    def __call__(self):
        return self.now


class Keys(StaticKeys):
    """Keys that change, and count how often they are asked for."""

    asked = 0

    def find(self, kid, algorithm):
        self.asked += 1
        return super().find(kid, algorithm)


class Revoked:
    epoch, subjects, asked, failure = 0, frozenset(), 0, None

    def is_revoked(self, provider, claims):
        assert provider == "staff"
        self.asked += 1
        if self.failure:
            raise self.failure
        return claims.get("sub") in self.subjects


class Arena:
    def __init__(self, keys=None, capacity=10, cache=None, roles=(), told=None, rules=None, internal=None):
        self.clock, self.revoked = Clock(), Revoked()
        self.keys = keys or Keys(parse_keys(public_pem("RSA")))
        self.cache = cache or TokenCache(capacity)
        rules, told = rules or spec(), told or ForwardedIdentity((("X-User", "sub"),), "roles", None, False)
        provider = Provider("staff", rules, told, "deny", "gateway.yaml:1")
        self.authenticator = TokenAuthenticator(
            "staff",
            (AUTHORIZATION,),
            Verifier(rules, self.keys, self.clock),
            ClaimMapper(provider, roles, internal),
            self.cache,
            self.revoked,
            self.clock,
        )

    def identify(self, sent):
        return self.authenticator.identify(exchange(headers=[("Authorization", f"Bearer {sent}")]))

    def is_refused(self, sent):
        with pytest.raises(GatewayError) as raised:
            self.identify(sent)
        return raised.value.kind is INVALID_TOKEN


def test_a_caller():
    arena = Arena()
    assert (arena.authenticator.name, arena.authenticator.scheme) == ("staff", "Bearer")
    assert arena.authenticator.identify(exchange()) is None
    caller = arena.identify(token(scope="a b"))
    assert (caller.provider, caller.subject, caller.scopes) == ("staff", "ann", {"a", "b"})
    assert (caller.until, caller.headers()) == (NOW + 630, (("X-User", "ann"),))
    assert arena.identify(token(sub=None)).subject == ""


def test_a_token_is_verified_once():
    arena, sent = Arena(), token()
    assert arena.identify(sent) is arena.identify(sent)
    assert (arena.keys.asked, arena.revoked.asked) == (1, 1)


def test_a_bad_token_is_never_remembered():
    arena, good = Arena(), token()
    arena.identify(good)
    head, payload, signature = good.split(".")
    for bad in (
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{head}.{payload}.",
        good[:-1],
        good + "A",
        "a.b.c",
        token(exp=1),
    ):
        assert arena.is_refused(bad)
        assert arena.is_refused(bad)
    assert len(arena.cache) == 1


def test_a_known_token_ends_on_time():
    arena, sent = Arena(), token()
    arena.identify(sent)
    arena.clock.now = NOW + 629.9
    assert arena.identify(sent).subject == "ann"
    assert arena.keys.asked == 1
    arena.clock.now = NOW + 630
    assert arena.is_refused(sent)
    assert len(arena.cache) == 0


def test_a_known_token_is_held_against_new_keys():
    arena, sent = Arena(), token()
    arena.identify(sent)
    arena.keys.epoch += 1
    assert arena.identify(sent).subject == "ann"
    assert arena.keys.asked == 2
    arena.keys._keys = parse_keys(public_pem("RSA-other"))
    arena.keys.epoch += 1
    assert arena.is_refused(sent)
    assert arena.is_refused(sent)


def test_a_revocation_reaches_known_tokens():
    arena, sent, other = Arena(), token(), token(sub="bob")
    arena.identify(sent)
    bob = arena.identify(other)
    arena.revoked.subjects, arena.revoked.epoch = frozenset(("ann",)), 1
    assert arena.is_refused(sent)
    assert arena.is_refused(sent)
    arena.revoked.asked = arena.keys.asked = 0
    assert arena.identify(other) is bob
    assert arena.identify(other) is bob
    assert (arena.keys.asked, arena.revoked.asked) == (0, 1), "checked again once, and not verified again"
    arena.revoked.subjects, arena.revoked.epoch = frozenset(), 2
    assert arena.identify(sent).subject == "ann"


def test_a_new_token_may_be_revoked_already():
    arena = Arena()
    arena.revoked.subjects = frozenset(("ann",))
    assert arena.is_refused(token())
    assert len(arena.cache) == 0


def test_what_cannot_be_known_is_no_401():
    arena = Arena()
    arena.revoked.failure = GatewayError(STORE_UNAVAILABLE)
    for _ in range(2):
        with pytest.raises(GatewayError) as raised:
            arena.identify(token())
        assert raised.value.kind is STORE_UNAVAILABLE
    with pytest.raises(GatewayError) as raised:
        Arena(NoKeys()).identify(token())
    assert raised.value.kind is IDENTITY_UNAVAILABLE


def test_a_revocation_during_the_check_counts():
    arena, sent = Arena(), token()
    check = arena.revoked.is_revoked

    def slow(provider, claims):
        arena.revoked.epoch += 1
        return check(provider, claims)

    arena.revoked.is_revoked = slow
    arena.identify(sent)
    arena.revoked.is_revoked = check
    arena.identify(sent)
    assert arena.revoked.asked == 2


def test_the_cache_stays_within_its_bounds():
    arena = Arena(capacity=3)
    for number in range(10):
        arena.identify(token(sub=f"user-{number}"))
    assert len(arena.cache) == 3


def test_a_later_plan_knows_what_the_earlier_one_verified():
    before, sent = Arena(), token()
    caller = before.identify(sent)
    after = Arena(cache=before.cache)
    assert after.identify(sent) is caller
    assert after.keys.asked == 0


def test_a_later_plan_believes_nothing_that_was_verified_otherwise():
    before, sent = Arena(), token(roles=["viewer"])
    caller = before.identify(sent)
    assert Arena(Keys(parse_keys(public_pem("RSA-other"))), cache=before.cache).is_refused(sent)
    before.identify(sent)
    assert Arena(rules=spec(audiences=("web",)), cache=before.cache).is_refused(sent)
    before.identify(sent)
    roles = (Role("viewer", ("viewer",), ("items:read",)),)
    assert Arena(roles=roles, cache=before.cache).identify(sent).scopes == {"items:read"}
    assert before.identify(sent).scopes == caller.scopes == set()
    told = ForwardedIdentity((("X-Name", "sub"),), "", None, False)
    assert Arena(told=told, cache=before.cache).identify(sent).headers() == (("X-Name", "ann"),)


def test_a_caller_is_signed_for_by_the_plan_that_runs():
    class Signs:
        def __init__(self, name):
            self.name = name

        def field(self, caller):
            return ("X-Token", self.name)

    before, sent = Arena(internal=Signs("old")), token()
    assert ("X-Token", "old") in before.identify(sent).headers()
    after = Arena(internal=Signs("new"), cache=before.cache)
    assert ("X-Token", "new") in after.identify(sent).headers()
