"""The atomic words of the page."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.atomics import Cell, Memory
from tests.oracles import page_oracle
from tests.support.forks import run_all

NEAR_THE_EDGES = st.sampled_from([0, 1, -1, 7, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1]) | st.integers(-5, 5)
OPERATION = st.one_of(
    st.tuples(st.just("load")),
    st.tuples(st.sampled_from(["store", "add"]), NEAR_THE_EDGES),
    st.tuples(st.just("compare_and_set"), NEAR_THE_EDGES, NEAR_THE_EDGES),
)


def outcome(cell, name, arguments):
    try:
        return getattr(cell, name)(*arguments)
    except OverflowError:
        return OverflowError


@given(st.lists(st.tuples(st.integers(0, 2), OPERATION), max_size=40))
def test_cells_do_what_the_oracle_does(operations):
    fast, slow = bytearray(24), bytearray(24)
    memory = Memory(fast)
    pairs = [(Cell(memory, offset), page_oracle.Cell(slow, offset)) for offset in (0, 8, 16)]
    for which, (name, *arguments) in operations:
        mine, theirs = (outcome(cell, name, arguments) for cell in pairs[which])
        assert mine == theirs
        assert type(mine) is type(theirs)
    assert fast == slow


@pytest.mark.parametrize("offset", [-8, -1, 1, 4, 17, 24, 2**62])
def test_a_cell_lies_on_a_word_inside_the_memory(offset):
    for make in (lambda: Cell(Memory(bytearray(24)), offset), lambda: page_oracle.Cell(bytearray(24), offset)):
        with pytest.raises((IndexError, ValueError)):
            make()


def test_memory_must_be_writable():
    with pytest.raises(BufferError):
        Memory(b"12345678")


def test_a_cell_keeps_its_memory_mapped():
    area = mmap.mmap(-1, 4096)
    cell = Cell(Memory(area), 8)
    with pytest.raises(BufferError):
        area.close()
    assert cell.add(5) == 5


@pytest.mark.thorough
def test_no_addition_of_two_processes_is_lost():
    area = mmap.mmap(-1, 4096)
    total, won, go = (Cell(Memory(area), offset) for offset in (0, 64, 128))

    def work():
        go.add(1)
        while go.load() < 2:
            pass
        for _ in range(300_000):
            total.add(1)
            seen = won.load()
            while not won.compare_and_set(seen, seen + 1):
                seen = won.load()

    assert run_all([work, work]) == [0, 0]
    assert (total.load(), won.load()) == (600_000, 600_000)
