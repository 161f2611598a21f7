"""The ledger: one claim for each key, kept, let go, or over; and what the store holds of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policies.idempotency.ledger import SPARE, Claim, Ledger
from gateway.policies.idempotency.record import Done, Pending, unpack
from tests.oracles.store_oracle import DictStore

MARK = b"m" * 32
NAME = b"idem/1"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def ns(self):
        return int(self.now * 1e9)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(clock):
    return Ledger(DictStore(clock.ns), 60.0, clock)


def answer(body=b"done"):
    return Done(MARK, 201, (("X-A", "\u00e9"), ("X-A", "b")), body)


def test_one_has_the_key_until_its_answer_is_there(ledger):
    claim = ledger.claim(NAME, MARK, 5.0)
    assert isinstance(claim, Claim)
    assert ledger.claim(NAME, b"o" * 32, 5.0) == claim.pending
    assert ledger.keep(claim, answer())
    assert ledger.claim(NAME, MARK, 5.0) == answer()
    assert isinstance(ledger.claim(b"idem/2", MARK, 5.0), Claim)


def test_it_is_forgotten_after_its_time(ledger, clock):
    ledger.keep(ledger.claim(NAME, MARK, 5.0), answer())
    clock.now += 59
    assert ledger.claim(NAME, MARK, 5.0) == answer()
    clock.now += 2
    assert isinstance(ledger.claim(NAME, MARK, 5.0), Claim)


def test_who_died_holds_a_key_no_longer_than_its_request_could_take(ledger, clock):
    dead = ledger.claim(NAME, MARK, 5.0)
    clock.now += 5 + SPARE - 0.1
    assert ledger.claim(NAME, MARK, 5.0) == dead.pending
    clock.now += 0.2
    heir = ledger.claim(NAME, MARK, 5.0)
    assert isinstance(heir, Claim)
    assert not ledger.keep(dead, answer())  # should it live after all
    ledger.let_go(dead)
    assert ledger.claim(NAME, MARK, 5.0) == heir.pending
    assert ledger.keep(heir, answer(b"heir"))


def test_what_is_let_go_is_anybodys(ledger):
    ledger.let_go(ledger.claim(NAME, MARK, 5.0))
    assert isinstance(ledger.claim(NAME, b"o" * 32, 5.0), Claim)


def test_what_is_too_large_with_its_header_is_not_kept(ledger):
    claim = ledger.claim(NAME, MARK, 5.0)
    assert not ledger.keep(claim, answer(b"x" * (1 << 20)))
    ledger.let_go(claim)
    assert isinstance(ledger.claim(NAME, MARK, 5.0), Claim)


def test_a_key_that_goes_or_is_taken_meanwhile_counts_as_under_way(clock):
    class Racing(DictStore):
        def get(self, key):
            found = super().get(key)
            self.entries.clear()
            return found

    store = Racing(clock.ns)
    store.set(NAME, b"rubbish", 60.0)
    assert isinstance(Ledger(store, 60.0, clock).claim(NAME, MARK, 5.0), Pending)


@given(st.binary())
def test_what_says_nothing_is_nothing(data):
    assert isinstance(unpack(data), Done | Pending | None)


@given(st.integers(100, 599), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))), st.binary())
def test_answers_come_back_as_they_were(status, headers, body):
    done = Done(MARK, status, tuple(headers), body)
    assert unpack(done.packed()) == done
