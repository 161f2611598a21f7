"""Which values of a request need no closer look: plain ones by their bytes, others because no engine finds anything.

"Needs no look" is certain, "needs a look" is not: gateway/validation/waf/detect.py then says what there is, and where.
Nearly all values of nearly all requests end here, and most of them by their bytes: no object is made of a value in a
form or a JSON text that has no other reading than itself.

PERF: 0.03 us on a plain word, 0.15 us on a short text, 4 us on 900 bytes of JSON.  Bench: perf/micro/bench_waf_scan.py.
Oracle: tests/oracles/screen_oracle.py.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memset

from gateway._fast.waf_decode cimport PLUS, class_of, inside, is_single, unescaped
from gateway._fast.headers cimport PyUnicode_DATA, PyUnicode_GET_LENGTH
from gateway._fast.json cimport Bytes, State, digits, enter, escaped, goes_on, plain_end, refuse, skip
from gateway._fast.json cimport word as pass_word
from gateway._fast.waf_xss cimport is_trigger, xss_finds
from gateway._fast.waf_sql cimport is_read, sql_finds

from gateway._fast import waf_decode as decode
from gateway._fast.waf_decode import readings
from gateway._fast.waf_xss import xss_attack
from gateway._fast.waf_sql import sql_attack

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)

cdef extern from "string.h" nogil:
    void *memmem(const void *within, size_t size, const void *what, size_t length)

cdef enum:
    # verdicts on one value
    CLEAN = 0
    SUSPECT = 1
    UNSURE = 2
    # a run of letters and digits as long as this may be base64
    RUN = 8
    LONGEST_PLAIN = 64
    # bytes of a value that is decoded here
    LONGEST_DECODED = 2048
    # classes of bytes, besides those of decode.pxd: for whom there is something to look at
    FOR_SQL = 1 << 12
    FOR_XSS = 1 << 13
    FOR_WAYS = 1 << 14
    # names of a form, or of the objects of a JSON text that are open, of which each is to come once
    MOST_NAMES = 256
    # names, a power of two, that are remembered while a JSON text is looked at
    CLEAN_NAMES = 64
    # characters of a header's value that is remembered
    LONGEST_KEPT = 512
    # bytes of the shortest name that reaches for what all objects inherit
    POLLUTING = 9
    # packings within each other
    DEEPEST = 3
    # digits that no number has so many of as to be too large
    SURE_DIGITS = 300

cdef int FORM = decode.FORM
cdef int URL = decode.URL
cdef int TEXT = decode.TEXT
cdef int CRLF = decode.CRLF


cdef struct Name:
    Bytes start
    Py_ssize_t size
    uint32_t hash


cdef struct Names:
    Py_ssize_t count
    Name[MOST_NAMES] names
    # PERF: a list's objects have the same member names: clean ones, by their hash (perf/micro/bench_waf_scan.py)
    Name[CLEAN_NAMES] clean


def needs_look(str text not None, int kind, /):
    """Whether a value may hold anything that is looked for."""
    return may_be(text, kind, False)


def form_needs_look(str text not None, /):
    """Whether a query or a form, as it stands, may; always where a name comes again."""
    cdef bytes encoded
    if PyUnicode_IS_COMPACT_ASCII(text):
        return form_may_be(<Bytes>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text))
    encoded = text.encode("utf-8", "surrogatepass")
    return form_may_be(<Bytes>PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))


def cookies_need_look(list headers not None, /):
    """Whether the value of a cookie may."""
    cdef str name, value
    for name, value in headers:
        if PyUnicode_GET_LENGTH(name) == 6 and name.lower() == "cookie":
            if not PyUnicode_IS_COMPACT_ASCII(value):
                return True
            if cookies_may_be(<Bytes>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value)):
                return True
    return False


def json_needs_look(bytes data not None, Py_ssize_t depth, Py_ssize_t members, /):
    """Whether a JSON text may, or a name in it; always where it is not read by json.Reader(depth, members)."""
    cdef State state
    cdef Names names
    state.at = <Bytes>PyBytes_AS_STRING(data)
    state.end = state.at + PyBytes_GET_SIZE(data)
    state.left = members
    names.count = 0
    memset(names.clean, 0, sizeof(names.clean))
    try:
        skip(&state)
        if value_may_be(&state, depth, &names):
            return True
        skip(&state)
        return state.at != state.end
    except ValueError:
        return True


@cython.final
cdef class Fields:
    """Header fields but for `skipped` ones (in lower case); up to `most` harmless values are remembered.

    PERF: clients send the same fields each time (perf/micro/bench_waf_scan.py).
    """

    cdef frozenset skipped
    cdef set known
    cdef Py_ssize_t most

    def __init__(self, frozenset skipped not None, Py_ssize_t most):
        self.skipped = skipped
        self.known = set()
        self.most = most

    def need_look(self, list headers not None, /):
        """Whether the value of one may hold anything that is looked for."""
        cdef str name, value
        for name, value in headers:
            if name.lower() in self.skipped or value in self.known:
                continue
            if not PyUnicode_IS_COMPACT_ASCII(value) or may_be(value, URL, False) or address_may_be(value):
                return True
            if PyUnicode_GET_LENGTH(value) <= LONGEST_KEPT:
                if len(self.known) >= self.most:
                    self.known.clear()
                self.known.add(value)
        return False


cdef unsigned short[256] LOOK


cdef void fill_table() noexcept:
    cdef int byte
    for byte in range(256):
        LOOK[byte] = class_of(byte)
        LOOK[byte] |= (FOR_SQL if is_read(byte) else 0) | (FOR_XSS if is_trigger(byte) else 0)
        LOOK[byte] |= FOR_WAYS if byte == c"." or byte == c"/" or byte == c"\\" else 0


fill_table()


include "waf_scan_walk.pxi"


cdef bint address_may_be(str text) except -1:
    """Whether the query of an address, such as Referer's, may hold anything."""
    cdef Bytes start = <Bytes>PyUnicode_DATA(text)
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(text)
    cdef Bytes mark
    if size < 7 or memcmp(start, b"http", 4) != 0 or not (text.startswith("https://") or text.startswith("http://")):
        return False
    mark = <Bytes>memchr(start, c"?", size)
    return mark != NULL and form_may_be(mark + 1, start + size - mark - 1)


cdef bint may_be(str text, int kind, bint is_name) except -1:
    """Whether a value may hold anything, where there is an object of it."""
    cdef object kept = text if PyUnicode_IS_COMPACT_ASCII(text) else text.encode("utf-8", "surrogatepass")
    cdef int verdict
    if isinstance(kept, bytes):
        verdict = verdict_on(<Bytes>PyBytes_AS_STRING(kept), PyBytes_GET_SIZE(kept), kind, is_name)
    else:
        verdict = verdict_on(<Bytes>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), kind, is_name)
    return verdict == SUSPECT or (verdict == UNSURE and may_be_read(text, kind, is_name))


cdef bint may_be_at(Bytes start, Py_ssize_t size, int kind, bint is_name) except -1:
    """As `may_be`. Raises ValueError for what is not UTF-8, where that has to be known."""
    cdef int verdict = verdict_on(start, size, kind, is_name)
    if verdict != UNSURE:
        return verdict == SUSPECT
    how = b"strict" if kind == TEXT else b"surrogatepass"
    return may_be_read(PyUnicode_DecodeUTF8(<const char *>start, size, how), kind, is_name)


cdef bint may_be_read(str text, int kind, bint is_name) except -1:
    """As `may_be`, by all readings."""
    flags, found = readings(text, kind)
    if flags and not (kind == TEXT and flags == CRLF):
        return True
    for one in <tuple>found:
        if leads_away(one, is_name) or sql_attack(one) or xss_attack(one):
            return True
    return False


cdef int verdict_on(Bytes start, Py_ssize_t size, int kind, bint is_name) except -1:
    """What can be said of a value by its bytes: of nearly all of them, that they are CLEAN."""
    cdef unsigned char[LONGEST_DECODED] room
    if is_plain(<const char *>start, size):
        return CLEAN
    if kind != TEXT and (memchr(start, c"%", size) != NULL or (kind == FORM and memchr(start, c"+", size) != NULL)):
        if size > LONGEST_DECODED:
            return UNSURE
        size = unescaped(start, size, room, kind == FORM)
        if size < 0:
            return UNSURE
        start = room
    return verdict_in(start, size, kind, is_name, 0)


cdef int verdict_in(Bytes start, Py_ssize_t size, int kind, bint is_name, int depth) except -1:
    """As `verdict_on`, of a decoded value, or of what is packed in one."""
    cdef unsigned char[LONGEST_DECODED] room
    cdef int met = 0
    cdef Py_ssize_t at
    for at in range(size):
        met |= LOOK[start[at]]
    if not is_single(start, size, met, kind, depth > 0):
        return UNSURE
    if is_name and pollutes(start, size) or is_attack(start, size, met):
        return SUSPECT
    if met & PLUS and memchr(start, c" ", size) == NULL:
        if size > LONGEST_DECODED:
            return UNSURE
        for at in range(size):
            room[at] = c" " if start[at] == c"+" else start[at]
        if is_attack(room, size, met | LOOK[c" "]):
            return SUSPECT
    if size > LONGEST_DECODED or depth >= DEEPEST:
        return CLEAN if inside(start, size, NULL, kind == FORM) == 0 else UNSURE
    size = inside(start, size, room, kind == FORM)
    if size == 0:
        return CLEAN
    return UNSURE if size < 0 else verdict_in(room, size, kind, is_name, depth + 1)


cdef bint is_attack(Bytes start, Py_ssize_t size, int met) except -1:
    """Whether an engine finds something in one reading."""
    if met & FOR_WAYS and is_way(<const char *>start, size):
        return True
    return met & FOR_SQL and sql_finds(start, size) or met & FOR_XSS and xss_finds(start, size)


cdef bint pollutes(Bytes start, Py_ssize_t size) noexcept:
    """Whether a name, or a path made of names, may reach for what all objects inherit."""
    if size < POLLUTING:
        return False
    return memmem(start, size, b"__proto__", 9) != NULL or memmem(start, size, b"prototype", 9) != NULL


cdef bint leads_away(object reading, bint is_name) except -1:
    cdef bytes data = reading if isinstance(reading, bytes) else (<str>reading).encode("utf-8", "surrogatepass")
    if is_name and pollutes(<Bytes>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)):
        return True
    return is_way(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef bint is_plain(const char *text, Py_ssize_t size) noexcept:
    """Whether a text has only letters, digits, "_", and single "-" and "." in it, and no run that may be base64."""
    cdef Py_ssize_t at
    cdef int run = 0
    cdef unsigned char char_, last = 0
    if size > LONGEST_PLAIN:
        return False
    for at in range(size):
        char_ = text[at]
        if char_ == c"." or char_ == c"-":
            if char_ == last:
                return False
            run = run + 1 if char_ == c"-" else 0
        elif c"a" <= char_ <= c"z" or c"A" <= char_ <= c"Z" or c"0" <= char_ <= c"9" or char_ == c"_":
            run += 1
        else:
            return False
        if run >= RUN:
            return False
        last = char_
    return True


cdef bint is_way(const char *text, Py_ssize_t size) noexcept:
    """Whether a text may lead through folders to where nobody should go."""
    cdef Py_ssize_t at
    cdef unsigned char char_
    for at in range(size):
        char_ = text[at]
        if char_ == c".":
            if at + 1 < size and text[at + 1] == c"." or is_before(text, size, at + 4, b"ini", 3):
                return True
        elif char_ == c"/" or char_ == c"\\":
            if (
                is_before(text, size, at, b"etc", 3)
                or is_before(text, size, at, b"proc", 4)
                or is_before(text, size, at, b"windows", 7)
                or is_before(text, size, at, b"web-inf", 7)
            ):
                return True
    return False


cdef bint is_before(const char *text, Py_ssize_t size, Py_ssize_t end, const char *word, Py_ssize_t length) noexcept:
    """Whether a word in lower case stands before `end`."""
    cdef Py_ssize_t at
    if end < length or end > size:
        return False
    for at in range(length):
        if text[end - length + at] | 0x20 != word[at]:
            return False
    return True
