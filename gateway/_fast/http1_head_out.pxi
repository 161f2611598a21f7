# Writing heads: text and fields into one growing buffer. Included by head.pyx.

cdef enum:
    WORD = 8

# Values must not bring a line of their own: tab and obs-text pass, other controls do not (RFC 9110 section 5.5).
cdef bint _is_clean(const unsigned char *data, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef uint64_t word, other
    # PERF: eight bytes at a time; a word that may hold a control, or a tab, is looked at byte by byte.
    # Bench: perf/micro/bench_http1_head.py.
    while i + WORD <= size:
        memcpy(&word, data + i, WORD)
        other = word ^ <uint64_t>0x7f7f7f7f7f7f7f7f
        if (
            ((word - <uint64_t>0x2020202020202020) & ~word) | ((other - <uint64_t>0x0101010101010101) & ~other)
        ) & <uint64_t>0x8080808080808080 and not _is_clean_bytes(data + i, WORD):
            return False
        i += WORD
    return _is_clean_bytes(data + i, size - i)


cdef bint _is_clean_bytes(const unsigned char *data, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        if (data[i] < 0x20 and data[i] != 9) or data[i] == 0x7f:
            return False
    return True


@cython.final
cdef class Out:
    def __dealloc__(self):
        free(self.data)

    cdef int grow(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t room = self.room * 2 if self.room else 4096
        cdef char *data
        if self.size + more <= self.room:
            return 0
        while room < self.size + more:
            room *= 2
        data = <char *>realloc(self.data, room)
        if data == NULL:
            raise MemoryError()
        self.data = data
        self.room = room
        return 0

    cdef int raw(self, const char *data, Py_ssize_t size) except -1:
        self.grow(size)
        memcpy(self.data + self.size, data, size)
        self.size += size
        return 0

    cdef int text(self, str text) except -1:
        """Text as latin-1; ValueError for controls, which no line of a head may hold."""
        cdef bytes encoded
        cdef const unsigned char *data
        cdef Py_ssize_t size
        if PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND:
            data = <const unsigned char *>PyUnicode_DATA(text)
            size = PyUnicode_GET_LENGTH(text)
        else:
            encoded = text.encode("utf-8")
            data = <const unsigned char *>PyBytes_AS_STRING(encoded)
            size = PyBytes_GET_SIZE(encoded)
        if not _is_clean(data, size):
            raise ValueError("a control character in a message head")
        return self.raw(<const char *>data, size)

    cdef int field(self, str name, str value) except -1:
        self.text(name)
        self.raw(b": ", 2)
        self.text(value)
        return self.raw(b"\r\n", 2)

    cdef int number(self, Py_ssize_t value) except -1:
        return self.digits(value, 10)

    cdef int hexadecimal(self, Py_ssize_t value) except -1:
        return self.digits(value, 16)

    cdef int digits(self, Py_ssize_t value, int base) except -1:
        cdef char digits[24]
        cdef int at = 24
        while True:
            at -= 1
            digits[at] = b"0123456789abcdef"[value % base]
            value //= base
            if value == 0:
                return self.raw(digits + at, 24 - at)
