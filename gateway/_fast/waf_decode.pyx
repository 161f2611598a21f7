"""The readings of one raw value: what the application sees, and what a lenient reader behind it could see.

PERF: a value of letters, digits and `-_. ` costs 0.1 us and comes back as the same object.  All work is linear:
at most MOST readings, none longer than the value.  Bench: perf/micro/bench_waf_scan.py.
Oracle: tests/oracles/decode_oracle.py.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.string cimport memchr, memcpy

from gateway._fast.headers cimport PyUnicode_DATA, PyUnicode_GET_LENGTH

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)

cdef extern from "string.h" nogil:
    void *memmem(const void *within, size_t size, const void *what, size_t length)

FORM = 0
URL = 1
TEXT = 2

NUL = 1
CRLF = 2
TRAVERSAL = 4
OVERLONG = 8
INVALID = 16
DOUBLE = 32
CONTROL = 64

cdef enum:
    IS_NUL = 1
    IS_CRLF = 2
    IS_TRAVERSAL = 4
    IS_OVERLONG = 8
    IS_INVALID = 16
    IS_DOUBLE = 32
    IS_CONTROL = 64
    IN_FORM = 0
    IN_TEXT = 2
    # readings of one value
    MOST = 8
    # encodings within each other
    DEEPEST = 4
    # shorter ones are taken for words
    SHORTEST_BASE64 = 8
    SHORTEST_HEX = 16
    LONGEST_NAME = 18
    NO_DIGIT = 255
    REPLACEMENT = 0xfffd

# what browsers read without "&...;" is in LEGACY
cdef dict NAMED = {
    b"lt": 0x3c, b"gt": 0x3e, b"quot": 0x22, b"apos": 0x27, b"amp": 0x26, b"nbsp": 0x20, b"tab": 0x09, b"newline": 0x0a,
    b"colon": 0x3a, b"semi": 0x3b, b"lpar": 0x28, b"rpar": 0x29, b"sol": 0x2f, b"bsol": 0x5c, b"equals": 0x3d,
    b"grave": 0x60, b"diacriticalgrave": 0x60, b"lsqb": 0x5b, b"lbrack": 0x5b, b"rsqb": 0x5d, b"rbrack": 0x5d,
    b"lcub": 0x7b, b"lbrace": 0x7b, b"rcub": 0x7d, b"rbrace": 0x7d, b"period": 0x2e, b"comma": 0x2c, b"excl": 0x21,
    b"num": 0x23, b"dollar": 0x24, b"percnt": 0x25, b"ast": 0x2a, b"midast": 0x2a, b"plus": 0x2b, b"quest": 0x3f,
    b"commat": 0x40, b"hat": 0x5e, b"lowbar": 0x5f, b"underbar": 0x5f, b"verbar": 0x7c, b"vert": 0x7c,
    b"verticalline": 0x7c,
    b"zerowidthspace": 0x200b, b"zwnj": 0x200b, b"zwj": 0x200b, b"shy": 0x200b, b"fflig": 0x66,
}
cdef tuple LEGACY = (b"lt", b"gt", b"amp", b"quot", b"nbsp")

cdef unsigned short[256] CLASS
cdef unsigned char[256] DIGIT64
cdef unsigned char[256] DIGIT16


cdef void fill_tables() noexcept:
    cdef int byte, kind
    for byte in range(256):
        CLASS[byte] = HIGH | FOREIGN if byte >= 0x80 else FOREIGN
        DIGIT64[byte] = DIGIT16[byte] = NO_DIGIT
        if (byte < 0x20 and byte != c"\t") or byte == 0x7f:
            CLASS[byte] |= CONTROLS if byte == 0x0a or byte == 0x0d else CONTROLS | BARRED
    for byte in range(26):
        DIGIT64[c"A" + byte] = byte
        DIGIT64[c"a" + byte] = byte + 26
    for byte in range(10):
        DIGIT64[c"0" + byte] = byte + 52
        DIGIT16[c"0" + byte] = byte
    for byte in range(6):
        DIGIT16[c"a" + byte] = DIGIT16[c"A" + byte] = byte + 10
    for byte, kind in ((c"+", 62), (c"-", 62), (c"/", 63), (c"_", 63)):
        DIGIT64[byte] = kind
    for byte in range(256):
        if DIGIT64[byte] != NO_DIGIT or byte == c"=":
            CLASS[byte] &= ~FOREIGN
    for byte, kind in (
        (c"%", PERCENT), (c"&", AMPERSAND), (c"\\", BACKSLASH), (c"+", PLUS), (c".", DOT), (c",", COMMA)
    ):
        CLASS[byte] |= kind


fill_tables()


def readings(raw, int kind, /):
    """(flags, readings): the first is what the application sees, the others what else could be read into it."""
    cdef const unsigned char *text
    cdef Py_ssize_t size
    cdef int met
    cdef object kept = raw
    if isinstance(raw, str):
        if not PyUnicode_IS_COMPACT_ASCII(raw):
            kept = (<str>raw).encode("utf-8", "surrogatepass")
    elif not isinstance(raw, bytes):
        raise TypeError("a value is bytes or str")
    text = start_of(kept, &size)
    met = met_in(text, size)
    if not met & WALKED and not may_hide(text, size, met, kind):
        return 0, (raw,)
    return _Search(kind, met).all_of(raw, kept)


cdef unsigned short class_of(unsigned char byte) noexcept:
    return CLASS[byte]


cdef bint is_single(const unsigned char *text, Py_ssize_t size, int met, int kind, bint is_inside) noexcept:
    """Whether a value, percent-decoded where its kind is, reads as itself only, and without flags.

    Left out are what is packed in it (`inside`), and blanks for each + where it has none.  `met` are the classes of
    its bytes; `is_inside`: it was packed in another one, where more may be odd.  "No" is not certain.
    SECURITY: as `readings` has it: tests/unit/fast/test_screen.py compares the two.
    """
    if met & (BARRED | BACKSLASH) or (met & CONTROLS and kind != IN_TEXT and not is_inside):
        return False
    if met & (PERCENT | AMPERSAND | PLUS | HIGH) and not is_inert(text, size, is_inside):
        return False
    return not (met & DOT and not is_inside and is_traversal(text, size))


cdef bint is_inert(const unsigned char *text, Py_ssize_t size, bint is_inside) noexcept:
    """Whether % and & stand for themselves, no + begins UTF-7, and UTF-8 has neither overlong forms nor look-alikes."""
    cdef Py_ssize_t at = 0, step
    cdef unsigned char byte, after
    cdef uint32_t code
    while at < size:
        byte = text[at]
        if byte >= 0x80:
            step = sequence(text + at, size - at, &code)
            if not step:
                if not is_inside or byte == 0xbc:
                    return False
                step = 1
            elif is_overlong(step, code) or folded(code) != code or code == 0xbc:
                return False
            at += step
            continue
        at += 1
        after = text[at] if at < size else c" "
        if byte == c"+" and after == c"A":
            return False
        if byte == c"%" and (after | 0x20 == c"u" or DIGIT16[after] != NO_DIGIT):
            return False
        if byte == c"&" and (after == c"#" or c"a" <= after | 0x20 <= c"z"):
            return False
    return True


cdef Py_ssize_t inside(const unsigned char *text, Py_ssize_t size, unsigned char *to, bint is_form) noexcept:
    """The length of what a value holds as `unpacked` has it, written to `to`, 0 for nothing; -1: look more closely."""
    cdef Py_ssize_t at, length = 0
    if base64_start(text, size):
        return -1
    if is_hex(text, size):
        if to == NULL:
            return -1
        for at in range(2 if text[1] | 0x20 == c"x" else 0, size, 2):
            to[length] = DIGIT16[text[at]] << 4 | DIGIT16[text[at + 1]]
            length += 1
        if is_text(to, length):
            return length
    return unpack(text, 0, size, to, is_form)


cdef Py_ssize_t unescaped(const unsigned char *text, Py_ssize_t size, unsigned char *to, bint is_form) noexcept:
    """`text` percent-decoded to `to`; its length, or -1 where a form has another reading than that."""
    cdef Py_ssize_t at = 0, length = 0
    cdef unsigned char byte
    while at < size:
        byte = text[at]
        at += 1
        if byte == c"%" and at + 1 < size and DIGIT16[text[at]] != NO_DIGIT and DIGIT16[text[at + 1]] != NO_DIGIT:
            byte = DIGIT16[text[at]] << 4 | DIGIT16[text[at + 1]]
            at += 2
        elif byte == c"+" and is_form:
            if at < size and text[at] == c"A":
                return -1
            byte = c" "
        to[length] = byte
        length += 1
    return length


cdef bint may_hide(const unsigned char *text, Py_ssize_t size, int met, int kind) noexcept:
    """Whether a value without anything to unescape has more readings than one, or is a traversal."""
    if met & DOT and is_traversal(text, size):
        return True
    if met & COMMA and base64_start(text, size):
        return True
    return not met & FOREIGN and (is_hex(text, size) or unpack(text, 0, size, NULL, kind == IN_FORM) > 0)


cdef int met_in(const unsigned char *text, Py_ssize_t size) noexcept:
    """The classes of all bytes."""
    cdef int met = 0
    cdef Py_ssize_t at
    for at in range(size):
        met |= CLASS[text[at]]
    return met


cdef const unsigned char *start_of(object value, Py_ssize_t *size):
    """The bytes of an ASCII str or a bytes."""
    if isinstance(value, bytes):
        size[0] = PyBytes_GET_SIZE(value)
        return <const unsigned char *>PyBytes_AS_STRING(value)
    size[0] = PyUnicode_GET_LENGTH(value)
    return <const unsigned char *>PyUnicode_DATA(value)


cdef bytes bytes_of(object value):
    return value if isinstance(value, bytes) else (<str>value).encode("ascii")


cdef class _Search:
    """The readings of one value while they are found."""

    cdef int kind
    cdef int met
    cdef int flags
    cdef list found

    def __cinit__(self, int kind, int met):
        self.kind = kind
        self.met = met
        self.flags = 0
        self.found = []

    cdef tuple all_of(self, object raw, object kept):
        cdef object first = raw
        cdef bytes text = bytes_of(kept)
        if self.kind != IN_TEXT and self.met & (PERCENT | (PLUS if self.kind == IN_FORM else 0)):
            text = first = percent_decoded(text, self.kind == IN_FORM)
        self.found.append(first)
        self.flags |= flags_of(text)
        self.chains(text, 0, self.kind != IN_TEXT)
        if self.kind == IN_FORM and self.met & PLUS and b"+A" in bytes_of(kept):
            self.odd(percent_decoded(bytes_of(kept), False))
        return self.flags, tuple(self.found)

    cdef int add(self, bytes text, bint is_text) except -1:
        if is_text and is_traversal(<const unsigned char *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)):
            self.flags |= IS_TRAVERSAL
        if len(self.found) < MOST and text not in self.found:
            self.found.append(text)
        return 0

    cdef int chains(self, bytes text, int depth, bint is_decoded) except -1:
        """All that `text` could become, `text` left out; `is_decoded`: percent encoding was taken away once."""
        cdef Pass walk
        cdef bytes before = text
        cdef bytes css = None, odd = None
        cdef int level
        self.packed(text, depth)
        if not met_in(<const unsigned char *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)) & WALKED:
            return 0
        for level in range(DEEPEST):
            after = walked(before, &walk, False, False)
            self.flags |= walk.flags
            if walk.has_percent and is_decoded:
                self.flags |= IS_DOUBLE
            is_decoded = is_decoded or walk.has_percent
            if walk.has_octal and css is None:
                css = before
            if walk.has_odd and odd is None:
                odd = before
            if not walk.is_changed:
                break
            self.add(after, True)
            self.packed(after, depth + level)
            before = after
        if css is not None:
            self.add(walked_out(css, True, False), True)
        if odd is not None:
            self.add(walked_out(odd, False, True), True)
        if b"+" in before and b" " not in before:
            self.add(before.replace(b"+", b" "), True)
        return 0

    cdef int odd(self, bytes text) except -1:
        """UTF-7 whose "+" a form would take for a blank."""
        cdef Pass walk
        walked(text, &walk, False, False)
        if walk.has_odd:
            self.add(walked_out(text, False, True), True)
        return 0

    cdef int packed(self, bytes text, int depth) except -1:
        """What `text` holds as base64 or as hex digits."""
        cdef bytes inside = unpacked(text, self.kind == IN_FORM)
        if inside is not None and depth < DEEPEST and len(self.found) < MOST:
            self.add(inside, False)
            self.chains(inside, depth + 2, False)
        return 0


include "waf_decode_walk.pxi"


cdef int flags_of(bytes value):
    """What is odd in the value as the application sees it."""
    cdef const unsigned char *text = <const unsigned char *>PyBytes_AS_STRING(value)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value), at = 0, step
    cdef int flags = IS_TRAVERSAL if is_traversal(text, size) else 0
    cdef uint32_t code
    while at < size:
        if text[at] < 0x80:
            if CLASS[text[at]] & CONTROLS:
                flags |= control_flags(text[at])
            at += 1
            continue
        step = sequence(text + at, size - at, &code)
        if step and is_overlong(step, code):
            flags |= IS_OVERLONG
        elif not step or 0xd800 <= code < 0xe000 or code >= 0x110000:
            flags |= IS_INVALID
        at += step if step else 1
    return flags


cdef bint is_traversal(const unsigned char *text, Py_ssize_t size) noexcept:
    """Whether a segment is "..", or "...." that a careless filter makes "..". """
    cdef Py_ssize_t at = 0, end
    cdef const unsigned char *dot
    while at < size:
        dot = <const unsigned char *>memchr(text + at, c".", size - at)
        if dot == NULL:
            return False
        at = dot - text
        end = at
        while end < size and text[end] == c".":
            end += 1
        if (end - at == 2 or end - at == 4) and (at == 0 or is_slash(text[at - 1]) or text[at - 1] == c"="):
            if end < size and is_slash(text[end]):
                return True
            if end - at == 2 and at and (end == size or text[end] == c";" or text[end] == 0):
                return True
        at = end
    return False


cdef inline bint is_slash(unsigned char byte) noexcept:
    return byte == c"/" or byte == c"\\"


cdef bint is_hex(const unsigned char *text, Py_ssize_t size) noexcept:
    """Whether the value is an even number of hex digits, with 0x or long enough to be text."""
    cdef Py_ssize_t at = 0
    if size > 2 and text[0] == c"0" and text[1] | 0x20 == c"x":
        at = 2
    if size & 1 or size - at < (6 if at else SHORTEST_HEX):
        return False
    while at < size and DIGIT16[text[at]] != NO_DIGIT:
        at += 1
    return at == size


cdef bytes unpacked(bytes value, bint is_form):
    """The text that `value` holds as hex digits or base64, the second also behind "base64,"; else None."""
    cdef const unsigned char *text = <const unsigned char *>PyBytes_AS_STRING(value)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value), at = 0
    cdef bytes plain
    if is_hex(text, size):
        at = 2 if text[1] | 0x20 == c"x" else 0
        plain = bytes.fromhex((<bytes>value[at:]).decode("ascii"))
        if is_text(<const unsigned char *>PyBytes_AS_STRING(plain), PyBytes_GET_SIZE(plain)):
            return plain
    at = base64_start(text, size)
    if unpack(text, at, size, NULL, is_form) <= 0:
        return None
    plain = PyBytes_FromStringAndSize(NULL, size - at)
    return plain[:unpack(text, at, size, <unsigned char *>PyBytes_AS_STRING(plain), is_form)]


cdef Py_ssize_t base64_start(const unsigned char *text, Py_ssize_t size) noexcept:
    """Where base64 begins that says so, as a data: URL does; else 0."""
    cdef const void *mark = memmem(text, size, b"base64,", 7)
    return 0 if mark == NULL else <const unsigned char *>mark - text + 7


cdef Py_ssize_t unpack(
    const unsigned char *text, Py_ssize_t at, Py_ssize_t size, unsigned char *to, bint is_form
) noexcept:
    """The length of what the base64 from `at` holds, 0 when it is none or no text; written to `to`, if given."""
    cdef Py_ssize_t start = at, length = 0, odd = 0, expected = 0
    cdef unsigned char digit, byte
    cdef uint32_t bits = 0
    cdef int width = 0
    if size - at < SHORTEST_BASE64:
        return 0
    for at in range(start, size):
        digit = 62 if is_form and text[at] == c" " else DIGIT64[text[at]]
        if digit == NO_DIGIT:
            if text[at] == c"\r" or text[at] == c"\n" or text[at] == c"=":
                continue
            if start:
                break
            return 0
        bits = (bits & 0xffff) << 6 | digit
        width += 6
        if width < 8:
            continue
        width -= 8
        byte = bits >> width & 0xff
        odd += is_odd(byte, &expected)
        if odd > 2 + length // 8:
            return 0
        if to != NULL:
            to[length] = byte
        length += 1
    return length if length >= 4 and odd * 4 <= length else 0


cdef inline bint is_odd(unsigned char byte, Py_ssize_t *expected) noexcept:
    """Whether a byte is a control character or is not what UTF-8 has here: `expected` continuations are to come."""
    cdef bint is_wrong = expected[0] > 0
    if byte & 0xc0 == 0x80:
        is_wrong = expected[0] == 0
        expected[0] -= not is_wrong
        return is_wrong
    expected[0] = 0 if byte < 0xc2 else 1 if byte < 0xe0 else 2 if byte < 0xf0 else 3
    return is_wrong or byte in (0xc0, 0xc1) or byte >= 0xf5 or (byte < 0x20 and not 0x09 <= byte <= 0x0d)


cdef bint is_text(const unsigned char *text, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at
    for at in range(size):
        if not 0x20 <= text[at] < 0x7f and not 0x09 <= text[at] <= 0x0d:
            return False
    return True
