"""Credentials, what is known of tokens, and rules, against their oracle."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway._fast.authorization import Rule, TokenCache, bearer, is_token68
from tests.oracles import claims_oracle as oracle

# -- Authorization

GLUED = st.lists(
    st.sampled_from(
        ["Bearer", "bearer", "BEARER", "Basic", " ", "  ", ",", "=", "==", "a", "eyJ.e30.c2ln", "~+/_-", "\t"]
    )
    | st.text(st.characters(max_codepoint=0x120), max_size=3),
    max_size=5,
).map("".join)


@given(GLUED)
@example("Bearer Ķ")
@example("Bear\x05r a")
@example("Bearer")
@example("")
def test_credentials_are_what_the_oracle_says(text):
    assert is_token68(text) == oracle.is_token68(text)
    if text:
        assert bearer(text) == oracle.bearer(text)


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("Bearer a.b.c", "a.b.c"),
        ("bEARER   a", "a"),
        ("Bearer a==", "a=="),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Bearer =", ""),
        ("Bearer a=b", ""),
        ("Bearer a b", ""),
        ("Bearer a,Bearer b", ""),
        ("Bearer a, Bearer b", ""),
        ("Bearer\ta", ""),
        ("Bearer,a", ""),
        ("Bearer é", ""),
        ("Bearers a", None),
        ("Basic YTpi", None),
        ("", None),
        ("bear", None),
    ],
)
def test_bearer(value, token):
    assert bearer(value) == token


def test_what_is_no_text_is_refused():
    for wrong in (None, b"a", 1):
        for call in (bearer, is_token68, TokenCache(1).drop):
            with pytest.raises(TypeError):
                call(wrong)


# -- what is known of tokens

TOKENS = st.sampled_from([letter * 3 for letter in string.ascii_letters[:12]])
NUMBERS = st.integers(0, 3)


class Known(RuleBasedStateMachine):
    """A cache with room for all is what the oracle is; a small one knows nothing else, and keeps its bounds."""

    def __init__(self):
        super().__init__()
        self.large, self.small, self.oracle = TokenCache(100), TokenCache(4, 10), oracle.Cache()
        self.payloads = 0

    @rule(token=TOKENS, until=NUMBERS, epoch=NUMBERS, revoked=NUMBERS)
    def put(self, token, until, epoch, revoked):
        self.payloads += 1
        for cache in (self.large, self.small, self.oracle):
            cache.put(token, self.payloads, until, epoch, revoked)

    @rule(token=TOKENS, now=NUMBERS, epoch=NUMBERS, revoked=NUMBERS)
    def get(self, token, now, epoch, revoked):
        expected = self.oracle.get(token, now, epoch, revoked)
        assert self.large.get(token, now, epoch, revoked) == expected
        assert self.small.get(token, now, epoch, revoked) in (expected, None)

    @rule(token=TOKENS, now=NUMBERS, epoch=NUMBERS)
    def known(self, token, now, epoch):
        expected = self.oracle.known(token, now, epoch)
        assert self.large.known(token, now, epoch) == expected
        assert self.small.known(token, now, epoch) in (expected, None)

    @rule(token=TOKENS)
    def drop(self, token):
        for cache in (self.large, self.small, self.oracle):
            cache.drop(token)

    @invariant()
    def bounds(self):
        assert len(self.large) == len(self.oracle.entries)
        assert self.large.characters == 3 * len(self.large)
        assert self.small.characters == 3 * len(self.small) <= 9


TestKnown = Known.TestCase


def test_an_equal_token_is_found_and_a_nearly_equal_one_is_not():
    cache, token = TokenCache(10), "a" * 500
    cache.put(token, "ann", 10.0, 0, 0)
    assert cache.get("".join(["a"] * 500), 9.0, 0, 0) == "ann"
    for other in ("a" * 499, "a" * 501, "a" * 499 + "b", "b" + "a" * 499, "A" + "a" * 499):
        assert cache.get(other, 9.0, 0, 0) is None


def test_a_token_that_ended_is_not_known():
    cache = TokenCache(10)
    cache.put("a", "ann", 10.0, 0, 0)
    assert cache.get("a", 9.999, 0, 0) == "ann"
    assert cache.get("a", 10.0, 0, 0) is None
    assert len(cache) == 0
    cache.put("a", "ann", float("nan"), 0, 0)
    assert cache.get("a", 0.0, 0, 0) is None


def test_other_keys_and_revocations():
    cache = TokenCache(10)
    cache.put("a", "ann", 10.0, 1, 1)
    assert cache.get("a", 0.0, 1, 2) is None
    assert cache.known("a", 0.0, 1) == "ann", "it is still there to be checked again"
    cache.put("a", "ann", 10.0, 1, 2)
    assert cache.get("a", 0.0, 1, 2) == "ann"
    assert cache.get("a", 0.0, 2, 2) is None
    assert len(cache) == 0


def test_a_scan_does_not_drive_out_what_is_in_use():
    cache, used = TokenCache(100), [f"used-{n}" for n in range(50)]
    for token in used:
        cache.put(token, token, 10.0, 0, 0)
    for number in range(5_000):
        if number % 40 == 0:
            assert all(cache.get(token, 0.0, 0, 0) == token for token in used)
        cache.put(f"once-{number}", number, 10.0, 0, 0)
    assert len(cache) == 100


def test_tokens_that_nobody_asks_for_go_in_their_order():
    cache = TokenCache(100)
    for number in range(1_000):
        cache.put(str(number), number, 10.0, 0, 0)
    assert [n for n in range(1_000) if cache.known(str(n), 0.0, 0) is not None] == [*range(900, 1_000)]


def test_long_tokens_take_the_room_of_many():
    cache = TokenCache(100, 1_000)
    for number in range(20):
        cache.put(f"{number:0100}", number, 10.0, 0, 0)
    assert (len(cache), cache.characters) == (10, 1_000)
    cache.put("x" * 1_001, 0, 10.0, 0, 0)
    assert cache.known("x" * 1_001, 0.0, 0) is None
    cache.put("x" * 1_000, 0, 10.0, 0, 0)
    assert (len(cache), cache.characters) == (1, 1_000)


@pytest.mark.parametrize("sizes", [(0,), (-1,), (1, 0)])
def test_a_cache_without_room_is_refused(sizes):
    with pytest.raises(ValueError, match="room"):
        TokenCache(*sizes)


# -- rules

WORDS = st.sampled_from(["a", "b", "a.b", "*", "items:read", "", "1", "a%62", "ä"])
SCALARS = WORDS | st.sampled_from([0, 1, 2, 1.0, 1.5, True, False, -1, 10**30])
JSON = st.recursive(
    SCALARS | st.none(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=3),
    max_leaves=6,
)
CLAIMS = st.dictionaries(WORDS, JSON, max_size=4)
TEMPLATES = st.lists(WORDS | st.tuples(st.sampled_from(["x", "y"])), min_size=1, max_size=3).map(tuple)
PATHS = st.lists(st.sampled_from(["a", "b", "a.b"]), min_size=1, max_size=2).map(tuple)
EXACT = st.tuples(
    PATHS, st.sampled_from(["equals", "one_of"]), st.lists(SCALARS | TEMPLATES, min_size=1, max_size=3).map(tuple)
)
PREFIXES = st.tuples(
    PATHS, st.just("prefix"), st.lists(WORDS.filter(bool) | TEMPLATES, min_size=1, max_size=2).map(tuple)
)
PARAMS = st.none() | st.dictionaries(
    st.sampled_from(["x", "y"]), WORDS | st.sampled_from(["%62", "%FF", "%e4", "%C3%A4", "%2561", "Ã¤"])
)
NAMES = st.lists(WORDS, max_size=3)


@given(NAMES.map(tuple), NAMES, st.lists(EXACT | PREFIXES, max_size=3).map(tuple), NAMES, NAMES, CLAIMS, PARAMS)
def test_a_rule_is_what_the_oracle_says(scopes, roles, claims, caller_scopes, caller_roles, caller_claims, params):
    rule = Rule(scopes, frozenset(roles), claims)
    caller = frozenset(caller_scopes), frozenset(caller_roles), caller_claims, params
    failing = oracle.failing(scopes, roles, claims, caller_scopes, caller_roles, caller_claims, params)
    assert rule.check(*caller) == (failing[0] if failing else 0)
    words = rule.missing(*caller)
    assert len(words.split("; ")) == len(failing) if failing else words == ""


def allows(wanted, value, kind="equals", params=None):
    values = wanted if kind == "one_of" else (wanted,)
    return Rule((), frozenset(), ((("c",), kind, values),)).check(frozenset(), frozenset(), {"c": value}, params) == 0


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        *((1, True), (1, "1"), ("1", 1), (True, 1), (True, "true"), ("true", True), (0, False), ("a", "A")),
        *(("a", ["b"]), ("a", {"a": "a"}), ("a", None), ("a", []), ("a", [["a"]]), (0, None), ("", None), ("a", "ab")),
    ],
)
def test_what_is_not_equal(wanted, value):
    assert not allows(wanted, value)
    assert not allows((wanted,), value, "one_of")


@pytest.mark.parametrize(
    ("wanted", "value"), [(1, 1), (1, 1.0), (True, True), ("a", "a"), ("a", ["b", "a"]), (2, ["2", 2])]
)
def test_what_is_equal(wanted, value):
    assert allows(wanted, value)
    assert allows(("another", wanted), value, "one_of")


def test_prefixes_are_of_texts_only():
    assert allows("ac", "acme", "prefix")
    assert not allows("acme", "ac", "prefix")
    assert not allows("ac", ["acme"], "prefix")
    assert not allows("1", 12, "prefix")


TENANT = (("tenant",),)


@pytest.mark.parametrize(
    ("value", "params", "is_allowed"),
    [
        ("acme", {"tenant": "acme"}, True),
        ("a/b c", {"tenant": "a%2Fb%20c"}, True),
        ("ä", {"tenant": "%C3%A4"}, True),
        (["other", "acme"], {"tenant": "acme"}, True),
        ("a%2Fb", {"tenant": "a%252Fb"}, True),
        ("a/b", {"tenant": "a%252Fb"}, False),  # decoded once, never twice
        ("acme", {"tenant": "Acme"}, False),
        ("acme", {"other": "acme"}, False),
        ("acme", None, False),
        ("", {"tenant": ""}, False),
        (None, {}, False),
        ("None", {}, False),
        ("\ufffd", {"tenant": "%FF"}, False),
        (5, {"tenant": "5"}, False),
    ],
)
def test_path_parameters(value, params, is_allowed):
    assert allows(TENANT, value, params=params) is is_allowed


def test_a_prefix_of_an_empty_parameter_is_no_prefix():
    assert allows(TENANT, "acme-1", "prefix", {"tenant": "acme"})
    assert not allows(TENANT, "acme-1", "prefix", {"tenant": ""})
    assert not allows(TENANT, "acme-1", "prefix", {})
    assert allows(("org-", ("tenant",), "-x"), "org-acme-x", params={"tenant": "acme"})


def test_words_for_what_is_missing():
    rule = Rule(("read", "write"), frozenset(("b", "a")), ((("org", "id"), "equals", ("secret value",)),))
    words = rule.missing(frozenset(("read",)), frozenset(("own role",)), {"org": {"id": "own value"}})
    assert words == "the scope write; one of the roles a, b; a claim org.id that may do this"
    assert rule.missing(frozenset("*"), frozenset("a"), {"org.id": "secret value"}) == ""
    assert Rule(("a", "b"), frozenset(("r",)), ()).missing(frozenset(), frozenset(), {}) == (
        "the scopes a, b; the role r"
    )


@pytest.mark.parametrize("claim", [((), "equals", ("a",)), (("a",), "is", ("a",)), (("a",), "equals", ())])
def test_conditions_that_make_no_sense_are_refused(claim):
    with pytest.raises(ValueError, match="condition"):
        Rule((), frozenset(), (claim,))


@pytest.mark.parametrize("value", ["", 1, True])
def test_prefixes_that_make_no_sense_are_refused(value):
    with pytest.raises(ValueError, match="prefix"):
        Rule((), frozenset(), ((("a",), "prefix", (value,)),))


def test_claims_may_be_any_mapping():
    from types import MappingProxyType

    rule = Rule((), frozenset(), ((("a", "b"), "equals", (1,)),))
    assert rule.check(frozenset(), frozenset(), MappingProxyType({"a": MappingProxyType({"b": 1})})) == 0
    assert rule.check(frozenset(), frozenset(), MappingProxyType({"a": "text"})) == 3
