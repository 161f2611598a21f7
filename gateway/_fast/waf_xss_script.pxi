# Handlers, URLs, styles, templates and scripts: what runs, and where it can begin.


cdef int equals(_Scan scan, Py_ssize_t at) except -1:
    """An attribute in a place where a value could have ended."""
    cdef Py_ssize_t end = before_blanks(scan, at) + 1, start, value, before
    cdef bytes word
    start = end
    while start > 0 and end - start < LONGEST_NAME and is_letter(scan.text[start - 1]):
        start -= 1
    # PERF: most names are shorter, or begin and end otherwise
    if end - start < 5 or byte_at(scan, at + 1) == c"=" or not (has(scan, start, b"on") or scan.text[end - 1] in b"cn"):
        return NOTHING
    word = scan.low[start:end]
    before = before_blanks(scan, start)
    value = after_blanks(scan, at + 1)
    if word in (b"srcdoc", b"formaction") and before >= 0 and is_quote(scan.text[before]) and value < scan.size:
        return ATTRIBUTE
    if not word.startswith(b"on") or not is_apart_before(scan, start):
        return NOTHING
    if word in EVENTS:
        if runs(scan, value):
            return HANDLER
        while before >= 0 and scan.text[before] == c"/":
            before = before_blanks(scan, before)
        return HANDLER if before >= 0 and is_quote(scan.text[before]) and value < scan.size else NOTHING
    return HANDLER if 0 <= scan.first_quote < start and calls_at(scan, value) else NOTHING


cdef bint is_apart_before(_Scan scan, Py_ssize_t at):
    return at == 0 or is_blank(scan.text[at - 1]) or scan.text[at - 1] in b"/\"'`;>),"


cdef bint runs(_Scan scan, Py_ssize_t at):
    """Whether the value at `at` has the look of a script."""
    cdef Py_ssize_t end = value_end(scan, at)
    cdef bytes word
    scan.work -= end - at
    if scan.work < 0:
        return True
    for at in range(at, end):
        if scan.text[at] in b"(`=;\\[" and not (scan.text[at] == c"`" and at + 1 == end):
            return True
        if scan.text[at] == c":" and colon(scan, at):
            return True
    for word in (b"alert", b"confirm", b"prompt", b"eval", b"location", b"&#", b"throw"):
        if holds(scan, at, end, word):
            return True
    return False


cdef bint calls_at(_Scan scan, Py_ssize_t at):
    """Whether the value at `at` calls what scripts of attackers call."""
    cdef Py_ssize_t end = value_end(scan, at)
    scan.work -= end - at
    return scan.work < 0 or is_script(scan, at, end, STRONG)


cdef int colon(_Scan scan, Py_ssize_t at) except -1:
    cdef bytes scheme
    cdef Py_ssize_t start
    for scheme in (b"javascript", b"vbscript", b"livescript"):
        start = spelled_before(scan, before_blanks(scan, at) + 1, scheme)
        if start >= 0:
            return URL if is_script_url(scan, start, at + 1) else NOTHING
    if spelled_before(scan, at, b"data") >= 0:
        return URL if is_page_url(scan, at + 1) else NOTHING
    if has(scan, at - 12, b"-moz-binding"):
        return CSS
    if has(scan, at - 8, b"behavior") or has(scan, at - 9, b"behaviour"):
        return CSS if has(scan, after_blanks(scan, at + 1), b"url(") else NOTHING
    return NOTHING


cdef Py_ssize_t spelled_before(_Scan scan, Py_ssize_t at, bytes word):
    """Where `word` begins before `at`, tabs and newlines left out; -1 when it does not stand there by itself."""
    cdef const unsigned char *letters = <const unsigned char *>PyBytes_AS_STRING(word)
    cdef Py_ssize_t left = PyBytes_GET_SIZE(word)
    while left:
        at -= 1
        if at < 0:
            return -1
        if scan.text[at] == c"\n" or scan.text[at] == c"\t":
            continue
        left -= 1
        if scan.text[at] != letters[left]:
            return -1
    return -1 if at and (is_word(scan.text[at - 1]) or scan.text[at - 1] == c"-") else at


cdef bint is_script_url(_Scan scan, Py_ssize_t start, Py_ssize_t at):
    """A scheme that runs what follows: in the place of a URL anything, elsewhere what has the look of a script."""
    cdef Py_ssize_t end = after_blanks(scan, at)
    cdef bint is_apart = start > 0 and holds(scan, at, end, b" ")
    cdef bint is_url
    start = before_blanks(scan, start)
    if start >= 0 and is_quote(scan.text[start]):
        start = before_blanks(scan, start)
        is_url = start >= 0 and scan.text[start] in b"=("
    else:
        is_url = start >= 0 and scan.text[start] == c"="
    at = end
    while end < scan.size and not is_blank(scan.text[end]) and not is_quote(scan.text[end]):
        end += 1
    scan.work -= end - at
    if end == at:
        return False
    if scan.work < 0 or is_url and not is_apart:
        return True
    for start in range(at, end):
        if scan.text[start] == c"(" and start > at or scan.text[start] == c"/" and byte_at(scan, start + 1) == c"/":
            return True
        if not is_apart and scan.text[start] in b"(=[%\\{;&!+":
            return True
    return byte_at(scan, end) == c"`" and end > at


cdef bint is_page_url(_Scan scan, Py_ssize_t at):
    cdef bytes kind
    at = after_blanks(scan, at)
    for kind in (b"text/html", b"text/xml", b"application/xhtml", b"application/xml", b"text/javascript",
                 b"application/javascript", b"application/x-javascript", b"application/x-shockwave-flash", b";base64,"):
        if has(scan, at, kind):
            at = after_blanks(scan, at + len(kind))
            return at < scan.size and (scan.text[at] in b",;+" or kind == b";base64,")
    return False


cdef int bracket(_Scan scan, Py_ssize_t at) except -1:
    """expression( of a style, the constructor of a function, which compiles a text, and a call in the middle."""
    cdef bytes word
    # PERF: the last letters of what is looked for
    if byte_at(scan, at - 1) not in b"tmlenr":
        return NOTHING
    word = word_before(scan, at)
    if word in OPENING:
        return JS if byte_at(scan, at - len(word) - 1) in b";}|&^" else NOTHING
    if has(scan, at - 12, b".constructor"):
        return JS if is_quote(byte_at(scan, at + 1)) else NOTHING
    if not has(scan, at - 10, b"expression") or has(scan, at, b"(s)"):
        return NOTHING
    at = before_blanks(scan, at - 10)
    return CSS if at >= 0 and (scan.text[at] in b":=" or has(scan, at - 1, b"*/")) else NOTHING


cdef int square(_Scan scan, Py_ssize_t at) except -1:
    """Scripts that are written without a letter."""
    cdef bytes sign
    for sign in (b"[+[]]", b"[+!+[]", b"[+!![]", b"[]+[]", b"[]+{}", b"[![]]", b"[][[", b"[][("):
        if has(scan, at, sign):
            return JS
    return JS if has(scan, at - 1, b"~[];") else NOTHING


cdef int brace(_Scan scan, Py_ssize_t at) except -1:
    """{{...}}, ${...} and #{...} with a script in them."""
    cdef bytes word
    cdef Py_ssize_t end
    cdef unsigned char before = byte_at(scan, at - 1)
    if at < scan.template_end or before not in b"{$#":
        return NOTHING
    end = scan.low.find(b"}", at)
    end = scan.size if end < 0 else min(end + 256, scan.size)
    scan.template_end = end
    if is_script(scan, at, end, STRONG) or is_product(scan, after_blanks(scan, at + 1)):
        return TEMPLATE
    for word in REACHES:
        if holds(scan, at, end, word):
            return TEMPLATE
    return TEMPLATE if holds(scan, at, end, b"constructor") and holds(scan, at, end, b"(") else NOTHING


cdef bint is_product(_Scan scan, Py_ssize_t at):
    """Whether 7*7} stands here: probing."""
    cdef Py_ssize_t end = at
    while end < scan.size and (c"0" <= scan.text[end] <= c"9" or scan.text[end] in b"*+- '"):
        end += 1
    return byte_at(scan, end) == c"}" and holds(scan, at, end, b"*")


cdef bint breaks_script(_Scan scan):
    """Whether the text, put into a script or into a string of one, ends that and goes on."""
    cdef Py_ssize_t at
    cdef unsigned char quote
    cdef const void *place
    for quote in b"\"'`":
        place = memchr(scan.text, quote, scan.size)
        if place == NULL:
            continue
        if goes_on(scan, <const unsigned char *>place - scan.text):
            return True
        # SECURITY: who escapes quotes but no backslashes ends the string at this one
        at = scan.low.find(bytes((c"\\", quote)), 0)
        if at >= 0 and goes_on(scan, at + 1):
            return True
    return starts_script(scan)


cdef bint goes_on(_Scan scan, Py_ssize_t at):
    """Whether a script goes on behind the quote at `at`."""
    at = behind_string(scan, at)
    return at > 0 and is_script(scan, at, scan.size, CALLS)


cdef Py_ssize_t behind_string(_Scan scan, Py_ssize_t at):
    """The place of an operator behind the quote at `at`; 0 when none follows."""
    cdef unsigned char quote = scan.text[at]
    at += 1
    while at < scan.size and (is_blank(scan.text[at]) or is_quote(scan.text[at]) and scan.text[at] != quote):
        at += 1
    if at >= scan.size:
        return 0
    if scan.text[at] in b";+-*/^|&,)}]?%!\\" or has(scan, at, b"in ") or has(scan, at, b"instanceof "):
        return at
    return 0


cdef bint starts_script(_Scan scan):
    """Whether the text begins with a call, behind what ends an expression or a block."""
    cdef Py_ssize_t at = 0, place
    if begins_call(scan, after_operators(scan, 0)):
        return True
    while at < scan.size and CLASS[scan.text[at]] & NAME:
        at += 1
    place = after_blanks(scan, at)
    if byte_at(scan, place) not in b";+-*/^|&,)}]%" and not holds(scan, at, place, b"\n"):
        return False
    return begins_call(scan, after_operators(scan, at))


cdef Py_ssize_t after_operators(_Scan scan, Py_ssize_t at):
    while at < scan.size and (is_blank(scan.text[at]) or scan.text[at] in b";+-*/^|&,)}](!~%\\"):
        at += 1
    return at


cdef bint begins_call(_Scan scan, Py_ssize_t at):
    cdef bytes word = word_at(scan, at)
    cdef Py_ssize_t end
    while word in PREFIXES:
        at = after_blanks(scan, at + PyBytes_GET_SIZE(word))
        word = word_at(scan, at)
    end = at
    while end < scan.size and (CLASS[scan.text[end]] & NAME or scan.text[end] == c"."):
        end += 1
    if word == b"function" and byte_at(scan, end) == c"(" and is_quote(byte_at(scan, end + 1)):
        return True
    return is_call(scan, end, OPENING)


cdef bint is_call(_Scan scan, Py_ssize_t end, frozenset names):
    """Whether the name that ends at `end` is one of `names` and is called there, or is a global's member by name."""
    cdef Py_ssize_t at = end
    cdef bytes word
    if not CLASS[byte_at(scan, end - 1)] & NAME:
        return False
    word = word_before(scan, end)
    if has(scan, at, b"/*"):
        at = scan.low.find(b"*/", at)
        at = scan.size if at < 0 else at + 2
    while at < scan.size and (is_blank(scan.text[at]) or scan.text[at] in b")?."):
        at += 1
    if word in names and byte_at(scan, at) in b"(`":
        return not has(scan, at, b"(s)")
    return word in GLOBALS and byte_at(scan, at) == c"[" and byte_at(scan, after_blanks(scan, at + 1)) in b"\"'`/(+!~["


cdef bint is_script(_Scan scan, Py_ssize_t start, Py_ssize_t end, frozenset names):
    """Whether text[start:end] calls or sets what attackers use."""
    cdef Py_ssize_t at, place
    cdef unsigned char byte
    for at in range(start, end):
        byte = scan.text[at]
        if CLASS[byte] & NAME or is_blank(byte):
            continue
        if (byte == c"(" or byte == c"`") and is_called(scan, at, start, names):
            return True
        if byte == c"[" and is_call(scan, before_blanks(scan, at) + 1, names):
            return True
        if byte == c"." and word_before(scan, at) in OBJECTS:
            return True
        if byte == c"=" or byte == c":":
            place = after_blanks(scan, at + 1)
            if byte_at(scan, place) in b"acepswf" and word_at(scan, place) in STRONG:
                return True
        if byte == c"=" and byte_at(scan, at + 1) != c"=":
            place = before_blanks(scan, at)
            if byte_at(scan, place) in b"nlfcrdge" and word_before(scan, place + 1) in TARGETS:
                return True
    return False


cdef bint is_called(_Scan scan, Py_ssize_t at, Py_ssize_t start, frozenset names):
    """Whether what stands before the bracket at `at` is one of `names`, or is found by its name."""
    cdef Py_ssize_t end = at - 1
    while end > start and (is_blank(scan.text[end]) or scan.text[end] in b")?."):
        end -= 1
    if has(scan, end - 1, b"*/"):
        scan.work -= end
        end = scan.low.rfind(b"/*", start, end)
        end = before_blanks(scan, max(end, 0))
        if scan.work < 0:
            return True
    if end > start and scan.text[end] == c"]" and names is CALLS and scan.text[at] == c"(":
        return scan.text[end - 1] in b"\"'`)]"
    if not CLASS[byte_at(scan, end)] & NAME:
        return False
    return word_before(scan, end + 1) in names and not has(scan, at, b"(s)")
