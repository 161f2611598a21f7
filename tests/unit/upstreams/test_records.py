"""The table of records: who is faster, and what is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.atomics import Memory
from gateway.state.hash_table import FORGET_AFTER, SharedHashTable

NOW = 5_000


def table(memory, kind=SharedHashTable, capacity=8, record=16):
    return kind(memory, 0, capacity, record)


@pytest.fixture
def memory():
    return Memory(bytearray(8 * (16 + 16)))


class Overtaken(SharedHashTable):
    """Finds a free place, and before it takes that, another process takes `rival`."""

    __slots__ = ("rival",)

    def named(self, number):
        rival, self.rival = self.rival, None
        if rival is not None:
            assert SharedHashTable(self._memory, 0, 8, 16).take(rival, NOW) == number
        return super().named(number)


def test_a_place_that_another_key_took_first_is_passed_by(memory):
    mine = table(memory, Overtaken)
    mine.rival = 8 + 3
    assert mine.take(3, NOW) == 4
    assert [table(memory).take(key, NOW) for key in (3, 11)] == [4, 3]


def test_a_place_that_the_same_key_took_first_is_shared(memory):
    mine = table(memory, Overtaken)
    mine.rival = 3
    assert mine.take(3, NOW) == 3
    assert mine.taken() == [3]


def test_a_forgotten_record_that_another_key_took_first_is_passed_by(memory):
    full = table(memory)
    for key in range(1, 9):
        full.take(key, NOW)
    later = NOW + FORGET_AFTER + 1
    assert [table(memory).take(key, later) for key in (11, 19)] == [3, 4]
    assert table(memory).take(3, later) == 5
    assert [table(memory).take(key, later) for key in (11, 19, 3)] == [3, 4, 5]


@given(st.lists(st.integers(-(2**63), 2**63 - 1).filter(bool) | st.integers(1, 30), max_size=24))
def test_each_key_has_one_record_as_long_as_there_are_any(keys):
    shared, places = Memory(bytearray(8 * (16 + 16))), {}
    for key in keys:
        number = table(shared).take(key, NOW)
        if key in places or len(places) < 8:
            assert places.setdefault(key, number) == number
            assert number is not None
        else:
            assert number is None
    assert sorted(places.values()) == table(shared).taken()


def test_a_record_lies_behind_keys_and_names(memory):
    made = table(memory)
    assert (made.size, made.place(0), made.place(7)) == (256, 128, 240)
