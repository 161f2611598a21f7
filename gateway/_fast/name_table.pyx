"""A directory of names in memory that several processes map: it only grows, and nobody waits for anybody.

    0      entries given out, 56 bytes free
    64     slots, twice as many as entries (a power of two): the number of an entry and one, 0 = free
    ...    entries, 256 bytes each: kind and length, text

A name is written into an entry of its own first, and is there once a slot says so, by one compare-and-swap.  Whoever
is killed in between leaves an entry that nobody can see; whoever comes second to the same name keeps the entry for the
next name.  So N processes that name the same things at the same time lose at most one entry each.

Oracle: tests/oracles/meter_oracle.py.
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.string cimport memcmp, memcpy
from posix.unistd cimport getpid

from gateway._fast.atomics cimport Memory, atom_add, atom_compare_and_set, atom_load

cdef enum:
    HEAD = 64
    LENGTH_BITS = 32

TEXT_MAX = ENTRY - 8


cdef Py_ssize_t _slots_for(Py_ssize_t capacity) noexcept nogil:
    cdef Py_ssize_t slots = 16
    while slots < 2 * capacity:
        slots *= 2
    return slots


cdef inline uint64_t _digest(int kind, const char *text, Py_ssize_t length) noexcept nogil:
    """FNV-1a, mixed; the same in every process."""
    cdef uint64_t word = (<uint64_t> 0xCBF29CE484222325 ^ <uint64_t> kind) * <uint64_t> 0x100000001B3
    cdef Py_ssize_t at
    for at in range(length):
        word = (word ^ <unsigned char> text[at]) * <uint64_t> 0x100000001B3
    word = (word ^ word >> 30) * <uint64_t> 0xBF58476D1CE4E5B9
    return word ^ word >> 31


@cython.final
cdef class Names:
    """Names of several kinds, each with a number from 0 that it keeps."""

    def __cinit__(self, Memory memory not None, Py_ssize_t start, int capacity):
        if capacity < 1 or start < 0 or start + self.bytes_for(capacity) > memory.view.len:
            raise ValueError(f"no {capacity} names at byte {start} of {memory.view.len}")
        cdef char *place = <char *> memory.view.buf + start
        if <uintptr_t> place % 8:
            raise ValueError(f"byte {start} is not on a word boundary")
        self.memory = memory
        self.capacity = capacity
        self.mask = _slots_for(capacity) - 1
        self.used = <int64_t *> place
        self.slots = <int64_t *> (place + HEAD)
        self.entries = place + HEAD + 8 * _slots_for(capacity)
        self.spare = -1

    @staticmethod
    def bytes_for(int capacity):
        """Bytes of a directory; memory is used for the slots, and for the names that there are."""
        return HEAD + 8 * _slots_for(capacity) + ENTRY * <Py_ssize_t> capacity

    def index(self, int kind, bytes text not None, /):
        """The number of a name, given to it now if it has none; -1 when there is no room, or `text` is too long."""
        return self.place(kind, text)

    def known(self):
        """(number, kind, text) of all names, in no order."""
        cdef uint64_t at
        cdef int64_t found
        cdef int64_t *entry
        names = []
        for at in range(self.mask + 1):
            found = atom_load(self.slots + at)
            if found:
                entry = <int64_t *> (self.entries + (found - 1) * ENTRY)
                text = (<char *> (entry + 1))[:<Py_ssize_t> (entry[0] & 0xFFFFFFFF)]
                names.append((<int> (found - 1), <int> (entry[0] >> LENGTH_BITS), text))
        return names

    cdef int place(self, int kind, bytes text) except -2:
        cdef Py_ssize_t length = len(text)
        cdef uint64_t at = _digest(kind, text, length)
        cdef int64_t found
        cdef int mine = -1
        if length > ENTRY - 8:
            return -1
        while True:
            at &= self.mask
            found = atom_load(self.slots + at)
            if not found and mine < 0:
                mine = self._fresh(kind, text)
                if mine < 0:
                    return -1
            if not found and atom_compare_and_set(self.slots + at, 0, mine + 1):
                self.spare = -1
                return mine
            if not found:
                continue  # somebody was faster: look at what is there now
            if self._is(<int> (found - 1), kind, text, length):
                return <int> (found - 1)
            at += 1

    cdef int _fresh(self, int kind, bytes text) noexcept:
        """An entry with the name in it, that nobody sees yet; -1 when all are given out."""
        cdef int64_t *entry
        cdef int pid = getpid()
        if self.owner != pid:  # what the process before a fork kept is that one's
            self.owner, self.spare = pid, -1
        if self.spare < 0:
            if atom_load(self.used) >= self.capacity:
                return -1
            self.spare = <int> min(atom_add(self.used, 1) - 1, <int64_t> self.capacity)
            if self.spare >= self.capacity:
                self.spare = -1
                return -1
        entry = <int64_t *> (self.entries + <Py_ssize_t> self.spare * ENTRY)
        entry[0] = <int64_t> kind << LENGTH_BITS | len(text)
        memcpy(entry + 1, <const char *> text, len(text))
        return self.spare

    cdef bint _is(self, int number, int kind, const char *text, Py_ssize_t length) noexcept nogil:
        cdef int64_t *entry = <int64_t *> (self.entries + <Py_ssize_t> number * ENTRY)
        return entry[0] == (<int64_t> kind << LENGTH_BITS | length) and memcmp(entry + 1, text, length) == 0
