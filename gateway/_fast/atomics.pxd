"""The C door to the shared page: cimport `Cell` and use `atom_*` on its `word`, without Python and without the GIL."""

from libc.stdint cimport int64_t

cdef extern from *:
    """
    #include <stdint.h>
    static inline int64_t atom_load(int64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
    static inline void atom_store(int64_t *word, int64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
    static inline int64_t atom_add(int64_t *word, int64_t delta) {
        return __atomic_add_fetch(word, delta, __ATOMIC_ACQ_REL);
    }
    static inline int atom_compare_and_set(int64_t *word, int64_t old, int64_t value) {
        return __atomic_compare_exchange_n(word, &old, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    """
    int64_t atom_load(int64_t *word) nogil
    void atom_store(int64_t *word, int64_t value) nogil
    int64_t atom_add(int64_t *word, int64_t delta) nogil
    bint atom_compare_and_set(int64_t *word, int64_t old, int64_t value) nogil


cdef class Memory:
    cdef Py_buffer view


cdef class Cell:
    cdef Memory memory
    cdef int64_t *word
