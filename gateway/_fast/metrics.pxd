"""The C door to the meter: a word of a series, and what begins and ends."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from gateway._fast.name_table cimport Names
from gateway._fast.atomics cimport Memory
from gateway._fast.recent cimport Recent

cdef extern from *:
    """
    #include <stdint.h>
    static inline uint32_t near_load(uint32_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
    static inline int near_set(uint32_t *at, uint32_t value) {
        uint32_t none = 0;
        return __atomic_compare_exchange_n(at, &none, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    static inline void near_up(uint32_t *at) { __atomic_fetch_add(at, 1, __ATOMIC_RELAXED); }
    static inline void near_down(uint32_t *at) {
        if (__atomic_load_n(at, __ATOMIC_RELAXED)) __atomic_fetch_sub(at, 1, __ATOMIC_RELAXED);
    }
    static inline void near_clear(uint32_t *at) { __atomic_store_n(at, 0, __ATOMIC_RELAXED); }
    static inline void tally(int64_t *at, int64_t more) { __atomic_fetch_add(at, more, __ATOMIC_RELEASE); }
    static inline void mark(uint64_t *at, uint64_t bits) { __atomic_fetch_or(at, bits, __ATOMIC_ACQ_REL); }
    """
    uint32_t near_load(uint32_t *at) nogil
    bint near_set(uint32_t *at, uint32_t value) nogil
    void near_up(uint32_t *at) nogil
    void near_down(uint32_t *at) nogil
    void near_clear(uint32_t *at) nogil
    void tally(int64_t *at, int64_t more) nogil
    void mark(uint64_t *at, uint64_t bits) nogil

cdef enum:
    LEAF = 32  # words
    TABLE = 128  # leaves that a series may have in one stripe


cdef class Meter:
    cdef Memory memory
    cdef int64_t *head
    cdef readonly int capacity, stripes, slots
    cdef Names series, errors
    cdef dict slugs
    cdef list kept  # by series: the stamp and the row of the last reading
    cdef uint32_t *planes
    cdef uint64_t *marks
    cdef uint32_t *tables
    cdef int64_t *arena
    cdef int64_t leaves
    # this process's own: of its slot, and of the stripe that it counts in
    cdef int column, stripe
    cdef uint32_t *plane
    cdef uint32_t *table

    cdef uint32_t _grow(self, int series, uint32_t *leaf) noexcept nogil
    cdef int slug(self, slug) except -1
    cdef void time(self, int series, int which, double seconds) noexcept nogil
    cdef uint32_t *_table(self, int number, int stripe, uint64_t live) noexcept nogil
    cdef int64_t _stamp(self, int number, uint64_t live) noexcept nogil
    cdef int64_t _flying(self, int number, int64_t columns) noexcept nogil
    cdef tuple _row(self, int number, uint64_t live, tuple slugs)

    cdef inline int64_t *word(self, int series, int number) noexcept nogil:
        """A word of a series, in the stripe of this process."""
        cdef uint32_t *leaf = self.table + <Py_ssize_t> series * TABLE + number // LEAF
        cdef uint32_t found = near_load(leaf)
        if not found:
            found = self._grow(series, leaf)
        return self.arena + <Py_ssize_t> found * LEAF + number % LEAF
