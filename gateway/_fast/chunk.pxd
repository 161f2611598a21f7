# The first line of a chunk (RFC 9112 section 7.1), for both sides.

cdef inline Py_ssize_t chunk_size(const unsigned char *line, Py_ssize_t size) noexcept nogil:
    """The size on a chunk's first line (without its CRLF), extensions ignored; -1 for anything odd."""
    cdef Py_ssize_t value = 0, i = 0
    cdef unsigned char c
    while i < size:
        c = line[i]
        if c"0" <= c <= c"9":
            value = value * 16 + c - c"0"
        elif c"a" <= (c | 0x20) <= c"f":
            value = value * 16 + (c | 0x20) - c"a" + 10
        else:
            break
        i += 1
        if i > 15:
            return -1
    if i == 0:
        return -1
    if i < size:
        while i < size and (line[i] == c" " or line[i] == c"\t"):
            i += 1
        if i == size or line[i] != c";":
            return -1
    while i < size:
        if (line[i] < 0x20 and line[i] != 9) or line[i] == 0x7f:
            return -1
        i += 1
    return value
