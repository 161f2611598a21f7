"""The C door to a directory of names: where a name is, and which there are."""

from libc.stdint cimport int64_t, uint64_t

from gateway._fast.atomics cimport Memory

cdef enum:
    ENTRY = 256


cdef class Names:
    cdef Memory memory
    cdef int64_t *slots
    cdef int64_t *used
    cdef char *entries
    cdef uint64_t mask
    cdef readonly int capacity
    cdef int spare, owner

    cdef int place(self, int kind, bytes text) except -2
    cdef int _fresh(self, int kind, bytes text) noexcept
    cdef bint _is(self, int number, int kind, const char *text, Py_ssize_t length) noexcept nogil
