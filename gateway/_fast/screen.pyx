"""Which values of a request need no closer look: plain ones by their bytes, others because no engine finds anything.

"Needs no look" is certain, "needs a look" is not: gateway/screening/values.py then says what there is, and where.
Nearly all values of nearly all requests end here.

PERF: 0.03 us on a plain word, 0.2 us on a short text.  Bench: perf/micro/bench_screen.py.
Oracle: tests/oracles/screen_oracle.py.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

from gateway._fast import decode
from gateway._fast.decode import readings
from gateway._fast.markup import xss_attack
from gateway._fast.sql import sql_attack

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)

cdef enum:
    # a run of letters and digits as long as this may be base64
    RUN = 8
    LONGEST_PLAIN = 64

cdef int FORM = decode.FORM
cdef int TEXT = decode.TEXT
cdef int CRLF = decode.CRLF


def needs_look(str text, int kind, /):
    """Whether a value may hold anything that is looked for."""
    return may_be(text, kind)


def form_needs_look(str text, /):
    """Whether a query or a form, as it stands, may; always where a name comes again."""
    cdef set seen = set()
    for pair in text.split("&"):
        name, _, value = (<str>pair).partition("=")
        if name in seen or may_be(value, FORM) or name_may_be(name, FORM):
            return True
        seen.add(name)
    return False


def json_needs_look(value, /):
    """Whether a text, or the name of a member, of a JSON value may. It must not be nested deeper than C may recurse."""
    return any_may_be(value, set())


cdef bint any_may_be(object value, set names) except -1:
    # PERF: the members of a list's objects have the same names, and each is looked at once.
    kind = type(value)
    if kind is str:
        return may_be(<str>value, TEXT)
    if kind is dict:
        for name, member in (<dict>value).items():
            if name not in names:
                if name_may_be(<str>name, TEXT):
                    return True
                names.add(name)
            if any_may_be(member, names):
                return True
    elif kind is list:
        for item in <list>value:
            if any_may_be(item, names):
                return True
    return False


cdef bint name_may_be(str name, int kind) except -1:
    return "__proto__" in name or "prototype" in name or may_be(name, kind)


cdef bint may_be(str text, int kind) except -1:
    cdef Py_ssize_t size
    cdef const char *start = NULL
    cdef int flags
    if PyUnicode_IS_COMPACT_ASCII(text):
        start = PyUnicode_AsUTF8AndSize(text, &size)
        if is_plain(start, size):
            return False
    flags, found = readings(text, kind)
    if flags and not (kind == TEXT and flags == CRLF):
        return True
    for one in <tuple>found:
        if is_way(start, size) if one is text and start is not NULL else leads_away(one):
            return True
        if sql_attack(one) or xss_attack(one):
            return True
    return False


cdef bint leads_away(object reading) except -1:
    cdef bytes data = reading if isinstance(reading, bytes) else (<str>reading).encode("utf-8", "surrogatepass")
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
