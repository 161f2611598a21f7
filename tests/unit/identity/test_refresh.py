"""Refresh tokens: each is good once, and one that comes again ends all that came of its login."""

import base64
import hashlib
import json
import logging

import pytest

from gateway.auth.issuer.refresh_tokens import LIVE_MAX, InvalidGrant, RefreshTokens, is_refresh_token
from gateway.auth.revocation_list import RevocationList
from gateway.state.memory_store import MemoryStore
from gateway.state.store import StoreError
from tests.unit.identity.issuer_parts import Clock, FakeRevoked, FakeStore

CLAIMS = {"sub": "alice", "scope": "items:read"}


class Arena:
    def __init__(self, store=None):
        self.clock = Clock()
        self.store = store or FakeStore(self.clock)
        self.revoked = FakeRevoked()
        self.families = self.of("tokens")

    def of(self, provider):
        return RefreshTokens(provider, self.store, self.revoked, ttl=1000.0, access_ttl=100.0, clock=self.clock)

    def refused(self, token, families=None):
        with pytest.raises(InvalidGrant):
            (families or self.families).use(token)
        return True


@pytest.fixture
def arena():
    return Arena()


def test_each_use_gives_another_token_and_the_same_claims(arena):
    first = arena.families.start(CLAIMS)
    second = arena.families.use(first.token)
    third = arena.families.use(second.token)
    assert first.claims == second.claims == third.claims == CLAIMS
    assert len({first.token, second.token, third.token}) == len({first.jti, second.jti, third.jti}) == 3
    assert all(is_refresh_token(each.token) for each in (first, second, third))
    assert arena.revoked.names == set()


def test_a_token_that_comes_again_ends_its_family_and_its_access_tokens(arena, caplog):
    first = arena.families.start(CLAIMS)
    arena.clock.now += 30
    second = arena.families.use(first.token)
    other = arena.families.start(CLAIMS)
    with caplog.at_level(logging.WARNING):
        assert arena.refused(first.token)
    assert arena.refused(second.token)
    assert arena.revoked.found == {("tokens", first.jti): 70.0, ("tokens", second.jti): 100.0}
    assert arena.families.use(other.token).claims == CLAIMS
    (told,) = caplog.messages
    assert "used twice" in told
    assert first.token not in told


def test_a_reuse_is_seen_however_old_the_token_is(arena):
    tokens = [arena.families.start(CLAIMS).token]
    for _ in range(5):
        tokens.append(arena.families.use(tokens[-1]).token)
    assert arena.refused(tokens[0])
    assert arena.refused(tokens[-1])


def test_of_two_uses_at_one_moment_one_wins_and_the_family_dies(arena):
    first = arena.families.start(CLAIMS)
    won = []
    # Between the reading of the one and its writing comes the whole of the other.
    arena.store.before["compare_and_set"] = lambda: won.append(arena.families.use(first.token))
    assert arena.refused(first.token)
    assert len(won) == 1
    assert arena.refused(won[0].token)
    assert arena.revoked.names == {first.jti, won[0].jti}


def test_a_refresh_that_slips_into_the_end_of_its_family_is_revoked_too(arena):
    first = arena.families.start(CLAIMS)
    second = arena.families.use(first.token)
    slipped = []
    arena.store.before["compare_and_set"] = lambda: slipped.append(arena.families.use(second.token))
    assert arena.refused(first.token)
    assert arena.refused(slipped[0].token)
    assert arena.revoked.names == {first.jti, second.jti, slipped[0].jti}


def test_in_a_store_of_many_processes_too(tmp_path):
    arena = Arena(MemoryStore(tmp_path))
    first = arena.families.start(CLAIMS)
    second = arena.families.use(first.token)
    assert arena.refused(first.token)
    assert arena.refused(second.token)
    arena.store.close()


def test_a_family_ends_when_its_time_is_up_however_often_it_is_used(arena):
    token = arena.families.start(CLAIMS).token
    for _ in range(9):
        arena.clock.now += 100
        token = arena.families.use(token).token
    arena.clock.now += 99
    token = arena.families.use(token).token
    arena.clock.now += 1
    assert arena.refused(token)
    assert arena.store.live() == {}


def test_ending_a_family_by_any_of_its_tokens(arena):
    for which in (0, 1):
        first = arena.families.start(CLAIMS)
        second = arena.families.use(first.token)
        assert arena.families.end((first, second)[which].token)
        assert arena.refused(second.token)
        assert {first.jti, second.jti} <= arena.revoked.names
        assert not arena.families.end(second.token)


def test_more_live_access_tokens_than_are_kept_revoke_the_oldest(arena):
    first = last = arena.families.start(CLAIMS)
    for _ in range(LIVE_MAX - 1):
        last = arena.families.use(last.token)
    assert arena.revoked.names == set()
    last = arena.families.use(last.token)
    assert arena.revoked.names == {first.jti}
    arena.clock.now += 100
    arena.families.use(last.token)
    assert arena.revoked.names == {first.jti}


def test_an_end_that_the_store_cut_short_is_taken_up_again(arena):
    first = arena.families.start(CLAIMS)
    second = arena.families.use(first.token)
    arena.revoked.is_down = True
    with pytest.raises(StoreError):
        arena.families.use(first.token)
    arena.revoked.is_down = False
    assert arena.refused(second.token)
    assert arena.revoked.names == {first.jti, second.jti}
    assert arena.store.live() == {}


def test_a_store_out_of_reach_is_said_and_ends_nothing(arena):
    first = arena.families.start(CLAIMS)
    arena.store.is_down = True
    for call in (lambda: arena.families.start(CLAIMS), lambda: arena.families.use(first.token)):
        with pytest.raises(StoreError):
            call()
    arena.store.is_down = False
    assert arena.families.use(first.token).claims == CLAIMS


@pytest.mark.parametrize("token", ["", "a", "a" * 64, "!" * 64, "é" * 64, "a" * 65, "a.b.c", "=" * 64])
def test_what_is_no_token(arena, token):
    assert arena.refused(token)
    assert not arena.families.end(token)


def test_another_provider_does_not_take_it(arena):
    first = arena.families.start(CLAIMS)
    assert arena.refused(first.token, arena.of("others"))
    assert arena.families.use(first.token)


def test_the_store_holds_no_token(arena):
    first = arena.families.start(CLAIMS)
    secret = base64.urlsafe_b64decode(first.token)[16:]
    (value,) = [value for value, _ in arena.store.live().values()]
    assert json.loads(value)["secret"] == hashlib.sha256(secret).hexdigest()
    assert first.token not in value.decode()
    assert secret.hex() not in value.decode()


@pytest.mark.parametrize("before", [None, 30.0])
def test_a_subject_that_was_revoked_gets_no_further_tokens(arena, before):
    revoked = RevocationList(arena.store, arena.clock)
    families = RefreshTokens("tokens", arena.store, revoked, ttl=1000.0, access_ttl=100.0, clock=arena.clock)
    mine, other = families.start(CLAIMS), families.start({"sub": "bob"})
    arena.clock.now += 60
    until = None if before is None else arena.clock.now - before
    revoked.revoke(provider="tokens", sub="alice", before=until, ttl=500.0)
    assert arena.refused(mine.token, families)
    later = families.start(CLAIMS)
    assert families.use(other.token).claims == {"sub": "bob"}
    if before is None:
        assert arena.refused(later.token, families)
    else:
        assert families.use(later.token).claims == CLAIMS  # who logged in since is not meant
    arena.clock.now += 600
    assert arena.refused(mine.token, families)  # its family has ended, and does not come back
