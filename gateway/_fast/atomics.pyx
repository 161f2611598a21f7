"""Atomic 64-bit words in memory that several processes map.

A word is written by one machine instruction, so a process killed at any point leaves the old value or the new one.
Values are signed and wrap at 64 bits.
"""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uintptr_t


@cython.final
cdef class Memory:
    """A writable buffer that stays mapped as long as one of its cells is in use."""

    def __cinit__(self, buffer):
        PyObject_GetBuffer(buffer, &self.view, PyBUF_WRITABLE)

    def __dealloc__(self):
        PyBuffer_Release(&self.view)

    def __len__(self):
        return self.view.len


@cython.final
cdef class Cell:
    """One word of a `Memory`, at a byte offset that is a multiple of eight."""

    def __cinit__(self, Memory memory not None, Py_ssize_t offset):
        if offset < 0 or offset + 8 > memory.view.len:
            raise IndexError(f"no word at byte {offset} of {memory.view.len}")
        self.word = <int64_t *> (<char *> memory.view.buf + offset)
        if <uintptr_t> self.word % 8:
            raise ValueError(f"byte {offset} is not on a word boundary")
        self.memory = memory

    def load(self):
        """Return the value now."""
        return atom_load(self.word)

    def store(self, int64_t value):
        """Set the value; what was written before is seen by whoever loads it."""
        atom_store(self.word, value)

    def add(self, int64_t delta):
        """Add and return the new value."""
        return atom_add(self.word, delta)

    def compare_and_set(self, int64_t old, int64_t value):
        """Set `value` if the word still holds `old`; return whether it did."""
        return atom_compare_and_set(self.word, old, value)
