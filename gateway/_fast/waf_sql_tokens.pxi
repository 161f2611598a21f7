# Tokens of SQL: each reader takes one at `at`, steps, and answers where the next begins.

cdef inline bint is_at(Bytes at, Bytes end, unsigned char byte) noexcept:
    return at < end and at[0] == byte


cdef inline bint is_word(Bytes at, Bytes end) noexcept:
    """Whether the byte stands in words; a no-break space in UTF-8 does not."""
    return at < end and (KIND[at[0]] & WORD) != 0 and not (at[0] == 0xC2 and is_at(at + 1, end, 0xA0))


cdef inline bint is_digit(Bytes at, Bytes end) noexcept:
    return at < end and (KIND[at[0]] & DIGIT) != 0


cdef inline void emit(Reading* reading, unsigned char letter) noexcept:
    """Take one step; runs of ( ) ; signs, strings and "not" are one token."""
    reading.comment = 0
    if letter == reading.last and memchr(FOLDED, letter, 6) is not NULL:
        return
    reading.last = letter
    reading.state = ROWS[reading.state * 64 + (letter & 63)]
    reading.found = FOUND[reading.state]


cdef unsigned char letter_of(const char* text, Py_ssize_t size) noexcept:
    """The letter of a lower-case word in the table, or w."""
    cdef unsigned slot
    if size == 0 or size > LONGEST:
        return c"w"
    slot = slot_of(text, size)
    while TABLE[slot].size:
        if TABLE[slot].size == size and memcmp(TABLE[slot].text, text, size) == 0:
            return TABLE[slot].letter
        slot = (slot + 1) & (SLOTS - 1)
    return c"w"


cdef unsigned char word_letter(Bytes start, Bytes end) noexcept:
    """The letter of a word: its own, or Y when its first or last part is a name of a system's own."""
    cdef char[64] lower
    cdef Py_ssize_t at, size = end - start, mark = 0, dot = -1
    cdef unsigned char letter
    if size > <Py_ssize_t>sizeof(lower):
        return c"w"
    lower[0] = 0
    for at in range(size):
        lower[at] = <char>(start[at] | 32 if c"A" <= start[at] <= c"Z" else start[at])
        if start[at] == c"." or start[at] == c"_" or start[at] == c"$":
            if not mark:
                mark = at + 1
            if start[at] == c".":
                dot = at
    letter = letter_of(lower, size)
    if letter != c"w" or not mark:
        return letter
    if letter_of(lower, mark) == c"Y" or letter_of(lower, mark - 1) == c"Y":
        return c"Y"
    return part_letter(lower + dot + 1, size - dot - 1) if dot >= 0 else c"w"


cdef unsigned char part_letter(const char* text, Py_ssize_t size) noexcept:
    """The letter of the last part of a dotted word: F, Y or w."""
    cdef Py_ssize_t at
    cdef unsigned char letter = letter_of(text, size)
    for at in range(size):
        if text[at] == c"_" or text[at] == c"$":
            if letter_of(text, at + 1) == c"Y":
                return c"Y"
            break
    return letter if letter == c"F" or letter == c"Y" else c"w"


cdef Bytes word_end(Bytes at, Bytes end) noexcept:
    """Behind a word; dots (up to two) and @ before a word's byte are part of it."""
    cdef Bytes ahead
    while True:
        while is_word(at, end):
            at += 1
        ahead = at
        while is_at(ahead, end, c".") and ahead - at < 2:
            ahead += 1
        if ahead == at and is_at(at, end, c"@"):
            ahead += 1
        if ahead == at or not is_word(ahead, end):
            return at
        at = ahead


cdef Bytes comment_end(Bytes at, Bytes end) noexcept:
    """Behind the */ that is next, or NULL."""
    while at < end:
        at = <Bytes>memchr(at, c"*", end - at)
        if at is NULL or is_at(at + 1, end, c"/"):
            break
        at += 1
    return at + 2 if at is not NULL and at < end else NULL


cdef Bytes behind_comments(Bytes at, Bytes end) noexcept:
    """Behind the /* … */ that stand at `at`, or `at`; what MySQL executes is none."""
    cdef Bytes ahead
    while is_at(at, end, c"/") and is_at(at + 1, end, c"*") and not is_at(at + 2, end, c"!"):
        ahead = comment_end(at + 2, end)
        if ahead is NULL:
            break
        at = ahead
    return at


cdef bint is_called(Bytes at, Bytes end) noexcept:
    """Whether ( is next, behind blanks and comments."""
    cdef Bytes before
    while True:
        before = at
        while at < end and KIND[at[0]] & BLANK:
            at += 1
        at = behind_comments(at, end)
        if at == before:
            return is_at(at, end, c"(")


cdef Bytes behind_plural(Bytes at, Bytes end) noexcept:
    """Behind the "(s)" or "(es)" of a word in a text, or `at`."""
    cdef Bytes ahead = at + 1
    if is_at(ahead, end, c"e") or is_at(ahead, end, c"E"):
        ahead += 1
    if (is_at(ahead, end, c"s") or is_at(ahead, end, c"S")) and is_at(ahead + 1, end, c")"):
        return ahead + 2
    return at


cdef Bytes read_word(Reading* reading, Bytes start) noexcept:
    cdef Bytes at = word_end(start, reading.end), behind
    cdef unsigned char letter
    if at < reading.end and (at[0] == c"'" or at[0] == c'"') and is_prefix(start, at):
        return at
    if at - start == 1 and start[0] | 32 == c"q" and is_at(at, reading.end, c"'") and at + 1 < reading.end:
        return read_quoted(reading, at + 1)
    letter = word_letter(start, at)
    if letter == c"F" or letter == c"z":
        if not is_called(at, reading.end):
            letter = c"w"
    elif memchr(NAMING, letter, 6) is not NULL and is_at(behind_comments(at, reading.end), reading.end, c"("):
        behind = behind_plural(at, reading.end)
        letter = c"f" if behind == at else c"w"
        at = behind
    emit(reading, letter)
    return at


cdef bint is_prefix(Bytes start, Bytes end) noexcept:
    """Whether the word before a quote belongs to the string: N'', X'', B'', E'', _utf8''."""
    cdef unsigned char byte = start[0] | 32
    if start[0] == c"_":
        return True
    return end - start == 1 and (byte == c"n" or byte == c"x" or byte == c"b" or byte == c"e")


cdef Bytes read_number(Reading* reading, Bytes start) noexcept:
    """0x and 0b numbers, digits and dots with an exponent; what sticks to them counts only if SQL knows the word."""
    cdef Bytes at = start, tail
    if at[0] == c"0" and at + 1 < reading.end and (at[1] | 32 == c"x" or at[1] | 32 == c"b"):
        tail = word_end(at, reading.end)
        emit(reading, c"n")
        return tail
    while is_digit(at, reading.end) or is_at(at, reading.end, c"."):
        at += 1
    if is_at(at, reading.end, c"e") or is_at(at, reading.end, c"E"):
        tail = at + 1
        if is_at(tail, reading.end, c"+") or is_at(tail, reading.end, c"-"):
            tail += 1
        if is_digit(tail, reading.end):
            at = tail
            while is_digit(at, reading.end):
                at += 1
    tail = word_end(at, reading.end)
    if tail == at or word_letter(at, tail) != c"w":
        emit(reading, c"n")
        return at
    if (at[0] | 32 == c"d" or at[0] | 32 == c"f") and tail > at + 1 and word_letter(at + 1, tail) != c"w":
        emit(reading, c"n")  # Oracle's 1d, 1f
        return at + 1
    emit(reading, c"w")
    return tail


cdef Bytes string_end(Bytes at, Bytes end, unsigned char quote, bint mysql) noexcept:
    """Behind the quote that closes a string, or NULL; a doubled quote does not."""
    while at < end:
        if at[0] == quote:
            if not is_at(at + 1, end, quote):
                return at + 1
            at += 1
        elif mysql and at[0] == c"\\":
            at += 1
        at += 1
    return NULL


cdef Bytes read_string(Reading* reading, Bytes at) noexcept:
    cdef Bytes behind = string_end(at + 1, reading.end, at[0], reading.mysql)
    emit(reading, c"w" if at[0] == c"`" else c"s")
    return behind if behind is not NULL else reading.end


cdef Bytes read_quoted(Reading* reading, Bytes at) noexcept:
    """q'[…]', Oracle's string; `at` is behind the first quote."""
    cdef unsigned char closing = at[0]
    if closing == c"(":
        closing = c")"
    elif closing == c"[" or closing == c"{" or closing == c"<":
        closing += 2
    at += 1
    while at < reading.end and not (at[0] == closing and is_at(at + 1, reading.end, c"'")):
        at += 1
    emit(reading, c"s")
    return at + 2 if at < reading.end else at


cdef Bytes read_dollars(Reading* reading, Bytes at) noexcept:
    """$$…$$, PostgreSQL's string."""
    at += 2
    while at < reading.end and not (at[0] == c"$" and is_at(at + 1, reading.end, c"$")):
        at += 1
    emit(reading, c"s")
    return at + 2 if at < reading.end else at


cdef Bytes read_comment(Reading* reading, Bytes mark, Bytes at) noexcept:
    """To the end of the line; `at` is behind the mark.  It is long when it reads as a text, or as one in quotes."""
    cdef Bytes behind = <Bytes>memchr(at, c"\n", reading.end - at)
    if behind is NULL:
        behind = reading.end
    reading.comment = c"c"
    if not reading.is_short and has_two_words(at, behind):
        reading.comment = c"d"
    if reading.opening and (mark - 1)[0] == reading.opening and memchr(at, reading.opening, behind - at) is not NULL:
        reading.comment = c"d"
    return behind


cdef bint has_two_words(Bytes at, Bytes end) noexcept:
    cdef int words = 0
    cdef bint inside = False
    while at < end and words < 2:
        if KIND[at[0]] & BLANK:
            inside = False
        elif not inside:
            inside = True
            words += 1
        at += 1
    return words == 2


cdef Bytes read_inline(Reading* reading, Bytes at) noexcept:
    """/* … */ is a blank, and so are the marks of MySQL's /*!50000 … */, whose inside is executed."""
    cdef Bytes start = at + 2
    if reading.mysql and is_at(start, reading.end, c"!"):
        at = start + 1
        while is_digit(at, reading.end):
            at += 1
        return at
    at = comment_end(start, reading.end)
    if at is NULL:
        reading.comment = c"c"
        return reading.end
    return at


cdef Bytes read_variable(Reading* reading, Bytes at) noexcept:
    cdef unsigned char letter = c"v"
    at += 1
    if is_at(at, reading.end, c"@"):
        letter = c"g"
        at += 1
    if not is_word(at, reading.end):
        emit(reading, c"q")
        return at
    emit(reading, letter)
    return word_end(at, reading.end)


cdef Bytes read_comparison(Reading* reading, Bytes at) noexcept:
    cdef Bytes start = at
    while at < reading.end and (at[0] == c"=" or at[0] == c"<" or at[0] == c">" or at[0] == c"!"):
        if at[0] == c"!" and not is_at(at + 1, reading.end, c"="):
            break
        at += 1
    if at == start:
        emit(reading, c"x")
        return at + 1
    emit(reading, c"a" if at - start == 2 and start[0] == start[1] and start[0] != c"=" else c"e")
    return at


cdef Bytes read_doubled(Reading* reading, Bytes at, unsigned char single, unsigned char double) noexcept:
    """One sign or two of it: | and ||, & and &&."""
    if is_at(at + 1, reading.end, at[0]):
        emit(reading, double)
        return at + 2
    emit(reading, single)
    return at + 1
