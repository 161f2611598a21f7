from libc.stdint cimport uint64_t

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


cdef inline bint same_name(str lower, str name, Py_ssize_t size):
    """Whether `name` is `lower` but for the case of its ASCII letters; both are `size` characters long."""
    cdef const unsigned char *one = <const unsigned char *>PyUnicode_DATA(lower)
    cdef const unsigned char *other = <const unsigned char *>PyUnicode_DATA(name)
    cdef unsigned char byte
    cdef Py_ssize_t at
    if PyUnicode_KIND(name) != 1 or PyUnicode_KIND(lower) != 1:
        return False
    for at in range(size):
        byte = other[at]
        if c"A" <= byte <= c"Z":
            byte |= 0x20
        if byte != one[at]:
            return False
    return True


cdef inline uint64_t lengths_of(tuple names):
    """A bit for each length (modulo 64) that one of the names has."""
    cdef uint64_t lengths = 0
    cdef str name
    for name in names:
        lengths |= <uint64_t>1 << (len(name) & 63)
    return lengths


cdef inline str known_name(tuple names, uint64_t lengths, str name):
    """The one of the lower-case `names` that `name` is, None where it is none; `lengths` are those of `names`."""
    cdef Py_ssize_t size = len(name)
    cdef str known
    if lengths >> (size & 63) & 1:
        for known in names:
            if len(known) == size and same_name(known, name, size):
                return known
    return None
