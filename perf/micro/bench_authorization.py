"""What a request with a known token costs: reading the field, finding the token among 10,000, checking a rule."""

from __future__ import annotations

from functools import partial

from gateway._fast.authorization import Rule, TokenCache, bearer
from perf.micro.run import Bench

LOOPS = 200_000
TOKENS = 10_000
#: as long as a token of an identity provider with RS256
HEAD, BODY, SIGNATURE = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImExYjIifQ", "p" * 420, "s" * 342
SCOPES = frozenset(("openid", "profile", "items:read", "items:write"))
ROLES = frozenset(("editor", "viewer"))
CLAIMS = {"iss": "https://id.test/", "sub": "ann-4711", "tenant": "acme", "org": {"plan": "gold"}, "groups": ["a", "b"]}
PARAMS = {"tenant": "acme", "id": "4711"}


def token(number: int) -> str:
    """One of many, a new string each time."""
    return f"{HEAD}.{number:06}{BODY}.{SIGNATURE}"


def known() -> TokenCache:
    """A cache that is full."""
    cache = TokenCache(TOKENS, 64 << 20)
    for number in range(TOKENS):
        cache.put(token(number), CLAIMS, float("inf"), 0, 0)
    return cache


def identify(cache: TokenCache, sent: bytes) -> object:
    """From the bytes of a field to what is known of its token."""
    found = bearer(sent.decode("latin-1"))
    assert found
    return cache.get(found, 0.0, 0, 0)


def put_new(cache: TokenCache, numbers: list[int]) -> None:
    """One more token, which throws another out."""
    numbers[0] += 1
    cache.put(token(numbers[0]), CLAIMS, float("inf"), 0, 0)


def benches() -> list[Bench]:
    """What is run."""
    field = f"Bearer {token(4711)}"
    rules = {
        "1 scope": Rule(("items:read",), frozenset(), ()),
        "1 scope, 1 role": Rule(("items:read",), frozenset(("viewer",)), ()),
        "1 scope, 1 role, 1 claim": Rule(
            ("items:read",), frozenset(("viewer",)), ((("tenant",), "equals", ("acme",)),)
        ),
        "1 scope, 1 role, 1 path parameter": Rule(
            ("items:read",), frozenset(("viewer",)), ((("tenant",), "equals", ((("tenant",),),)),)
        ),
        "2 scopes, 2 roles, 4 claims": Rule(
            ("items:read", "items:write"),
            frozenset(("admin", "viewer")),
            (
                (("tenant",), "equals", ((("tenant",),),)),
                (("org", "plan"), "one_of", ("silver", "gold")),
                (("sub",), "prefix", ("ann-",)),
                (("groups",), "equals", ("b",)),
            ),
        ),
    }
    return [
        ("read an Authorization field", partial(bearer, field), LOOPS),
        (f"find its token among {TOKENS:,}", partial(identify, known(), field.encode()), LOOPS),
        ("remember a token, throw one out", partial(put_new, known(), [TOKENS]), LOOPS // 4),
        *((f"check {name}", partial(rule.check, SCOPES, ROLES, CLAIMS, PARAMS), LOOPS) for name, rule in rules.items()),
    ]
