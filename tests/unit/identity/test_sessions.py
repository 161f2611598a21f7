"""Sessions in the store: what is kept, how long, and what ends it."""

import json
from hashlib import sha256

import pytest

from gateway.auth.session.store import RECORD_MAX, Sessions, Tokens
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.state import StoreUnavailableError
from tests.support.clock import Clock
from tests.support.openid import session_spec

TOKENS = Tokens("access", 1_800_000_000.0, 1_800_000_300.0, "refresh", "id", ("openid",))


@pytest.fixture
def sessions(store, clock):
    return Sessions("browser", session_spec(), store, clock)


def test_what_began_is_found(sessions):
    value, entry = sessions.begin("ada", {"sub": "ada", "n": [1]}, TOKENS)
    found = sessions.find(value)
    assert found == entry
    assert found.session.subject == "ada"
    assert found.session.claims == {"sub": "ada", "n": [1]}
    assert found.session.tokens == TOKENS


def test_a_session_without_tokens(sessions):
    value, _ = sessions.begin("ada", {"sub": "ada"})
    assert sessions.find(value).session.tokens is None


def test_the_store_holds_no_cookie(sessions, store):
    value, entry = sessions.begin("ada", {"sub": "ada"}, TOKENS)
    assert entry.key == b"session:browser:" + sha256(value.encode()).hexdigest().encode()
    for key in store.scan(b"s"):
        assert value.encode() not in key + (store.get(key) or b"")


def test_cookies_are_random(sessions):
    values = {sessions.begin("ada", {"sub": "ada"})[0] for _ in range(50)}
    assert len(values) == 50
    assert {len(value) for value in values} == {43}


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "ä" * 43, "a" * 44, "a" * 10_000, "../" + "a" * 40])
def test_other_values_name_no_session(sessions, value):
    sessions.begin("ada", {"sub": "ada"})
    assert sessions.find(value) is None


def test_an_unused_session_ends(sessions, clock):
    value, _ = sessions.begin("ada", {"sub": "ada"})
    clock.now += 1799
    assert sessions.find(value)
    clock.now += 1
    assert sessions.find(value) is None


def test_use_keeps_it_for_its_whole_life_and_no_longer(sessions, clock):
    value, _ = sessions.begin("ada", {"sub": "ada"})
    for _ in range(28):
        clock.now += 1500
        sessions.touch(sessions.find(value))
    clock.now += 1199  # 43,199 s old
    sessions.touch(sessions.find(value))
    clock.now += 1
    assert sessions.find(value) is None


def test_use_is_written_seldom(sessions, clock, store):
    value, entry = sessions.begin("ada", {"sub": "ada"})
    clock.now += 179
    assert sessions.touch(entry) is entry
    clock.now += 1
    touched = sessions.touch(entry)
    assert touched.session.seen == clock.now
    assert store.get(entry.key) == touched.raw


def test_a_clock_that_was_set_back_ends_no_session_in_use(store, clock):
    wall = Clock()  # the store counts since the machine was started
    sessions = Sessions("browser", session_spec(), store, wall)
    value, _ = sessions.begin("ada", {"sub": "ada"})
    wall.now -= 7200
    for _ in range(4):
        sessions.touch(sessions.find(value))
        clock.now += 1200
        wall.now += 1200
    assert sessions.find(value)


def test_touching_neither_revives_nor_overwrites(sessions, clock):
    value, entry = sessions.begin("ada", {"sub": "ada"}, TOKENS)
    clock.now += 600
    changed = sessions.change(entry.key, lambda session: type(session)(**{**fields(session), "csrf": "new"}))
    assert sessions.touch(entry) is entry  # a stale copy
    assert sessions.find(value).raw == changed.raw
    sessions.end(entry.key)
    sessions.touch(entry)
    assert sessions.find(value) is None


def test_end(sessions):
    value, entry = sessions.begin("ada", {"sub": "ada"})
    other, _ = sessions.begin("ada", {"sub": "ada"})
    sessions.end(entry.key)
    assert sessions.find(value) is None
    assert sessions.find(other)


def test_everywhere_means_now_and_not_later(sessions, clock):
    mine = [sessions.begin("ada", {"sub": "ada"})[0] for _ in range(3)]
    other, _ = sessions.begin("bob", {"sub": "bob"})
    sessions.end_everywhere("ada")
    later, _ = sessions.begin("ada", {"sub": "ada"})  # at the very same time
    assert [sessions.find(value) for value in mine] == [None] * 3
    assert sessions.find(other)
    assert sessions.find(later)
    sessions.end_everywhere("ada")
    assert sessions.find(later) is None


def test_logged_out_sessions_do_not_come_back(sessions, clock):
    value, entry = sessions.begin("ada", {"sub": "ada"})
    sessions.end_everywhere("ada")
    for _ in range(40):
        clock.now += 1200
        assert sessions.touch(entry) is not None
        assert sessions.find(value) is None


def test_providers_are_apart(sessions, store, clock):
    value, _ = sessions.begin("ada", {"sub": "ada"})
    assert Sessions("other", session_spec(), store, clock).find(value) is None


def test_a_change_meets_another(sessions, store):
    _, entry = sessions.begin("ada", {"sub": "ada", "n": 0})
    race = iter([True])

    def edit(session):
        if next(race, False):
            sessions.change(entry.key, lambda other: type(other)(**{**fields(other), "csrf": "theirs"}))
        return type(session)(**{**fields(session), "claims": {"sub": "ada", "n": 1}})

    changed = sessions.change(entry.key, edit)
    assert (changed.session.csrf, changed.session.claims["n"]) == ("theirs", 1)
    assert store.get(entry.key) == changed.raw


def fields(session):
    return {name: getattr(session, name) for name in session.__slots__}


def test_changing_what_ended_changes_nothing(sessions, store):
    _, entry = sessions.begin("ada", {"sub": "ada"})
    sessions.end(entry.key)
    assert sessions.change(entry.key, lambda session: session) is None
    assert store.get(entry.key) is None


def test_changing_what_never_rests_gives_up(sessions, store):
    _, entry = sessions.begin("ada", {"sub": "ada"})

    def edit(session):
        store.set(entry.key, store.get(entry.key) + b" ", 60)
        return session

    with pytest.raises(StoreUnavailableError):
        sessions.change(entry.key, edit)


@pytest.mark.parametrize(
    "record", [b"", b"\xff", b"[]", b"{}", b"null", b'{"v": 1, "provider": "browser"}', b'{"v": 2}', b"1" * 5000]
)
def test_records_that_make_no_sense(sessions, store, record):
    value, entry = sessions.begin("ada", {"sub": "ada"})
    store.set(entry.key, record, 60)
    assert sessions.find(value) is None
    assert store.get(entry.key) is None


@pytest.mark.parametrize("change", [{"v": 2}, {"provider": "other"}, {"more": 1}, {"tokens": []}, {"tokens": {}}])
def test_records_of_another_version(sessions, store, change):
    value, entry = sessions.begin("ada", {"sub": "ada"})
    store.set(entry.key, json.dumps({**json.loads(entry.raw), **change}).encode(), 60)
    assert sessions.find(value) is None


def test_what_is_too_large_is_not_kept(sessions, store):
    with pytest.raises(GatewayError) as raised:
        sessions.begin("ada", {"sub": "ada", "all": "x" * RECORD_MAX})
    assert raised.value.kind is UPSTREAM_BAD_ANSWER
    assert list(store.scan(b"session")) == []


def test_what_is_known_is_not_read_twice(sessions):
    value, entry = sessions.begin("ada", {"sub": "ada"})
    assert sessions.find(value, entry) is entry
    changed = sessions.change(entry.key, lambda session: type(session)(**{**fields(session), "csrf": "new"}))
    assert sessions.find(value, entry) == changed
    sessions.end(entry.key)
    assert sessions.find(value, changed) is None
