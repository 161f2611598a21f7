"""A table in shared memory: a fixed number of records of equal size, each found by a 64-bit key.

    keys       one word each, 0 = never used
    named      one word each: when a process last said that it uses the record, in milliseconds
    records    zeros when they are taken

Open addressing.  A key goes into the first word of its way that is 0, by compare-and-set, so all processes agree where.
Keys stay until no word is 0; only then the record of one that nobody named for `FORGET_AFTER` goes to a new key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway._fast.atomics import Cell, Memory

#: milliseconds
FORGET_AFTER: Final = 600_000
_WORD: Final = 8


class SharedHashTable:
    """`capacity` records of `record` bytes from byte `start` of the memory on."""

    __slots__ = ("_full_until", "_memory", "_start", "capacity", "record")

    def __init__(self, memory: Memory, start: int, capacity: int, record: int) -> None:
        self._memory = memory
        self._start = start
        self.capacity = capacity
        self.record = record
        self._full_until = 0  # PERF: until then no record can have been forgotten by all, so none is looked for

    @property
    def size(self) -> int:
        """Bytes of the whole table."""
        return self.capacity * (2 * _WORD + self.record)

    def take(self, key: int, now_ms: int) -> int | None:
        """The number of the record of `key`, a new one if there is none; None when the table is full."""
        number = self._find(key, now_ms)
        if number is None and now_ms > self._full_until:
            number = self._reclaim(key, now_ms)
        return number

    def look(self, key: int) -> int | None:
        """The number of the record of `key`, None when it has none; changes nothing."""
        for number in self._way(key):
            held = self._key(number).load()
            if held == key:
                return number
            if not held:
                return None
        return None

    def place(self, number: int) -> int:
        """The byte at which a record begins."""
        return self._start + self.capacity * 2 * _WORD + number * self.record

    def named(self, number: int) -> Cell:
        """The word in which its users say, again and again, that they use it."""
        return Cell(self._memory, self._start + (self.capacity + number) * _WORD)

    def taken(self) -> list[int]:
        """The numbers of all records that have a key."""
        return [number for number in range(self.capacity) if self._key(number).load()]

    def _find(self, key: int, now_ms: int) -> int | None:
        for number in self._way(key):
            cell = self._key(number)
            held = cell.load()
            if not held:
                self.named(number).store(now_ms)
                cell.compare_and_set(0, key)
                held = cell.load()  # another process may have been faster, with the same key or with another one
            if held == key:
                self.named(number).store(now_ms)
                return number
        return None

    def _reclaim(self, key: int, now_ms: int) -> int | None:
        """Give the record of a key that nobody names any more to `key`.

        NOTE: when two processes want one such record at the same moment, the slower one's zeros may come after the
        faster one's first words.  All of these mend themselves: a count in flight never falls below none.
        """
        oldest = now_ms
        for number in self._way(key):
            held, named = self._key(number).load(), self.named(number)
            if named.load() + FORGET_AFTER < now_ms and held != key:
                named.store(now_ms)
                for offset in range(0, self.record, _WORD):
                    Cell(self._memory, self.place(number) + offset).store(0)
                self._key(number).compare_and_set(held, key)
            if self._key(number).load() == key:
                return number
            oldest = min(oldest, named.load())
        self._full_until = oldest + FORGET_AFTER
        return None

    def _way(self, key: int) -> Iterator[int]:
        """Every number once, beginning where the key belongs."""
        home = key % self.capacity
        yield from range(home, self.capacity)
        yield from range(home)

    def _key(self, number: int) -> Cell:
        return Cell(self._memory, self._start + number * _WORD)
