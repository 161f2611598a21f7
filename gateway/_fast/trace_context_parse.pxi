# What fields say of a trace: traceparent and tracestate (W3C Trace Context, level 2), B3. Included by trace.pyx.

cdef inline int digit(unsigned char byte) noexcept nogil:
    """The value of a lower-case hexadecimal digit, -1 for anything else."""
    if c"0" <= byte <= c"9":
        return byte - c"0"
    return byte - c"a" + 10 if c"a" <= byte <= c"f" else -1


cdef inline bint number(const unsigned char *text, int size, uint64_t *value) noexcept nogil:
    """Read `size` (at most 16) digits; whether all of them are lower-case hexadecimal."""
    cdef int at, one
    value[0] = 0
    for at in range(size):
        one = digit(text[at])
        if one < 0:
            return False
        value[0] = value[0] << 4 | <uint64_t>one
    return True


cdef struct Context:
    uint64_t high       # of the trace id
    uint64_t low
    uint64_t parent     # the caller's span; 0 where there is none
    int flags
    bint known          # whether the caller said if it is sampled


cdef bint read_parent(str value, Context *found) except -1:
    """Read a traceparent (section 3.2); whether it may be used."""
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(value)
    cdef const unsigned char *text
    cdef uint64_t version, flags
    if size < 55 or PyUnicode_KIND(value) != 1:
        return False
    text = <const unsigned char *>PyUnicode_DATA(value)
    if text[2] != c"-" or text[35] != c"-" or text[52] != c"-" or not number(text, 2, &version) or version == 0xff:
        return False
    if size > 55 and (version == 0 or text[55] != c"-"):
        return False
    if not (number(text + 3, 16, &found.high) and number(text + 19, 16, &found.low)):
        return False
    if not (number(text + 36, 16, &found.parent) and number(text + 53, 2, &flags)):
        return False
    found.flags = flags & (SAMPLED | RANDOM)
    found.known = True
    return (found.high != 0 or found.low != 0) and found.parent != 0


cdef int members(str value, int before) except? -2:
    """How many members `before` and those of this tracestate are (section 3.3.1); -1 where it is none."""
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(value), at = 0, start, end, key
    cdef const unsigned char *text = <const unsigned char *>PyUnicode_DATA(value)
    if PyUnicode_KIND(value) != 1:
        return -1
    while at <= size:
        start = at
        while at < size and text[at] != c",":
            at += 1
        end = at
        at += 1
        while start < end and (text[start] == c" " or text[start] == c"\t"):
            start += 1
        while start < end and (text[end - 1] == c" " or text[end - 1] == c"\t"):
            end -= 1
        if start == end:
            continue
        before += 1
        key = start
        while key < end and is_of_key(text[key]):
            key += 1
        if before > MEMBERS or key == end or text[key] != c"=" or key == start or key - start > LONGEST:
            return -1
        if not (digit(text[start]) >= 0 or c"g" <= text[start] <= c"z") or not 0 < end - key - 1 <= LONGEST:
            return -1
        for key in range(key + 1, end):
            if not 0x20 <= text[key] <= 0x7e or text[key] == c"=":
                return -1
    return before


cdef inline bint is_of_key(unsigned char byte) noexcept nogil:
    return (
        c"a" <= byte <= c"z" or c"0" <= byte <= c"9" or byte == c"_" or byte == c"-" or byte == c"*" or byte == c"/"
        or byte == c"@"
    )


cdef bint read_b3(dict fields, Context *found) except -1:
    """Read what B3 says; whether it names a trace.  A decision without a trace is kept all the same."""
    cdef str single = fields.get("b3"), trace = "", span = "", said
    cdef list parts
    cdef const unsigned char *text
    if single is not None:
        parts = single.strip().split("-")
        if len(parts) == 1:
            said = parts[0]
        else:
            trace, span, said = parts[0], parts[1], parts[2] if len(parts) > 2 else ""
    else:
        trace, span = fields.get("x-b3-traceid", "").strip(), fields.get("x-b3-spanid", "").strip()
        said = "d" if fields.get("x-b3-flags", "").strip() == "1" else fields.get("x-b3-sampled", "").strip().lower()
    found.known = said in ("0", "1", "d", "true", "false")
    found.flags = SAMPLED if said in ("1", "d", "true") else 0
    trace, span = trace.lower(), span.lower()
    if len(trace) == 16:
        trace = "0" * 16 + trace
    if len(trace) != 32 or len(span) != 16 or not trace.isascii() or not span.isascii():
        return False
    text = <const unsigned char *>PyUnicode_DATA(trace)
    if not (number(text, 16, &found.high) and number(text + 16, 16, &found.low)):
        return False
    if not number(<const unsigned char *>PyUnicode_DATA(span), 16, &found.parent):
        return False
    return (found.high != 0 or found.low != 0) and found.parent != 0


cdef bint is_b3(str name, Py_ssize_t size) except -1:
    if size == 2:
        return same_name("b3", name, 2)
    if size < 10 or size > 17 or not name[:5].lower() == "x-b3-":
        return False
    return name.lower() in ("x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "x-b3-parentspanid")


cdef bint has_room(list states) except -1:
    """Whether the fields are a tracestate that may be handed on (section 3.3.1)."""
    cdef tuple pair
    cdef int count = 0
    for pair in states:
        count = members(<str>pair[1], count)
        if count < 0:
            return False
    return True
