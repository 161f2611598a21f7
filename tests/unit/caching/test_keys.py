"""What an answer is found by."""

from typing import Any

from gateway.auth.caller import Caller
from gateway.cache.key import KeyRules, Keys
from tests.exchanges import exchange


def key(target: str, rules: KeyRules | None = None, *, by_caller: bool = False, **known: Any) -> str | None:
    made = Keys("item", rules or KeyRules(), by_caller=by_caller).of(exchange("GET", target, **known))
    return None if made is None else made.own


def test_another_spelling_is_another_key() -> None:
    spellings = ("/a/b", "/a/./b", "/a%2Fb", "/a/%62", "/a/b?", "/a/b?x=1", "/a/b?x=1&y=2", "/a/b?y=2&x=1")
    assert len({key(each) for each in spellings}) == len(spellings)


def test_host_scheme_and_rewritten_path_count() -> None:
    keys = {key("/a"), key("/a", authority="b"), key("/a", scheme="http"), key("/a", upstream_path="/b")}
    assert len(keys) == 4
    assert key("/a", authority="API.example.com") == key("/a")


def test_parameters_that_do_not_count() -> None:
    rules = KeyRules(ignore=("utm_*", "ref"))
    assert key("/a?id=1&utm_source=x&ref=y", rules) == key("/a?%75tm_x=1&id=1", rules)
    assert key("/a?id=1", rules) != key("/a?id=2&utm_a=1", rules)
    assert key("/a?utm_a=1", rules) == key("/a", rules)
    only = KeyRules(query=("id",))
    assert key("/a?x=1&id=7", only) == key("/a?id=7", only) != key("/a?id=8", only)


def test_nor_do_they_behind_a_rewrite() -> None:
    keys = Keys("item", KeyRules(ignore=("utm_*",)), by_caller=False)
    found = [
        keys.of(exchange(target=f"/a?{query}", upstream_path=f"/b?{query}")) for query in ("x=1&utm_a=1", "x=1", "x=2")
    ]
    assert found[0] == found[1] != found[2]


def test_headers_and_claims_that_count() -> None:
    rules = KeyRules(headers=("x-plan",), claims=("org.id",))
    caller = Caller("staff", "ann", {"org": {"id": 1}})
    other = Caller("staff", "ann", {"org": {"id": "1"}})
    made = {
        key("/a", rules),
        key("/a", rules, headers=[("X-Plan", "gold")]),
        key("/a", rules, headers=[("X-Plan", "None")]),
        key("/a", rules, caller=caller),
        key("/a", rules, caller=other),
    }
    assert len(made) == 5


def test_callers_are_kept_apart() -> None:
    callers = (
        Caller("staff", "ann", {}), Caller("staff", "bob", {}), Caller("partners", "ann", {}),
        Caller("staff", "ann", {}, scopes=frozenset(("read",))), Caller("staff", "ann", {}, roles=frozenset(("read",))),
        Caller("staff", "ann", {}, forward=[("X-Plan", "gold")]), Caller("staff", "ann\nstaff", {}),
    )  # fmt: skip
    keys = {key("/a", by_caller=True, caller=caller) for caller in callers}
    assert len(keys) == len(callers) and None not in keys
    assert key("/a", by_caller=True, caller=Caller("staff", "", {})) is None
    assert key("/a", caller=callers[0]) == key("/a", caller=callers[1]), "shared"


def test_who_shows_nothing_has_a_key_apart_from_what_is_public() -> None:
    made = Keys("item", KeyRules(), by_caller=True).of(exchange("GET", "/a"))
    assert made is not None and made.own != made.public
    assert made.public != key("/a"), "what was kept while nobody was told apart"


def test_claims_that_go_upstream_tell_apart_what_callers_have_of_their_own() -> None:
    rules = KeyRules(told=("org.id",))
    keys = Keys("item", rules, by_caller=True)
    found = [
        keys.of(exchange("GET", "/a", caller=Caller("staff", "ann", claims)))
        for claims in ({"org": {"id": 1}}, {"org": {"id": 2}}, {})
    ]
    assert len({each.own for each in found if each}) == 3 and len({each.public for each in found if each}) == 1
