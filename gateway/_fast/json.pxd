"""The grammar of JSON (RFC 8259): what json.pyx, which makes values, and screen.pyx, which makes none, share."""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy, strncmp

ctypedef const unsigned char* Bytes

cdef struct State:
    Bytes at            # the byte behind the last one is NUL, which nothing in JSON is: no end has to be looked for
    Bytes end
    Py_ssize_t left     # arrays, objects and commas that may still come


cdef int refuse() except -1
cdef object escaped(State* state, Bytes start)


cdef inline void skip(State* state) noexcept:
    """Go past white space."""
    while state.at[0] == c" " or state.at[0] == c"\n" or state.at[0] == c"\r" or state.at[0] == c"\t":
        state.at += 1


cdef inline int enter(State* state, Py_ssize_t depth) except -1:
    """Go into an array or object, up to what is first in it."""
    state.left -= 1
    if depth <= 0 or state.left < 0:
        refuse()
    state.at += 1
    skip(state)
    return 0


cdef inline int goes_on(State* state, char last) except -1:
    """Go past a comma, up to what follows it, or past the last byte of an array or object; which of them it was."""
    skip(state)
    if state.at[0] == <unsigned char>last:
        state.at += 1
        return 0
    state.left -= 1
    if state.at[0] != c"," or state.left < 0:
        refuse()
    state.at += 1
    skip(state)
    return 1


cdef inline int word(State* state, const char* which, Py_ssize_t size) except -1:
    if strncmp(<const char*>state.at, which, size) != 0:
        refuse()
    state.at += size
    return 0


cdef inline Bytes digits(Bytes at) except NULL:
    """Behind the digits that begin here, of which there is one at least."""
    if not c"0" <= at[0] <= c"9":
        refuse()
    while c"0" <= at[0] <= c"9":
        at += 1
    return at


cdef inline Bytes plain_end(State* state, Bytes at, uint64_t *seen) noexcept:
    """Near the quote, backslash or control that ends what is plain from `at` on: at most seven bytes before it.

    PERF: eight bytes at once (perf/micro/bench_json.py); `seen` has a high bit if one of them is not ASCII.
    """
    cdef uint64_t eight, quotes, escapes
    cdef uint64_t ones = 0x0101010101010101, high = 0x8080808080808080
    while at + 8 <= state.end:
        memcpy(&eight, at, 8)
        quotes = eight ^ (ones * 0x22)
        escapes = eight ^ (ones * 0x5C)
        if ((eight - ones * 0x20) & ~eight | (quotes - ones) & ~quotes | (escapes - ones) & ~escapes) & high:
            break
        seen[0] |= eight
        at += 8
    return at
