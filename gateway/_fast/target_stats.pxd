"""The C door to the figures about targets: what the methods do, without Python and without the GIL."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from gateway._fast.atomics cimport Memory

cdef extern from *:
    """
    #include <stdint.h>
    static inline uint32_t count_load(uint32_t *count) { return __atomic_load_n(count, __ATOMIC_RELAXED); }
    static inline void count_clear(uint32_t *count) { __atomic_store_n(count, 0, __ATOMIC_RELAXED); }
    static inline void count_up(uint32_t *count) { __atomic_fetch_add(count, 1, __ATOMIC_RELAXED); }
    static inline void count_down(uint32_t *count) {
        if (__atomic_load_n(count, __ATOMIC_RELAXED)) __atomic_fetch_sub(count, 1, __ATOMIC_RELAXED);
    }
    """
    uint32_t count_load(uint32_t *count) nogil
    void count_clear(uint32_t *count) nogil
    void count_up(uint32_t *count) nogil
    void count_down(uint32_t *count) nogil


cdef class Window:
    cdef Memory memory
    cdef int64_t *words
    cdef int buckets, lanes, bits
    cdef uint64_t top, halves
    cdef readonly int64_t span_ms, width_ms

    cdef void count(self, int64_t now_ms, const uint64_t *more) noexcept nogil
    cdef void total(self, int64_t now_ms, int64_t span_ms, uint64_t *sums) noexcept nogil
    cdef uint64_t _added(self, uint64_t word, const uint64_t *more) noexcept nogil


cdef class Ewma:
    cdef Memory memory
    cdef int64_t *word
    cdef double half_life

    cdef void take(self, int64_t now_ms, double seconds) noexcept nogil
    cdef double at(self, int64_t now_ms) noexcept nogil


cdef class Columns:
    cdef Memory memory
    cdef int64_t *live
    cdef readonly int count, own


cdef class InFlight:
    cdef Memory memory
    cdef uint32_t *row
    cdef Columns columns

    cdef inline void up(self) noexcept nogil:
        count_up(self.row + self.columns.own)

    cdef inline void down(self) noexcept nogil:
        count_down(self.row + self.columns.own)

    cdef int64_t sum(self) noexcept nogil
