"""A buffer of lines on their way to a file, and how texts and numbers are put into it.

PERF: a line is written once, in place: no str, no join, no copy until write(2).
Bench: perf/micro/bench_access_log_line.py.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcpy, memmove

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    uint32_t PyUnicode_READ(int kind, void *data, Py_ssize_t index)

cdef const char *HEX = b"0123456789abcdef"


@cython.final
cdef class Batch:
    """Whole lines on their way out: the bytes [head, tail) of one buffer.

    At most `limit` bytes wait; a line beyond is dropped and counted, until half of them are gone.  `on_first()` is
    called when a line comes into an empty batch, `on_full()` with every line that ends beyond `full` bytes.  `noted`
    counts the lines that the notes in here speak of, less those notes: they are missing still if the notes get lost.
    """

    def __cinit__(self, Py_ssize_t limit, Py_ssize_t full, on_first, on_full):
        self.limit = limit
        self.full = full
        self.on_first = on_first
        self.on_full = on_full
        self.capacity = full * 2
        self.data = <char *>malloc(self.capacity)
        if self.data == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.tail - self.head

    cdef char *room(self, Py_ssize_t size) except NULL:
        """Where the next byte goes, with at least `size` bytes free."""
        cdef char *moved
        if self.tail + size > self.capacity:
            if self.head:
                memmove(self.data, self.data + self.head, self.tail - self.head)
                self.tail -= self.head
                self.head = 0
            if self.tail + size > self.capacity:
                moved = <char *>realloc(self.data, (self.tail + size) * 2)
                if moved == NULL:
                    raise MemoryError()
                self.data = moved
                self.capacity = (self.tail + size) * 2
        return self.data + self.tail

    cdef bint is_open(self):
        """Whether a line may come in; one that may not is counted."""
        cdef Py_ssize_t waiting = self.tail - self.head
        if self.is_choked and waiting * 2 <= self.limit:
            self.is_choked = False
        elif waiting >= self.limit:
            self.is_choked = True
        if self.is_choked:
            self.dropped += 1
        return not self.is_choked

    cdef int commit(self, bint was_empty) except -1:
        """Tell the owner about the line that has just been put in."""
        if was_empty:
            self.on_first()
        if self.tail - self.head >= self.full:
            self.on_full()
        return 0

    def chunk(self, Py_ssize_t size):
        """The next bytes to write: whole lines up to `size` bytes, or one that is longer; b"" when none wait."""
        cdef Py_ssize_t waiting = self.tail - self.head
        cdef Py_ssize_t end = min(size, waiting)
        cdef char *start = self.data + self.head
        cdef char *newline
        if waiting > size:
            while end and start[end - 1] != c"\n":
                end -= 1
            if not end:
                newline = <char *>memchr(start, c"\n", waiting)
                end = newline - start + 1
        return PyBytes_FromStringAndSize(start, end)

    def consume(self, Py_ssize_t size):
        """Forget the first `size` bytes: they are written."""
        self.head += min(size, self.tail - self.head)
        if self.head == self.tail:
            self.head = self.tail = self.noted = 0
            if self.capacity > self.full * 8:
                # A stalled reader made it grow; what it needs from day to day is little.
                self.capacity = self.full * 2
                free(self.data)
                self.data = <char *>malloc(self.capacity)
                if self.data == NULL:
                    self.capacity = 0
                    raise MemoryError()

    def discard(self):
        """Drop and count all that waits: it cannot be written."""
        cdef Py_ssize_t at
        for at in range(self.head, self.tail):
            if self.data[at] == c"\n":
                self.dropped += 1
        self.dropped += self.noted
        self.consume(self.tail - self.head)


# What each byte needs inside a JSON string: 0 nothing, 1 "\u00XX", 2 two bytes of UTF-8, else the letter behind "\".
cdef unsigned char[256] json_form
cdef int _byte
for _byte in range(256):
    json_form[_byte] = 1 if _byte < 0x20 else 2 if _byte > 0x7F else 0
json_form[c'"'] = c'"'
json_form[c"\\"] = c"\\"
json_form[c"\n"] = c"n"
json_form[c"\r"] = c"r"
json_form[c"\t"] = c"t"
json_form[8] = c"b"
json_form[12] = c"f"


cdef int put_integer(Batch batch, long long value) except -1:
    cdef char[24] digits
    cdef int at = 24
    cdef bint is_negative = value < 0
    cdef unsigned long long rest = -<unsigned long long>value if is_negative else <unsigned long long>value
    while True:
        at -= 1
        digits[at] = c"0" + rest % 10
        rest //= 10
        if not rest:
            break
    if is_negative:
        at -= 1
        digits[at] = c"-"
    return put(batch, digits + at, 24 - at)


cdef int put_milliseconds(Batch batch, long long microseconds) except -1:
    cdef char[4] fraction
    fraction[0] = c"."
    put_digits(fraction + 1, microseconds % 1000, 3)
    put_integer(batch, microseconds // 1000)
    return put(batch, fraction, 4)


cdef inline char *json_byte(char *out, unsigned char byte) noexcept nogil:
    """One byte of latin-1 that is not plain, at most six bytes out."""
    cdef unsigned char form = json_form[byte]
    if form == 2:
        out[0] = <char>(0xC0 | byte >> 6)
        out[1] = <char>(0x80 | byte & 0x3F)
        return out + 2
    out[0] = c"\\"
    if form != 1:
        out[1] = form
        return out + 2
    memcpy(out + 1, b"u00", 3)
    out[4] = HEX[byte >> 4]
    out[5] = HEX[byte & 15]
    return out + 6


cdef inline bint is_plain(uint64_t word) noexcept nogil:
    """Whether none of eight bytes needs an escape: no control, no quote, no backslash, nothing beyond ASCII."""
    cdef uint64_t ones = 0x0101010101010101
    cdef uint64_t quote = word ^ ones * 0x22
    cdef uint64_t backslash = word ^ ones * 0x5C
    return not ((word | word - ones * 0x20 | quote - ones | backslash - ones) & ones * 0x80)


cdef int put_latin(Batch batch, const unsigned char *text, Py_ssize_t size) except -1:
    """Bytes of latin-1 as the inside of a JSON string in UTF-8."""
    cdef char *out = batch.room(size * 6 + 8)
    cdef const unsigned char *end = text + size
    cdef uint64_t word
    while end - text >= 8:
        memcpy(&word, text, 8)
        if not is_plain(word):
            break
        memcpy(out, &word, 8)
        text += 8
        out += 8
    while text < end:
        if json_form[text[0]]:
            out = json_byte(out, text[0])
        else:
            out[0] = text[0]
            out += 1
        text += 1
    batch.tail = out - batch.data
    return 0


cdef int put_text(Batch batch, str text) except -1:
    """A str as the inside of a JSON string in UTF-8."""
    if PyUnicode_KIND(text) == 1:
        return put_latin(batch, <const unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text))
    return put_wide(batch, text)


cdef int put_wide(Batch batch, str text) except -1:
    """The same for characters beyond latin-1; a lone surrogate becomes its escape."""
    cdef int kind = PyUnicode_KIND(text)
    cdef Py_ssize_t at, size = PyUnicode_GET_LENGTH(text)
    cdef void *data = PyUnicode_DATA(text)
    cdef uint32_t point
    cdef char *out = batch.room(size * 6)
    for at in range(size):
        point = PyUnicode_READ(kind, data, at)
        if point < 0x80:
            if json_form[point]:
                out = json_byte(out, point)
            else:
                out[0] = point
                out += 1
        elif point < 0x100:
            out = json_byte(out, point)
        elif point < 0x800:
            out[0] = <char>(0xC0 | point >> 6)
            out[1] = <char>(0x80 | point & 0x3F)
            out += 2
        elif 0xD800 <= point < 0xE000:
            memcpy(out, b"\\ud", 3)
            out[3] = HEX[point >> 8 & 15]
            out[4] = HEX[point >> 4 & 15]
            out[5] = HEX[point & 15]
            out += 6
        else:
            if point < 0x10000:
                out[0] = <char>(0xE0 | point >> 12)
                out += 1
            else:
                out[0] = <char>(0xF0 | point >> 18)
                out[1] = <char>(0x80 | point >> 12 & 0x3F)
                out += 2
            out[0] = <char>(0x80 | point >> 6 & 0x3F)
            out[1] = <char>(0x80 | point & 0x3F)
            out += 2
    batch.tail = out - batch.data
    return 0


cdef int put_escaped(Batch batch, const unsigned char *text, Py_ssize_t size) except -1:
    r"""Bytes as Apache writes them between quotes: \" and \\, and \xhh for what is not printable ASCII."""
    cdef char *out = batch.room(size * 4)
    cdef Py_ssize_t at
    for at in range(size):
        if text[at] < 0x20 or text[at] > 0x7E:
            memcpy(out, b"\\x", 2)
            out[2] = HEX[text[at] >> 4]
            out[3] = HEX[text[at] & 15]
            out += 4
        else:
            if text[at] == c'"' or text[at] == c"\\":
                out[0] = c"\\"
                out += 1
            out[0] = text[at]
            out += 1
    batch.tail = out - batch.data
    return 0
