# Walks over forms, cookies and JSON texts that make no objects of what is plain.


cdef Name named(Bytes start, Py_ssize_t size) noexcept:
    cdef Name name
    cdef Py_ssize_t at
    name.start, name.size, name.hash = start, size, <uint32_t>size
    for at in range(size if size < 16 else 16):
        name.hash = name.hash * 31 + start[size - 1 - at]
    return name


cdef inline bint is_same(const Name *one, const Name *other) noexcept:
    return one.hash == other.hash and one.size == other.size and memcmp(one.start, other.start, one.size) == 0


cdef bint is_new(Names *names, Py_ssize_t since, const Name *name) noexcept:
    """Keep a name; False where it is among those `since` already, or where there is no room."""
    cdef Py_ssize_t at
    if names.count >= MOST_NAMES:
        return False
    for at in range(since, names.count):
        if is_same(&names.names[at], name):
            return False
    names.names[names.count] = name[0]
    names.count += 1
    return True


cdef bint form_may_be(Bytes at, Py_ssize_t size) except -1:
    cdef Bytes end = at + size
    cdef Bytes behind, equals
    cdef Names names
    cdef Name name
    names.count = 0
    while True:
        behind = <Bytes>memchr(at, c"&", end - at)
        if behind == NULL:
            behind = end
        equals = <Bytes>memchr(at, c"=", behind - at)
        if equals == NULL:
            equals = behind
        name = named(at, equals - at)
        if not is_new(&names, 0, &name) or may_be_at(at, equals - at, FORM, True):
            return True
        if equals < behind and may_be_at(equals + 1, behind - equals - 1, FORM, False):
            return True
        if behind == end:
            return False
        at = behind + 1


cdef bint cookies_may_be(Bytes at, Py_ssize_t size) except -1:
    cdef Bytes end = at + size
    cdef Bytes behind, start, last
    while True:
        behind = <Bytes>memchr(at, c";", end - at)
        if behind == NULL:
            behind = end
        start = <Bytes>memchr(at, c"=", behind - at)
        if start != NULL:
            start, last = start + 1, behind
            while last > start and ((last - 1)[0] == c" " or (last - 1)[0] == c"\t"):
                last -= 1
            while start < last and start[0] == c'"':
                start += 1
            while last > start and (last - 1)[0] == c'"':
                last -= 1
            if may_be_at(start, last - start, URL, False):
                return True
        if behind == end:
            return False
        at = behind + 1


cdef bint value_may_be(State *state, Py_ssize_t depth, Names *names) except -1:
    """Go past the value that begins here; whether a text or a name in it may hold anything."""
    cdef unsigned char first = state.at[0]
    if first == c'"':
        return text_may_be(state)
    if first == c"{":
        return members_may_be(state, depth, names)
    if first == c"[":
        return items_may_be(state, depth, names)
    if first == c"t":
        pass_word(state, "true", 4)
    elif first == c"f":
        pass_word(state, "false", 5)
    elif first == c"n":
        pass_word(state, "null", 4)
    else:
        pass_number(state)
    return False


cdef bint members_may_be(State *state, Py_ssize_t depth, Names *names) except -1:
    cdef Py_ssize_t since = names.count
    enter(state, depth)
    if state.at[0] == c"}":
        state.at += 1
        return False
    while True:
        if state.at[0] != c'"':
            refuse()
        if name_may_be(state, names, since):
            return True
        skip(state)
        if state.at[0] != c":":
            refuse()
        state.at += 1
        skip(state)
        if value_may_be(state, depth - 1, names):
            return True
        if not goes_on(state, c"}"):
            names.count = since
            return False


cdef bint items_may_be(State *state, Py_ssize_t depth, Names *names) except -1:
    enter(state, depth)
    if state.at[0] == c"]":
        state.at += 1
        return False
    while True:
        if value_may_be(state, depth - 1, names):
            return True
        if not goes_on(state, c"]"):
            return False


cdef Bytes text_end(State *state, Bytes start) except NULL:
    """The quote or the backslash that comes first."""
    cdef uint64_t seen = 0
    cdef Bytes at = plain_end(state, start, &seen)
    while at[0] != c'"' and at[0] != c"\\":
        if at[0] < 0x20:
            refuse()
        at += 1
    return at


cdef bint name_may_be(State *state, Names *names, Py_ssize_t since) except -1:
    """A name with an escape in it is rare, and looked at closely: so that all are told apart by their bytes."""
    cdef Bytes start = state.at + 1
    cdef Bytes end = text_end(state, start)
    cdef Name name = named(start, end - start)
    cdef Name *clean = &names.clean[name.hash & (CLEAN_NAMES - 1)]
    if end[0] == c"\\" or not is_new(names, since, &name):
        return True
    state.at = end + 1
    if clean.start != NULL and is_same(clean, &name):
        return False
    if may_be_at(start, end - start, TEXT, True):
        return True
    clean[0] = name
    return False


cdef bint text_may_be(State *state) except -1:
    cdef Bytes start = state.at + 1
    cdef Bytes end = text_end(state, start)
    if end[0] == c"\\":
        return may_be(escaped(state, start), TEXT, False)
    state.at = end + 1
    return may_be_at(start, end - start, TEXT, False)


cdef int pass_number(State *state) except -1:
    """Go past a number that all readers can hold; of one that is very long or large that is not known here."""
    cdef Bytes start = state.at
    cdef Bytes at = start + (start[0] == c"-")
    cdef Bytes power
    at = at + 1 if at[0] == c"0" else digits(at)
    if at[0] == c".":
        at = digits(at + 1)
    if at - start > SURE_DIGITS:
        refuse()
    if at[0] == c"e" or at[0] == c"E":
        power = at + (2 if at[1] == c"+" or at[1] == c"-" else 1)
        at = digits(power)
        if at - power > 2 or power - start > SURE_DIGITS - 100:
            refuse()
    state.at = at
    return 0
