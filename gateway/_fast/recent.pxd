"""The C door to what was seen lately: a failure, a client."""

from libc.stdint cimport int64_t, uint32_t

from gateway._fast.atomics cimport Memory


cdef class Recent:
    cdef Memory memory
    cdef int64_t *head
    cdef readonly int slots
    cdef int column
    cdef char *place
    cdef uint32_t dice

    cdef char *_column(self, int column) noexcept nogil
    cdef int client(self, exchange) except -1
    cdef int failure(self, exchange, double wall, str route, int status, error) except -1
    cdef void _count(self, const char *address) noexcept nogil
    cdef void _halve(self) noexcept nogil
