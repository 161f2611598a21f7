"""A directory of names: against its oracle, by many processes at once, and when it is full."""

import mmap
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.atomics import Memory
from gateway._fast.name_table import TEXT_MAX, Names
from tests.oracles import meter_oracle

NAME = st.tuples(
    st.integers(1, 3), st.sampled_from([b"", b"a", b"b", b"item", b"x" * 248, b"x" * 249]) | st.binary(max_size=3)
)


def directory(capacity, memory=None):
    memory = memory or Memory(mmap.mmap(-1, Names.bytes_for(capacity)))
    return Names(memory, 0, capacity)


@given(st.integers(1, 20), st.lists(NAME, max_size=60))
def test_as_the_oracle_numbers_them(capacity, names):
    fast, slow = directory(capacity), meter_oracle.Names(capacity)
    for kind, text in names:
        assert fast.index(kind, text) == slow.index(kind, text)
    assert sorted(fast.known()) == sorted((number, *name) for name, number in slow.numbers.items())


def test_another_process_knows_the_same():
    memory = Memory(mmap.mmap(-1, Names.bytes_for(8)))
    one, other = directory(8, memory), directory(8, memory)
    assert [one.index(1, b"a"), other.index(1, b"b"), one.index(1, b"b"), other.index(1, b"a")] == [0, 1, 1, 0]
    assert other.known() == one.known()


def forked(work):
    """The pid of a child that does something and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def test_processes_that_name_the_same_at_once_waste_an_entry_each_at_most():
    names = directory(1000)
    wanted = [b"route-%d" % number for number in range(900)]
    pids = [forked(lambda: [names.index(1, text) for text in wanted]) for _ in range(4)]
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    known = names.known()
    assert sorted(text for _, _, text in known) == sorted(wanted)
    assert max(number for number, _, _ in known) < 900 + 4


def test_a_killed_writer_wedges_nobody():
    """Killed anywhere, it leaves at most one entry that nobody sees; what it named has one number for all."""
    names, turns, each = directory(30_000), 10, 2000
    for turn in range(turns):
        texts = [b"%d-%d" % (turn, number) for number in range(each)]
        before = len(names.known())
        pid = forked(lambda texts=texts: [names.index(1, text) for text in texts])
        while len(names.known()) < before + 10:
            os.sched_yield()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        left = {text: number for number, _, text in names.known()}
        numbers = [names.index(1, text) for text in texts]
        assert len(set(numbers)) == each
        assert all(left.get(text, number) == number for text, number in zip(texts, numbers, strict=True))
    assert len(names.known()) == turns * each
    assert max(number for number, _, _ in names.known()) < turns * (each + 1)


def test_what_does_not_fit_is_said():
    assert TEXT_MAX == 248
    with pytest.raises(ValueError, match="no 8 names at byte 0 of 64"):
        Names(Memory(bytearray(64)), 0, 8)
    with pytest.raises(ValueError, match="no 0 names"):
        Names(Memory(bytearray(64)), 0, 0)
    with pytest.raises(ValueError, match="word boundary"):
        Names(Memory(bytearray(100_000)), 4, 8)
