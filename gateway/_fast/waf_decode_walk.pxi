# One level of encodings taken away: what a byte, an escape or an entity stands for.


cdef bytes percent_decoded(bytes raw, bint is_form):
    """%XX, and "+" of a form (WHATWG URL, section 5.1)."""
    cdef Pass walk
    cdef bytes out = begin(&walk, raw)
    cdef unsigned char byte
    while walk.at < walk.size:
        byte = walk.text[walk.at]
        if byte == c"%" and is_pair(&walk, walk.at + 1):
            byte = DIGIT16[walk.text[walk.at + 1]] << 4 | DIGIT16[walk.text[walk.at + 2]]
            walk.at += 2
        elif byte == c"+" and is_form:
            byte = c" "
        walk.at += 1
        walk.out[walk.length] = byte
        walk.length += 1
    return out[:walk.length]


cdef bytes begin(Pass *walk, bytes text):
    """Start a walk; gives what it writes to."""
    cdef bytes out = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(text))
    walk.text = <const unsigned char *>PyBytes_AS_STRING(text)
    walk.size = PyBytes_GET_SIZE(text)
    walk.out = <unsigned char *>PyBytes_AS_STRING(out)
    walk.at = walk.length = 0
    walk.flags = 0
    walk.as_css = walk.as_odd = walk.is_changed = walk.has_percent = walk.has_octal = walk.has_odd = False
    return out


cdef bytes walked_out(bytes text, bint as_css, bint as_odd):
    cdef Pass walk
    cdef int level
    for level in range(DEEPEST):
        text = walked(text, &walk, as_css, as_odd)
        if not walk.is_changed:
            break
    return text


cdef bytes walked(bytes text, Pass *walk, bint as_css, bint as_odd):
    """One level of all encodings taken away."""
    cdef bytes out = begin(walk, text)
    cdef unsigned char byte
    walk.as_css = as_css
    walk.as_odd = as_odd
    while walk.at < walk.size:
        byte = walk.text[walk.at]
        if not CLASS[byte] & WALKED:
            walk.out[walk.length] = byte
            walk.length += 1
            walk.at += 1
        elif byte == c"%":
            percent(walk)
        elif byte == c"&":
            entity(walk)
        elif byte == c"\\":
            escape(walk)
        elif byte == c"+":
            plus(walk)
        elif byte >= 0x80:
            high(walk)
        else:
            control(walk)
    return out[:walk.length] if walk.is_changed else text


cdef inline void copy(Pass *walk, Py_ssize_t size) noexcept:
    memcpy(walk.out + walk.length, walk.text + walk.at, size)
    walk.length += size
    walk.at += size


cdef inline bint is_pair(Pass *walk, Py_ssize_t at) noexcept:
    return at + 1 < walk.size and DIGIT16[walk.text[at]] != NO_DIGIT and DIGIT16[walk.text[at + 1]] != NO_DIGIT


cdef Py_ssize_t digits(Pass *walk, Py_ssize_t at, Py_ssize_t most, int base, uint32_t *code) noexcept:
    """How many digits stand at `at`; their value, at most 0x110000."""
    cdef Py_ssize_t start = at
    code[0] = 0
    while at < walk.size and at - start < most and DIGIT16[walk.text[at]] < base:
        if code[0] < 0x110000:
            code[0] = code[0] * base + DIGIT16[walk.text[at]]
        at += 1
    return at - start


cdef void become(Pass *walk, uint32_t code, Py_ssize_t size) noexcept:
    """`size` bytes of the text stand for `code`."""
    walk.at += size
    walk.is_changed = True
    code = folded(code)
    if code == 0:
        return
    if code < 0x80:
        put(walk, code)
    elif code < 0x800:
        put(walk, 0xc0 | code >> 6)
        put(walk, 0x80 | code & 0x3f)
    elif code < 0x10000:
        put(walk, 0xe0 | code >> 12)
        put(walk, 0x80 | code >> 6 & 0x3f)
        put(walk, 0x80 | code & 0x3f)
    else:
        put(walk, 0xf0 | code >> 18)
        put(walk, 0x80 | code >> 12 & 0x3f)
        put(walk, 0x80 | code >> 6 & 0x3f)
        put(walk, 0x80 | code & 0x3f)


cdef inline void put(Pass *walk, unsigned char byte) noexcept:
    # SECURITY: never more than was read, so what is written fits (tests/unit/fast/test_decode.py)
    if walk.length < walk.at:
        walk.out[walk.length] = byte
        walk.length += 1


cdef uint32_t folded(uint32_t code) noexcept:
    """The ASCII that a lenient reader takes `code` for, 0 for nothing, else `code`."""
    if code < 0x80:
        if code == 0x0b or code == 0x0c:
            return 0x20
        return 0 if (code < 0x20 and code not in (0x09, 0x0a, 0x0d)) or code == 0x7f else code
    if 0xff01 <= code <= 0xff5e:
        return code - 0xfee0
    if code == 0xad or 0x200b <= code <= 0x200f or code == 0x2060 or code == 0xfeff:
        return 0
    if code == 0x17f:
        return c"s"
    if code == 0x212a:
        return c"k"
    if code == 0x2039 or code == 0xfe64 or code == 0x2329 or code == 0x3008:
        return c"<"
    if code == 0x203a or code == 0xfe65 or code == 0x232a or code == 0x3009:
        return c">"
    if code == 0xfe59 or code == 0xfe5a:
        return c"(" + code - 0xfe59
    if code == 0xfe66:
        return c"="
    if 0x24b6 <= code <= 0x24e9:
        return letter(code - 0x24b6)
    if 0x1d400 <= code <= 0x1d6a3:
        return letter((code - 0x1d400) % 52)
    return REPLACEMENT if 0xd800 <= code < 0xe000 or code >= 0x110000 else code


cdef inline uint32_t letter(uint32_t number) noexcept:
    return c"A" + number if number < 26 else c"a" + number - 26


cdef void percent(Pass *walk) noexcept:
    cdef uint32_t code
    cdef Py_ssize_t at = walk.at + 1
    if at < walk.size and walk.text[at] | 0x20 == c"u" and digits(walk, at + 1, 4, 16, &code) == 4:
        walk.has_percent = True
        walk.flags |= control_flags(code)
        become(walk, code, 6)
    elif is_pair(walk, walk.at + 1):
        code = DIGIT16[walk.text[walk.at + 1]] << 4 | DIGIT16[walk.text[walk.at + 2]]
        walk.has_percent = walk.is_changed = True
        walk.flags |= control_flags(code)
        walk.at += 3
        put(walk, code)
    else:
        copy(walk, 1)


cdef int control_flags(uint32_t code) noexcept:
    if code == 0:
        return IS_NUL
    if code == 0x0d or code == 0x0a:
        return IS_CRLF
    return IS_CONTROL if code == 0x7f or (code < 0x20 and code != 0x09) else 0


cdef int entity(Pass *walk) except -1:
    """&#60; &#x3c &lt; (HTML section 13.5), and Netscape's &{ is left alone."""
    cdef Py_ssize_t at = walk.at + 1, count
    cdef uint32_t code
    cdef int base = 10
    if at < walk.size and walk.text[at] == c"#":
        at += 1
        if at < walk.size and walk.text[at] | 0x20 == c"x":
            at += 1
            base = 16
        count = digits(walk, at, walk.size, base, &code)
        if count:
            at += count
            become(walk, code, at - walk.at + (at < walk.size and walk.text[at] == c";"))
            return 0
    elif at < walk.size and c"a" <= walk.text[at] | 0x20 <= c"z":
        return named(walk)
    copy(walk, 1)
    return 0


cdef int named(Pass *walk) except -1:
    cdef const unsigned char *text = walk.text + walk.at + 1
    cdef Py_ssize_t left = walk.size - walk.at - 1, count = 0
    cdef bytes name, short
    while count < left and count <= LONGEST_NAME and c"a" <= text[count] | 0x20 <= c"z":
        count += 1
    name = text[:count].lower()
    if count < left and text[count] == c";" and name in NAMED:
        become(walk, NAMED[name], count + 2)
        return 0
    for short in LEGACY:
        if name.startswith(short):
            become(walk, NAMED[short], PyBytes_GET_SIZE(short) + 1)
            return 0
    copy(walk, 1)
    return 0


cdef void escape(Pass *walk) noexcept:
    r"""\x3c \u003c \u{3c} (ECMAScript), \74 (octal), \3c (CSS), \n and what stands for itself."""
    cdef Py_ssize_t at = walk.at + 1, count
    cdef unsigned char byte
    cdef uint32_t code
    if at == walk.size:
        copy(walk, 1)
        return
    byte = walk.text[at]
    if byte == c"x" and is_pair(walk, at + 1):
        digits(walk, at + 1, 2, 16, &code)
        become(walk, code, 4)
    elif byte == c"u" and digits(walk, at + 1, 4, 16, &code) == 4:
        become(walk, code, 6)
    elif byte == c"u" and at + 1 < walk.size and walk.text[at + 1] == c"{":
        count = digits(walk, at + 2, walk.size, 16, &code)
        if count and at + 2 + count < walk.size and walk.text[at + 2 + count] == c"}":
            become(walk, code, count + 4)
        else:
            become(walk, byte, 2)
    elif DIGIT16[byte] != NO_DIGIT:
        numbered(walk)
    else:
        named_escape(walk, byte)


cdef void numbered(Pass *walk) noexcept:
    """SECURITY: digits can be octal or CSS; the walk says that it met some (tests/unit/fast/test_decode.py)."""
    cdef uint32_t octal, css
    cdef Py_ssize_t at = walk.at + 1
    cdef Py_ssize_t octals = digits(walk, at, 3, 8, &octal)
    cdef Py_ssize_t count = digits(walk, at, 6, 16, &css)
    if octals and not walk.as_css:
        walk.has_octal = True
        if count <= 3 and octals == count and octal >= 0x20:
            become(walk, octal, octals + 1)
            return
    elif count == 1 and not walk.as_css and walk.text[at] > c"9":
        walk.has_octal = True
        named_escape(walk, walk.text[at])
        return
    # one blank ends a CSS escape and belongs to it
    at += count
    if at < walk.size and walk.text[at] == c" ":
        count += 1
    become(walk, css, count + 1)


cdef void named_escape(Pass *walk, unsigned char byte) noexcept:
    cdef uint32_t code = byte
    if byte == c"n" or byte == c"r":
        code = 0x0a
    elif byte == c"t":
        code = 0x09
    elif byte == c"v" or byte == c"f":
        code = 0x20
    elif byte == c"\n" or byte == c"\r":
        code = 0
    if byte < 0x80:
        become(walk, code, 2)
    else:
        walk.is_changed = True
        walk.at += 1


cdef void plus(Pass *walk) noexcept:
    """UTF-7 (RFC 2152): +ADw- is "<"."""
    cdef Py_ssize_t at = walk.at + 1
    cdef uint32_t bits = 0, code
    cdef int width = 0
    if at + 2 >= walk.size or walk.text[at] != c"A" or DIGIT64[walk.text[at + 1]] > 7 \
            or DIGIT64[walk.text[at + 2]] > 63:
        copy(walk, 1)
        return
    walk.has_odd = True
    if not walk.as_odd:
        copy(walk, 1)
        return
    while at < walk.size and walk.text[at] != c"-" and DIGIT64[walk.text[at]] != NO_DIGIT:
        bits = (bits & 0xffff) << 6 | DIGIT64[walk.text[at]]
        width += 6
        at += 1
        if width >= 16:
            width -= 16
            code = bits >> width & 0xffff
            walk.at = at
            become(walk, code if code < 0x80 else c"?", 0)
    walk.is_changed = True
    walk.at = at + (at < walk.size and walk.text[at] == c"-")


cdef Py_ssize_t sequence(const unsigned char *text, Py_ssize_t left, uint32_t *code) noexcept:
    """The length of the UTF-8 sequence at `text`, overlong ones too; 0 when it is none."""
    cdef unsigned char byte = text[0]
    cdef Py_ssize_t size, at
    if 0xc0 <= byte < 0xe0:
        size = 2
        code[0] = byte & 0x1f
    elif 0xe0 <= byte < 0xf0:
        size = 3
        code[0] = byte & 0x0f
    elif 0xf0 <= byte < 0xf8:
        size = 4
        code[0] = byte & 0x07
    else:
        return 0
    if size > left:
        return 0
    for at in range(1, size):
        if text[at] & 0xc0 != 0x80:
            return 0
        code[0] = code[0] << 6 | text[at] & 0x3f
    return size


cdef inline bint is_overlong(Py_ssize_t size, uint32_t code) noexcept:
    return code < (0x80 if size == 2 else 0x800 if size == 3 else 0x10000)


cdef void high(Pass *walk) noexcept:
    """UTF-8: overlong forms and look-alikes become ASCII, all else stays."""
    cdef uint32_t code
    cdef Py_ssize_t size = sequence(walk.text + walk.at, walk.size - walk.at, &code)
    if size == 0:
        size = 1
        code = walk.text[walk.at]
    elif is_overlong(size, code) or (folded(code) != code and folded(code) != REPLACEMENT):
        walk.flags |= IS_OVERLONG if is_overlong(size, code) else 0
        become(walk, code, size)
        return
    if 0xa0 <= code <= 0xff:
        # SECURITY: a reader of seven bits takes U+00BC for "<" (tests/unit/fast/test_decode.py)
        if code == 0xbc and walk.at + size < walk.size and is_tag_start(walk.text[walk.at + size]):
            walk.has_odd = True
        if walk.as_odd:
            become(walk, code & 0x7f, size)
            return
    copy(walk, size)


cdef inline bint is_tag_start(unsigned char byte) noexcept:
    return c"a" <= byte | 0x20 <= c"z" or byte == c"/" or byte == c"!"


cdef void control(Pass *walk) noexcept:
    cdef unsigned char byte = walk.text[walk.at]
    if byte == c"\n" or byte == c"\r":
        copy(walk, 1)
    else:
        become(walk, byte, 1)
