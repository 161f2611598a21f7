"""The kinds of segments in a path template, and which bytes are of which kind: ASCII digits and letters only."""

cdef enum Kind:  # in the order of specificity
    LITERAL, UUID, INT, DT, FLOAT, UNTYPED, REST


cdef inline bint is_digit(char c) noexcept:
    return c'0' <= c <= c'9'


cdef inline bint is_hex(char c) noexcept:
    return is_digit(c) or c'a' <= c <= c'f' or c'A' <= c <= c'F'


cdef inline Py_ssize_t digits(const char* at, Py_ssize_t size) noexcept:
    """How many of the first `size` bytes are digits before the first that is not."""
    cdef Py_ssize_t n = 0
    while n < size and is_digit(at[n]):
        n += 1
    return n


cdef inline int number(const char* at, int count, int low, int high) noexcept:
    """The value of `count` digits, -1 where it is none or lies outside low..high."""
    cdef int value = 0
    if digits(at, count) < count:
        return -1
    for i in range(count):
        value = 10 * value + at[i] - c'0'
    return value if low <= value <= high else -1


cdef inline bint is_number(const char* at, Py_ssize_t size, bint with_fraction) noexcept:
    """An optional "-", digits and, where allowed, an optional "." with digits."""
    cdef Py_ssize_t whole
    if size and at[0] == c'-':
        at += 1
        size -= 1
    whole = digits(at, size)
    if whole == 0 or whole == size:
        return whole > 0
    if not with_fraction or at[whole] != c'.':
        return False
    return whole + 1 < size and digits(at + whole + 1, size - whole - 1) == size - whole - 1


cdef inline bint is_uuid(const char* at, Py_ssize_t size) noexcept:
    """8-4-4-4-12 hex digits of any case (RFC 9562 4)."""
    if size != 36:
        return False
    for i in range(36):
        if i == 8 or i == 13 or i == 18 or i == 23:
            if at[i] != c'-':
                return False
        elif not is_hex(at[i]):
            return False
    return True


cdef inline bint is_date(const char* at, Py_ssize_t size) noexcept:
    """full-date of RFC 3339 5.6, the day being one of its month."""
    cdef int year, month, day, last
    if size < 10 or at[4] != c'-' or at[7] != c'-':
        return False
    year = number(at, 4, 0, 9999)
    month = number(at + 5, 2, 1, 12)
    day = number(at + 8, 2, 1, 31)
    if year < 0 or month < 0 or day < 0:
        return False
    last = 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
    if month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return day <= last


cdef inline bint is_dt(const char* at, Py_ssize_t size) noexcept:
    """full-date or date-time of RFC 3339 5.6; second 60 is let through in every minute."""
    cdef Py_ssize_t fraction
    if not is_date(at, size) or size == 10:
        return size == 10 and is_date(at, size)
    if size < 20 or (at[10] | 0x20) != c't' or at[13] != c':' or at[16] != c':':
        return False
    if number(at + 11, 2, 0, 23) < 0 or number(at + 14, 2, 0, 59) < 0 or number(at + 17, 2, 0, 60) < 0:
        return False
    at += 19
    size -= 19
    if at[0] == c'.':
        fraction = digits(at + 1, size - 1)
        at += 1 + fraction
        size -= 1 + fraction
        if fraction == 0 or size == 0:
            return False
    if size == 1:
        return (at[0] | 0x20) == c'z'
    return (size == 6 and (at[0] == c'+' or at[0] == c'-') and at[3] == c':'
            and number(at + 1, 2, 0, 23) >= 0 and number(at + 4, 2, 0, 59) >= 0)


cdef inline bint fits(int kind, const char* at, Py_ssize_t size) noexcept:
    """Whether a segment is of a kind; literals and rests are decided elsewhere."""
    if size == 0:
        return False
    if kind == UNTYPED:
        return True
    if kind == INT or kind == FLOAT:
        return is_number(at, size, kind == FLOAT)
    return is_uuid(at, size) if kind == UUID else is_dt(at, size)
