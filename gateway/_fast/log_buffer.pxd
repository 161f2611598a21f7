from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcpy


cdef class Batch:
    cdef char *data
    cdef Py_ssize_t capacity
    cdef Py_ssize_t head
    cdef Py_ssize_t tail
    cdef Py_ssize_t limit
    cdef Py_ssize_t full
    cdef bint is_choked
    cdef readonly Py_ssize_t dropped
    cdef Py_ssize_t noted
    cdef object on_first
    cdef object on_full

    cdef char *room(self, Py_ssize_t size) except NULL
    cdef bint is_open(self)
    cdef int commit(self, bint was_empty) except -1


cdef inline int put(Batch batch, const char *text, Py_ssize_t size) except -1:
    memcpy(batch.data + batch.tail if batch.tail + size <= batch.capacity else batch.room(size), text, size)
    batch.tail += size
    return 0


cdef inline int put_bytes(Batch batch, bytes text) except -1:
    return put(batch, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef inline void put_digits(char *out, int value, int count) noexcept nogil:
    while count:
        count -= 1
        out[count] = <char>(c"0" + value % 10)
        value //= 10


cdef int put_integer(Batch batch, long long value) except -1
cdef int put_milliseconds(Batch batch, long long microseconds) except -1
cdef int put_latin(Batch batch, const unsigned char *text, Py_ssize_t size) except -1
cdef int put_text(Batch batch, str text) except -1
cdef int put_escaped(Batch batch, const unsigned char *text, Py_ssize_t size) except -1
