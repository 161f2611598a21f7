"""cache on routes that know their callers: whatever comes together, nobody is given what is another one's."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from gateway.auth.caller import Caller
from gateway.cache import policy as cache
from gateway.cache.key import KeyRules, _named
from gateway.cache.rules import CacheOptions
from gateway.exchange import Exchange, Response
from gateway.state.store import Store
from tests.exchanges import route
from tests.unit.identity.issuer_parts import Clock, FakeStore
from tests.unit.policies.test_cache import Line, said

RULES = CacheOptions(ttl=30.0, partitioned=True)
ANN, BOB = Caller("staff", "ann", {}), Caller("staff", "bob", {})
PUBLIC = ("Cache-Control", "public, max-age=5")


class Personal(Line):
    """An upstream that tells callers who they are."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(RULES, store=store)

    def _upstream(self, made: Exchange) -> Response:
        response = super()._upstream(made)
        response.body = made.caller.subject.encode() if made.caller is not None else b"nobody"
        return response


@pytest.fixture
def line() -> Personal:
    return Personal()


def test_a_field_that_selects_never_comes_to_the_key_of_a_caller(line: Personal) -> None:
    """What differs by a field is kept under what clients write into it."""
    guess = ("X-A", _named(ANN))
    line.headers = [PUBLIC, ("Vary", "X-A")]
    line.get(guess, caller=BOB)
    assert line.get(caller=ANN).body == b"ann", "what was put in her place is not hers"
    line.headers, line.now = [], line.now + 10
    assert line.get(caller=ANN).body == b"ann"
    assert line.get(guess, caller=BOB).body == b"bob", "hers is not found by its name"


def test_who_waits_for_what_was_public_is_not_given_what_is_personal(line: Personal) -> None:
    line.headers = [PUBLIC]
    line.get(caller=ANN)
    line.headers, line.now, line.pause = [], line.now + 10, 0.01
    both = [gevent.spawn(line.get, caller=caller) for caller in (ANN, BOB, ANN)]
    gevent.joinall(both, timeout=5, raise_error=True)
    assert [each.value.body for each in both] == [b"ann", b"bob", b"ann"]


def test_nor_what_another_worker_keeps_for_the_one_who_asks() -> None:
    store = FakeStore(Clock())
    one, other = Personal(store), Personal(store)
    for each in (one, other):
        each.headers = [PUBLIC]
        each.get(caller=Caller("staff", "eve", {}))
        each.headers, each.now, each.pause = [], each.now + 10, 0.01
    one.get(caller=ANN)
    store.before["get"] = lambda: gevent.sleep(0.01)
    both = [gevent.spawn(other.get, caller=caller) for caller in (ANN, BOB)]
    gevent.joinall(both, timeout=5, raise_error=True)
    assert [each.value.body for each in both] == [b"ann", b"bob"]


def test_those_who_show_nothing_are_kept_apart_too(line: Personal) -> None:
    assert line.get().body == b"nobody"
    assert said(line.get()).startswith("gateway; hit")
    assert line.get(caller=ANN).body == b"ann"
    line.headers = [PUBLIC]
    line.get(target="/p")
    assert said(line.get(target="/p", caller=ANN)).startswith("gateway; hit")


def test_what_served_all_does_not_once_callers_are_told_apart(line: Personal) -> None:
    """A reload that takes `shared` away."""

    def serve(**more: Any) -> None:
        rules = CacheOptions(ttl=30.0, **more)
        line._fetch = cache.compile(
            rules, KeyRules(), route(fetch=line._upstream), line.caching, max_size=1000, tags=["a"]
        )

    serve(shared=True)
    line.get(caller=ANN)
    assert line.get(caller=BOB).body == b"ann"
    serve(partitioned=True)
    assert line.get(caller=BOB).body == b"bob"
