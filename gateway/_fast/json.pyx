"""JSON from strangers, read in one pass with its bounds held on the way (RFC 8259; RFC 7493 where it is stricter).

What is taken is what all readers read alike; for what is not there is no word here of what is wrong with it.
"""

cimport cython
from cpython.dict cimport PyDict_SetItem, PyDict_Size
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport isinf
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 most)
    void* PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    char* PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)
    double PyOS_string_to_double(const char* text, char** end, void* overflow) except? -1.0

cdef uint64_t HIGH = 0x8080808080808080

cdef enum:
    KEYS = 256          # names remembered by a reader
    KEY_MAX = 32        # bytes of the longest of them
    EASY_DIGITS = 18    # of a number that 64 bits hold
    EXACT_DIGITS = 15   # of one that a double holds

cdef long long[EXACT_DIGITS + 1] TENS
TENS[0] = 1
for _power in range(EXACT_DIGITS):
    TENS[_power + 1] = TENS[_power] * 10


@cython.final
cdef class Reader:
    """Reads texts with at most `depth` arrays and objects in each other, and `members` of them and of commas.

    `names` are those that members will mostly have. PERF: who looks for one finds it faster if it is the same object.
    """

    cdef Py_ssize_t depth
    cdef Py_ssize_t members
    cdef list keys      # PERF: names are mostly the same ones: a known one is neither made nor hashed again
    cdef int[KEYS] behind       # PERF: and come in the same order: of each of them the place of the one that came next
    cdef int latest

    def __init__(self, Py_ssize_t depth, Py_ssize_t members, names=()):
        cdef bytes name
        self.depth = depth
        self.members = members
        self.keys = [None] * KEYS
        self.latest = 0
        for known in names:
            if known and known.isascii() and len(known) <= KEY_MAX:
                name = known.encode("ascii")
                self.keys[place_of(<Bytes>PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))] = known

    def read(self, bytes data not None):
        """The value that `data` says. Raises ValueError for what is not JSON that all readers read alike."""
        cdef State state
        state.at = <Bytes>PyBytes_AS_STRING(data)
        state.end = state.at + PyBytes_GET_SIZE(data)
        state.left = self.members
        skip(&state)
        value = self.value(&state, self.depth)
        skip(&state)
        if state.at != state.end:
            refuse()
        return value

    cdef object value(self, State* state, Py_ssize_t depth):
        """The value that begins here."""
        cdef unsigned char first = state.at[0]
        if first == c'"':
            return text(state)
        if first == c"{":
            return self.members_of(state, depth)
        if first == c"[":
            return self.items_of(state, depth)
        if first == c"t":
            word(state, "true", 4)
            return True
        if first == c"f":
            word(state, "false", 5)
            return False
        if first == c"n":
            word(state, "null", 4)
            return None
        return number(state)

    cdef dict members_of(self, State* state, Py_ssize_t depth):
        cdef dict made = {}
        cdef Py_ssize_t count = 0
        enter(state, depth)
        if state.at[0] == c"}":
            state.at += 1
            return made
        while True:
            if state.at[0] != c'"':
                refuse()
            name = self.name(state)
            skip(state)
            if state.at[0] != c":":
                refuse()
            state.at += 1
            skip(state)
            PyDict_SetItem(made, name, self.value(state, depth - 1))
            count += 1
            if not goes_on(state, c"}"):
                break
        if PyDict_Size(made) != count:
            refuse()  # SECURITY: readers differ in which of two members they take (tests/unit/fast/test_json.py)
        return made

    cdef list items_of(self, State* state, Py_ssize_t depth):
        cdef list made = []
        enter(state, depth)
        if state.at[0] == c"]":
            state.at += 1
            return made
        while True:
            made.append(self.value(state, depth - 1))
            if not goes_on(state, c"]"):
                return made

    cdef object name(self, State* state):
        """The name of a member, the one made before where it is known."""
        cdef Bytes start = state.at + 1
        cdef Bytes at = start
        cdef Py_ssize_t size
        cdef int slot = self.behind[self.latest]
        known = self.keys[slot]
        if known is not None:
            size = PyUnicode_GET_LENGTH(known)
            if state.end - start > size and start[size] == c'"':
                if memcmp(PyUnicode_1BYTE_DATA(known), start, size) == 0:
                    state.at = start + size + 1
                    self.latest = slot
                    return known
        while at[0] >= 0x20 and at[0] < 0x80 and at[0] != c'"' and at[0] != c"\\":
            at += 1
        size = at - start
        if at[0] != c'"' or size == 0 or size > KEY_MAX:
            return text(state)
        slot = place_of(start, size)
        self.behind[self.latest] = slot
        self.latest = slot
        known = self.keys[slot]
        state.at = at + 1
        if known is not None and PyUnicode_GET_LENGTH(known) == size:
            if memcmp(PyUnicode_1BYTE_DATA(known), start, size) == 0:
                return known
        made = ascii(start, size)
        self.keys[slot] = made
        return made


cdef inline int place_of(Bytes name, Py_ssize_t size) noexcept:
    """Where a name is remembered."""
    return (size * 31 + name[0] * 7 + name[size - 1] * 13 + name[size >> 1]) & (KEYS - 1)


cdef int refuse() except -1:
    raise ValueError("not JSON that all readers read alike, or too much of it")


cdef object number(State* state):
    """The number that begins here: whole ones as int, others as float."""
    cdef Bytes start = state.at
    cdef Bytes at = start + (start[0] == c"-")
    cdef Bytes first = at
    at = at + 1 if at[0] == c"0" else digits(at)
    if at[0] == c"." or at[0] == c"e" or at[0] == c"E":
        return real(state, start, first, at)
    state.at = at
    if at - first > EASY_DIGITS:
        return int(start[:at - start].decode("ascii"))  # NOTE: ValueError beyond 4,300 digits, as it takes their square
    return -whole(first, at) if start[0] == c"-" else whole(first, at)


cdef object real(State* state, Bytes start, Bytes first, Bytes point):
    """The number from `start`, whose digits begin at `first`, and which is no whole one from `point` on."""
    cdef Bytes at = point
    cdef Bytes behind = point
    cdef char* end = NULL
    cdef double value
    cdef long long scale
    if at[0] == c".":
        at = behind = digits(at + 1)
    if at[0] == c"e" or at[0] == c"E":
        at += 2 if at[1] == c"+" or at[1] == c"-" else 1
        at = digits(at)
    elif behind - first <= EXACT_DIGITS + 1:
        # PERF: both are whole numbers that a double holds, so their quotient is the nearest double, as it must be.
        state.at = at
        scale = TENS[behind - point - 1]
        value = <double>(whole(first, point) * scale + whole(point + 1, behind)) / <double>scale
        return -value if start[0] == c"-" else value
    value = PyOS_string_to_double(<const char*>start, &end, NULL)
    if <Bytes>end != at or isinf(value):
        refuse()
    state.at = at
    return value


cdef inline long long whole(Bytes at, Bytes end) noexcept:
    """The number that digits say, of which there are EASY_DIGITS at most."""
    cdef long long value = 0
    while at < end:
        value = value * 10 + (at[0] - c"0")
        at += 1
    return value


cdef inline object ascii(Bytes start, Py_ssize_t size):
    if size == 0:
        return ""
    made = PyUnicode_New(size, 127)
    memcpy(PyUnicode_1BYTE_DATA(made), start, size)
    return made


cdef object text(State* state):
    """The text that begins here, with its quote."""
    cdef Bytes start = state.at + 1
    cdef Bytes at = start
    cdef uint64_t seen = 0
    at = plain_end(state, at, &seen)
    while at[0] != c'"':
        if at[0] < 0x20:
            refuse()
        if at[0] == c"\\":
            return escaped(state, start)
        seen |= at[0]
        at += 1
    state.at = at + 1
    if seen & HIGH:
        return PyUnicode_DecodeUTF8(<const char*>start, at - start, "strict")
    return ascii(start, at - start)


cdef object escaped(State* state, Bytes start):
    """A text with escapes in it; what they mean is never longer than they are."""
    cdef Bytes at = start
    cdef unsigned char* out
    cdef Py_ssize_t size = 0
    while at[0] != c'"':
        if at[0] < 0x20:
            refuse()
        at += 2 if at[0] == c"\\" and at[1] >= 0x20 else 1
    out = <unsigned char*>PyMem_Malloc(at - start + 1)
    if out == NULL:
        raise MemoryError
    try:
        state.at = at + 1
        at = start
        while at[0] != c'"':
            if at[0] != c"\\":
                out[size] = at[0]
                size += 1
                at += 1
            elif at[1] == c"u":
                at = character(at, out, &size)
            else:
                out[size] = meaning(at[1])
                size += 1
                at += 2
        return PyUnicode_DecodeUTF8(<const char*>out, size, "strict")
    finally:
        PyMem_Free(out)


cdef int meaning(unsigned char letter) except -1:
    """What a backslash and a letter stand for."""
    if letter == c'"' or letter == c"\\" or letter == c"/":
        return letter
    if letter == c"n":
        return 0x0A
    if letter == c"t":
        return 0x09
    if letter == c"r":
        return 0x0D
    if letter == c"b":
        return 0x08
    if letter == c"f":
        return 0x0C
    return refuse()


cdef Bytes character(Bytes at, unsigned char* out, Py_ssize_t* size) except NULL:
    """Write what \\uXXXX, or two of them, stand for in UTF-8. Half of a surrogate pair is refused."""
    cdef Py_ssize_t code = four(at + 2), low, n = size[0]
    at += 6
    if 0xD800 <= code < 0xE000:
        if code >= 0xDC00 or at[0] != c"\\" or at[1] != c"u":
            refuse()
        low = four(at + 2)
        if not 0xDC00 <= low < 0xE000:
            refuse()
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        at += 6
        out[n] = 0xF0 | (code >> 18)
        out[n + 1] = 0x80 | ((code >> 12) & 0x3F)
        out[n + 2] = 0x80 | ((code >> 6) & 0x3F)
        n += 3
    elif code >= 0x800:
        out[n] = 0xE0 | (code >> 12)
        out[n + 1] = 0x80 | ((code >> 6) & 0x3F)
        n += 2
    elif code >= 0x80:
        out[n] = 0xC0 | (code >> 6)
        n += 1
    out[n] = code if code < 0x80 else 0x80 | (code & 0x3F)
    size[0] = n + 1
    return at


cdef Py_ssize_t four(Bytes at) except -1:
    """The number in four hexadecimal digits."""
    cdef Py_ssize_t code = 0
    cdef int place
    for place in range(4):
        code <<= 4
        if c"0" <= at[place] <= c"9":
            code += at[place] - c"0"
        elif c"a" <= at[place] | 0x20 <= c"f":
            code += (at[place] | 0x20) - c"a" + 10
        else:
            refuse()
    return code
