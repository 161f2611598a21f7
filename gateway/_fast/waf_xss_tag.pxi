# Tags and their attributes.


cdef int tag(_Scan scan, Py_ssize_t at) except -1:
    cdef Py_ssize_t start = after_blanks(scan, at + 1), end
    cdef bint is_first = scan.first_tag < 0
    cdef bint is_apart = start > at + 1
    cdef unsigned char byte = byte_at(scan, start)
    if byte == c"!" or byte == c"?":
        return NOTHING if is_apart else declaration(scan, start)
    if byte == c"/":
        return closing(scan, after_blanks(scan, start + 1), is_first)
    if not is_letter(byte):
        return NOTHING
    end = start
    while end < scan.size and not is_blank(scan.text[end]) and scan.text[end] not in b"/><\"'=(":
        end += 1
    if is_apart:
        return apart(scan, start, end)
    if is_first:
        scan.first_tag = at
        if is_after_quote(scan, at):
            return ATTRIBUTE
    return element(scan, start, end)


cdef int apart(_Scan scan, Py_ssize_t start, Py_ssize_t end) except -1:
    """A blank before the name: no tag for a browser, but careless filters take the blank away."""
    if ELEMENTS.get(local_name(scan, start, end)) == ALWAYS and byte_at(scan, after_blanks(scan, end)) in b">/":
        return TAG
    return NOTHING


cdef int declaration(_Scan scan, Py_ssize_t at) except -1:
    cdef bytes word
    for word in (b"!--#", b"!--[if", b"![cdata[", b"!entity", b"?xml-stylesheet", b"?import"):
        if has(scan, at, word):
            return TAG
    return NOTHING


cdef int closing(_Scan scan, Py_ssize_t at, bint is_first) except -1:
    cdef bytes name = word_at(scan, at)
    if name == b"script":
        return SCRIPT
    if is_first and ELEMENTS.get(name) in (RAW, WITH_STYLES, ALWAYS):
        return TAG
    if name and scan.first_tag < 0:
        scan.first_tag = at
    return NOTHING


cdef bint is_after_quote(_Scan scan, Py_ssize_t at):
    """Whether the tag at `at`, the first, stands behind what ends an attribute or a comment."""
    at = before_blanks(scan, at)
    if at < 1 or scan.text[at] != c">":
        return False
    if has(scan, at - 2, b"--"):
        return True
    at = before_blanks(scan, at)
    while at >= 0 and scan.text[at] in b"/)};":
        at -= 1
    return at >= 0 and is_quote(scan.text[at])


cdef bytes local_name(_Scan scan, Py_ssize_t start, Py_ssize_t end):
    """The name without the prefix of its namespace."""
    cdef Py_ssize_t colon_at = scan.low.rfind(b":", start, end)
    start = colon_at + 1 if colon_at >= 0 else start
    return scan.low[start:min(end, start + LONGEST_NAME)]


cdef int element(_Scan scan, Py_ssize_t start, Py_ssize_t end) except -1:
    """A tag whose name is text[start:end]."""
    cdef int kind = ELEMENTS.get(local_name(scan, start, end), 0)
    cdef bint ends_well = end >= scan.size or is_blank(scan.text[end]) or scan.text[end] in b"/><"
    cdef int found
    cdef Py_ssize_t valued = 0
    if kind == ALWAYS and ends_well:
        return SCRIPT if local_name(scan, start, end) == b"script" else TAG
    found = attributes(scan, &end, &valued, kind)
    if found:
        return found
    if kind == WITH_ATTRIBUTE and valued:
        return TAG
    if kind == WITH_STYLES and ends_well:
        scan.work -= scan.size - end
        if scan.work < 0 or holds(scan, end, scan.size, b"{") or holds(scan, end, scan.size, b"@"):
            return CSS
    return NOTHING


cdef int attributes(_Scan scan, Py_ssize_t *end, Py_ssize_t *count, int kind) except -1:
    """What the attributes from end[0] do; leaves where the tag ends, and how many of them have a value."""
    cdef Py_ssize_t at = end[0], name, name_end, value
    cdef unsigned char byte
    cdef int found = NOTHING
    while at < scan.size and not found:
        scan.work -= 1
        byte = scan.text[at]
        if byte == c">" or byte == c"<":
            break
        if is_blank(byte) or byte == c"/" or is_quote(byte):
            at += 1
            continue
        name = at
        at = name_end = attribute_end(scan, name)
        value = after_blanks(scan, at)
        scan.work -= value - name
        if scan.work < 0:
            return TAG
        if byte_at(scan, value) != c"=":
            at = max(value, name + 1)
            continue
        value = after_blanks(scan, value + 1)
        at = value_end(scan, value)
        scan.work -= at - name
        count[0] += 1
        found = TAG if scan.work < 0 else attribute(scan, name, name_end, value, at, kind)
    end[0] = at
    return found


cdef Py_ssize_t attribute_end(_Scan scan, Py_ssize_t at):
    """Where the name that begins at `at` ends; its first byte can be any."""
    at += scan.text[at] != c"="
    while at < scan.size and not is_blank(scan.text[at]) and scan.text[at] not in b"=/><\"'`":
        at += 1
    return at


cdef Py_ssize_t value_end(_Scan scan, Py_ssize_t at):
    """Where the value that begins at `at` ends, its closing quote within."""
    cdef const void *quote
    if at < scan.size and (scan.text[at] == c'"' or scan.text[at] == c"'" or scan.text[at] == c"`"):
        quote = memchr(scan.text + at + 1, scan.text[at], scan.size - at - 1)
        return scan.size if quote == NULL else <const unsigned char *>quote - scan.text + 1
    while at < scan.size and not is_blank(scan.text[at]) and scan.text[at] != c">":
        at += 1
    return at


cdef int attribute(
    _Scan scan, Py_ssize_t name, Py_ssize_t name_end, Py_ssize_t value, Py_ssize_t end, int kind
) except -1:
    cdef Py_ssize_t letters = name
    cdef bytes word
    while letters < name_end and (is_letter(scan.text[letters]) or scan.text[letters] == c"-"):
        letters += 1
    word = scan.low[name:min(letters, name + LONGEST_NAME)]
    if word.startswith(b"on") and len(word) >= 5 and end > value:
        if word in EVENTS or letters == name_end and (is_quote(scan.text[value]) or runs(scan, value)):
            return HANDLER
    if word == b"srcdoc" or word == b"formaction":
        return ATTRIBUTE
    if kind == WITH_EQUIV and word == b"http-equiv":
        return TAG
    if kind == WITH_STYLES and word == b"type" and holds(scan, value, end, b"javascript"):
        return SCRIPT
    if word == b"style" and is_wild_style(scan, value, end):
        return CSS
    if is_script(scan, value, end, OPENING):
        return HANDLER
    return ATTRIBUTE if has(scan, value + is_quote(byte_at(scan, value)), b"&{") else NOTHING


cdef bint is_wild_style(_Scan scan, Py_ssize_t start, Py_ssize_t end):
    cdef bytes word
    scan.work -= 4 * (end - start)
    if scan.work < 0:
        return True
    for word in (b"/*", b"expression", b"-moz-binding", b"behavior", b"behaviour", b"@import"):
        if holds(scan, start, end, word):
            return True
    return holds(scan, start, end, b"\\") and holds(scan, start, end, b"(")
