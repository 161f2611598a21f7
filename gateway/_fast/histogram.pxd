"""The C door to histograms: which bucket a duration belongs to, and how one is made of counts."""

from libc.stdint cimport int64_t, uint16_t

cdef enum:
    BUCKETS = 1024

cdef int bucket_of(double seconds) noexcept nogil
cdef int64_t nanos_of(double seconds) noexcept nogil


cdef class Histogram:
    cdef readonly int64_t count
    cdef int64_t nanos
    cdef int size
    cdef int64_t *counts
    cdef uint16_t *numbers

    cdef int hold(self, int size) except -1


cdef Histogram histogram_of(const int64_t *row, int first, int end, int64_t nanos)
