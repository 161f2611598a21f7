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
