"""Whether a text that becomes part of a page would be run by a browser: tags, handlers, script URLs, styles, templates.

The text is taken for content of an element, for an attribute's value in quotes of each kind or in none, for a URL and
for a part of a script.  All work is linear: what cannot be read within the bound is an attack.
PERF: 0.1 us for a value without any of <=:([{` in it.  Bench: perf/micro/bench_waf_scan.py.
Oracle: tests/oracles/markup_oracle.py.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp

from gateway._fast.headers cimport PyUnicode_DATA, PyUnicode_GET_LENGTH

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)

include "waf_xss_names.pxi"

cdef enum:
    NOTHING = 0
    SCRIPT = 1
    HANDLER = 2
    URL = 3
    TAG = 4
    ATTRIBUTE = 5
    CSS = 6
    JS = 7
    TEMPLATE = 8
    # classes of bytes
    TRIGGER = 1
    NAME = 2
    QUOTE = 4
    # most bytes of a name that is looked up
    LONGEST_NAME = 48
    # letters of a name of which any part could be a handler's
    SHORT_NAME = 40
    # work that one byte may cause on the average
    WORK = 16

cdef tuple RULES = (
    "", "xss-script", "xss-handler", "xss-url", "xss-tag", "xss-attribute", "xss-css", "xss-js", "xss-template"
)

cdef unsigned char[256] CLASS
cdef unsigned char[256] LOWER


cdef void fill_tables() noexcept:
    cdef int byte
    for byte in range(256):
        LOWER[byte] = byte | 0x20 if 0x41 <= byte <= 0x5a else c"\t" if byte < 0x20 and byte != 0x0a else byte
        CLASS[byte] = NAME if byte >= 0x80 or is_word(byte) else 0
    for byte in b"<=:([{`":
        CLASS[byte] |= TRIGGER
    for byte in b"\"'`":
        CLASS[byte] |= QUOTE


cdef inline bint is_word(unsigned char byte) noexcept:
    return c"a" <= byte | 0x20 <= c"z" or c"0" <= byte <= c"9" or byte == c"_" or byte == c"$"


cdef inline bint is_letter(unsigned char byte) noexcept:
    return c"a" <= byte <= c"z"


cdef inline bint is_blank(unsigned char byte) noexcept:
    return byte == c" " or byte == c"\n" or byte == c"\t"


cdef inline bint is_quote(unsigned char byte) noexcept:
    return byte == c'"' or byte == c"'" or byte == c"`"


fill_tables()


def xss_attack(text, /):
    """The rule that finds an attack in `text`, "" when none does; UTF-8 when bytes."""
    cdef const unsigned char *data
    cdef Py_ssize_t size
    if isinstance(text, bytes):
        data = <const unsigned char *>PyBytes_AS_STRING(text)
        size = PyBytes_GET_SIZE(text)
    elif not isinstance(text, str):
        raise TypeError("a text is bytes or str")
    elif PyUnicode_IS_COMPACT_ASCII(text):
        data = <const unsigned char *>PyUnicode_DATA(text)
        size = PyUnicode_GET_LENGTH(text)
    else:
        return xss_attack((<str>text).encode("utf-8", "surrogatepass"))
    return RULES[rule(_Scan(lowered(data, size)))] if has_trigger(data, size) else ""


cdef bint xss_finds(const unsigned char *data, Py_ssize_t size) except -1:
    """Whether an attack is found in UTF-8."""
    return not is_tame(data, size) and rule(_Scan(lowered(data, size))) != NOTHING


cdef bint is_trigger(unsigned char byte) noexcept:
    """Whether a byte is one of those without which nothing is found."""
    return CLASS[byte] & TRIGGER != 0


cdef bint is_tame(const unsigned char *data, Py_ssize_t size) noexcept:
    """Whether all that could be found is behind ":" and "=", and in front of these stands no word that it needs.

    PERF: times, addresses and the like, in a tenth of the time (perf/micro/bench_waf_scan.py).
    SECURITY: as `equals` and `colon` have it: tests/unit/fast/test_screen.py.
    """
    cdef Py_ssize_t at, end, start
    cdef unsigned char byte
    for at in range(size):
        byte = data[at]
        if not CLASS[byte] & (TRIGGER | QUOTE):
            continue
        if byte != c":" and byte != c"=":
            return False
        end = at
        while end > 0 and data[end - 1] <= 0x20:
            end -= 1
        if end == 0:
            continue
        byte = LOWER[data[end - 1]]
        if byte >= 0x80:
            return False
        if data[at] == c":":
            # the last letters of javascript, data, -moz-binding and behavior
            if byte == c"t" or byte == c"a" or byte == c"g" or byte == c"r":
                return False
            continue
        start = end
        while start > 0 and is_letter(LOWER[data[start - 1]]):
            start -= 1
        if end - start < 5:
            continue
        if byte == c"c" or byte == c"n" or LOWER[data[start]] == c"o" or end - start > SHORT_NAME:
            return False
    return True


cdef inline bint has_trigger(const unsigned char *data, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at
    for at in range(size):
        if CLASS[data[at]] & TRIGGER:
            return True
    return False


cdef bytes lowered(const unsigned char *data, Py_ssize_t size):
    """In lower case; control characters become tabs, the blanks and newlines beyond ASCII those of ASCII."""
    cdef bytes out = PyBytes_FromStringAndSize(NULL, size)
    cdef unsigned char *to = <unsigned char *>PyBytes_AS_STRING(out)
    cdef bint has_high = False
    cdef Py_ssize_t at
    for at in range(size):
        to[at] = LOWER[data[at]]
        has_high |= data[at] >= 0x80
    if not has_high:
        return out
    for at in range(size - 1):
        if to[at] == 0xc2 and to[at + 1] == 0xa0:
            to[at] = to[at + 1] = c" "
        elif to[at] == 0xe2 and at + 2 < size and to[at + 1] == 0x80 and to[at + 2] & 0xfe == 0xa8:
            to[at] = to[at + 1] = to[at + 2] = c"\n"
    return out


@cython.final
cdef class _Scan:
    """One text in lower case while it is looked at."""

    cdef bytes low
    cdef const unsigned char *text
    cdef Py_ssize_t size
    cdef Py_ssize_t work
    # where the first tag and the first quote stand, -1 for nowhere
    cdef Py_ssize_t first_tag
    cdef Py_ssize_t first_quote
    # templates were looked at up to here
    cdef Py_ssize_t template_end

    def __cinit__(self, bytes low):
        self.low = low
        self.text = <const unsigned char *>PyBytes_AS_STRING(low)
        self.size = PyBytes_GET_SIZE(low)
        self.work = self.size * WORK + 4096
        self.first_tag = self.first_quote = -1
        self.template_end = 0


cdef int rule(_Scan scan) except -1:
    cdef const unsigned char *text = scan.text
    cdef Py_ssize_t at
    cdef int found
    for at in range(scan.size):
        if not CLASS[text[at]] & (TRIGGER | QUOTE):
            continue
        found = at_trigger(scan, at, text[at])
        if found:
            return found
    return JS if breaks_script(scan) else NOTHING


cdef int at_trigger(_Scan scan, Py_ssize_t at, unsigned char byte) except -1:
    if byte == c"<":
        return tag(scan, at)
    if byte == c"=":
        return equals(scan, at)
    if byte == c":":
        return colon(scan, at)
    if byte == c"(":
        return bracket(scan, at)
    if byte == c"[":
        return square(scan, at)
    if byte == c"{":
        return brace(scan, at)
    if scan.first_quote < 0:
        scan.first_quote = at
    return NOTHING


cdef inline unsigned char byte_at(_Scan scan, Py_ssize_t at):
    """The byte at `at`; a blank outside the text."""
    return scan.text[at] if 0 <= at < scan.size else c" "


cdef bint has(_Scan scan, Py_ssize_t at, bytes what):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(what)
    return 0 <= at <= scan.size - length and memcmp(scan.text + at, PyBytes_AS_STRING(what), length) == 0


cdef inline Py_ssize_t after_blanks(_Scan scan, Py_ssize_t at):
    while at < scan.size and is_blank(scan.text[at]):
        at += 1
    return at


cdef inline Py_ssize_t before_blanks(_Scan scan, Py_ssize_t at):
    """The last place before `at` that holds no blank; -1 for none."""
    at -= 1
    while at >= 0 and is_blank(scan.text[at]):
        at -= 1
    return at


cdef bytes word_before(_Scan scan, Py_ssize_t end):
    """The name that ends before `end`, at most LONGEST_NAME of it."""
    cdef Py_ssize_t start = end
    while start > 0 and end - start < LONGEST_NAME and CLASS[scan.text[start - 1]] & NAME:
        start -= 1
    return scan.low[start:end]


cdef bytes word_at(_Scan scan, Py_ssize_t at):
    cdef Py_ssize_t end = at
    while end < scan.size and end - at < LONGEST_NAME and CLASS[scan.text[end]] & NAME:
        end += 1
    return scan.low[at:end]


cdef bint holds(_Scan scan, Py_ssize_t start, Py_ssize_t end, bytes what):
    return scan.low.find(what, start, end) >= 0


include "waf_xss_tag.pxi"
include "waf_xss_script.pxi"
