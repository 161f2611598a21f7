"""Message heads: ONE policy for requests and for upstream answers (RFC 9110, RFC 9112).

gunicorn_h1c tokenises; what is allowed is `RULES` below.  A head is first cut into lines (line ends and sizes are
checked on the bytes, so that no limit of the tokeniser can be reached unnoticed), then tokenised, then held against
the rules.  A head that the tokeniser refuses is diagnosed by the same rules, only to name the one that it broke.

Whatever two readers could understand differently is refused, never mended.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcpy

import re
from urllib.parse import unquote_to_bytes

from gunicorn_h1c import parse_request_raw, parse_response

from gateway._fast.head_rules import RULES, Refused

cdef extern from "Python.h":
    int PyUnicode_KIND(str text)
    Py_ssize_t PyUnicode_GET_LENGTH(str text)
    void *PyUnicode_DATA(str text)
    int PyUnicode_1BYTE_KIND


cdef dict _codes = {
    b"host": HOST, b"content-length": CONTENT_LENGTH, b"transfer-encoding": TRANSFER_ENCODING,
    b"connection": CONNECTION,
    b"keep-alive": HOP, b"te": HOP, b"trailer": HOP, b"proxy-connection": HOP, b"proxy-authenticate": HOP,
    b"proxy-authorization": HOP, b"proxy-authentication-info": HOP, b"http2-settings": HOP, b"upgrade": UPGRADE,
    b"expect": EXPECT, b"via": VIA, b"date": DATE, b"cookie": COOKIE, b"content-type": CONTENT_TYPE,
    b"forwarded": FORWARDING, b"x-real-ip": FORWARDING, b"x-request-id": FORWARDING,
}
cdef dict _names = {}       # bytes -> Name
cdef dict _names_text = {}  # str -> Name
cdef int NAMES_MAX = 4096   # what comes beyond is looked at each time: traffic must not grow memory
cdef Py_ssize_t NAME_MAX = 64   # bytes of one that is kept
cdef int BLANKS_MAX = 4     # empty lines before a request: a client that sends nothing else must not grow memory either

# NOTE: stricter than RFC 3986's reg-name: no host that can be reached has sub-delims or escapes in its name, nor more
# than 255 bytes (RFC 1035 section 2.3.4).
cdef object _host_ok = re.compile(rb"(?:[A-Za-z0-9\-._~]{1,255}|\[[0-9A-Fa-f:.]{1,45}\])(?::[0-9]{0,5})?").fullmatch
cdef object _token_ok = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


@cython.final
cdef class Name:
    def __repr__(self):
        return f"Name({self.text})"


cdef Name _make_name(bytes raw):
    cdef Name name = Name.__new__(Name)
    cdef bytes low = raw.lower()
    name.text = raw.decode("latin-1")
    # SECURITY: whatever a proxy in front might say under this prefix (X-Forwarded-User), only a trusted one may say.
    name.code = FORWARDING if low.startswith(b"x-forwarded-") else _codes.get(low, PLAIN)
    name.is_request_id = low == b"x-request-id"
    if b"_" in raw:
        # SECURITY: X_User and X-User are one key to CGI-like readers, so the spelling that nobody strips is dropped.
        name.key = None
    elif name.code == CONTENT_LENGTH or name.code == CONTENT_TYPE:
        name.key = name.text.upper().replace("-", "_")
    else:
        name.key = "HTTP_" + name.text.upper().replace("-", "_")
    return name


cdef Name name_of(bytes raw):
    cdef Name name = <Name>_names.get(raw)
    if name is None:
        name = _make_name(raw)
        if len(_names) < NAMES_MAX and PyBytes_GET_SIZE(raw) <= NAME_MAX:
            _names[raw] = name
    return name


cdef Name name_of_text(str text):
    cdef Name name = <Name>_names_text.get(text)
    if name is None:
        name = _make_name(text.encode("latin-1", "replace"))
        if len(_names_text) < NAMES_MAX and len(text) <= NAME_MAX:
            _names_text[text] = name
    return name


@cython.final
cdef class Limits:
    def __init__(self, Py_ssize_t first_line=8190, Py_ssize_t line=8190, Py_ssize_t lines=100):
        self.first_line = min(first_line, 32768)
        self.line = min(line, 32768)
        self.lines = min(lines, 200)

    @property
    def most(self):
        """The largest head that can still be complete, bytes."""
        return self.first_line + 2 + self.lines * (self.line + 2) + 6


cdef Py_ssize_t head_end(const char *data, Py_ssize_t size) noexcept nogil:
    """Where the head ends (behind its empty line), 0 when it is not there yet. Lines may end with LF alone here."""
    cdef const char *at = data
    cdef const char *end = data + size
    cdef const char *lf
    # An empty line before a request is passed over (RFC 9112 section 2.2).
    while end - at > 1 and at[0] == c"\r" and at[1] == c"\n":
        at += 2
    while True:
        lf = <const char *>memchr(at, c"\n", end - at)
        if lf == NULL:
            return 0
        if lf == at or (lf == at + 1 and at[0] == c"\r"):
            return lf + 1 - data
        at = lf + 1


cdef int _check_lines(const char *data, Py_ssize_t size, Limits limits) except -1:
    """Line ends and sizes of a whole or partial head."""
    cdef const char *at = data
    cdef const char *end = data + size
    cdef const char *lf
    cdef Py_ssize_t length, count = -1, blanks = 0
    while at < end:
        lf = <const char *>memchr(at, c"\n", end - at)
        length = (lf - at - 1) if lf != NULL else (end - at - 1)
        if length > (limits.first_line if count < 0 else limits.line):
            raise Refused(RULES["first-line-size" if count < 0 else "line-size"])
        if lf == NULL:
            return 0
        if lf == at or (lf - 1)[0] != c"\r":
            raise Refused(RULES["bare-lf"])
        if length > 0:
            count += 1
            if count > limits.lines:
                raise Refused(RULES["line-count"])
        elif count < 0:
            blanks += 1
            if blanks > BLANKS_MAX:
                raise Refused(RULES["request-line"])
        at = lf + 1
    return 0


cdef object _diagnose(bytes head, bint request):
    """The rule that a head broke which the tokeniser refused."""
    lines = head.lstrip(b"\r\n").split(b"\r\n")
    first = lines[0]
    if b"\r" in head.replace(b"\r\n", b""):
        return RULES["bare-cr"]
    if request:
        parts = first.split(b" ")
        if re.search(rb" HTTP/\d+\.\d+$", first) and not re.search(rb" HTTP/1\.[01]$", first):
            return RULES["version"]
        if len(parts) != 3:
            return RULES["request-line"]
        if not _token_ok(parts[0]):
            return RULES["method"]
        if re.search(rb"[\x00-\x20\x7f-\xff]", parts[1]) or not parts[1]:
            return RULES["target-characters"]
        if not re.fullmatch(rb"HTTP/1\.[01]", parts[2]):
            return RULES["request-line"]
    elif not re.match(rb"HTTP/1\.[01] [0-9]{3}(?: |$)", first):
        return RULES["version" if re.match(rb"HTTP/(?!1\.[01] )\d+\.\d+ ", first) else "status-line"]
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t"):
            return RULES["obs-fold"]
        name, colon, value = line.partition(b":")
        if not line:
            break
        if not colon:
            return RULES["header-colon"]
        if name.endswith((b" ", b"\t")):
            return RULES["space-before-colon"]
        if not _token_ok(name):
            return RULES["header-name"]
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value):
            return RULES["header-control"]
    return RULES["request-line" if request else "status-line"]


cdef Py_ssize_t _length(const char *data, Py_ssize_t size) except -2:
    """A Content-Length; digits only, at most 18 of them."""
    cdef Py_ssize_t value = 0, i
    if size == 0 or size > 18:
        raise Refused(RULES["length-value"])
    for i in range(size):
        if data[i] < c"0" or data[i] > c"9":
            raise Refused(RULES["length-value"])
        value = value * 10 + (data[i] - c"0")
    return value


cdef bint _is_chunked(str codings) except -1:
    """Whether a Transfer-Encoding list is just `chunked`; everything else is refused."""
    cdef list items = [item.strip(" \t").lower() for item in codings.split(",")]
    items = [item for item in items if item]
    if items == ["chunked"]:
        return True
    if not items:
        raise Refused(RULES["coding-empty"])
    if "chunked" in items[:len(items) - 1]:
        raise Refused(RULES["coding-not-last"])
    raise Refused(RULES["coding-unknown"])


cdef set _tokens(str connection):
    return {token.strip(" \t").lower() for token in connection.split(",")}


@cython.final
cdef class RequestHead:
    pass


cdef int _check_start(bytes data) except -1:
    """Refuse at once what cannot become a request: a TLS hello on a plain port, a first line that is none."""
    cdef bytes first = data
    cdef bint whole
    while first.startswith(b"\r\n"):
        first = first[2:]
    if first in (b"", b"\r"):
        return 0
    if first[0] == 13:
        raise Refused(RULES["bare-cr"])
    whole = b"\n" in first
    first = first.partition(b"\n")[0]
    if re.search(rb"[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\xff]", first):
        raise Refused(RULES["request-line"])
    if whole and not re.fullmatch(rb"[^ ]+ [^ ]+ HTTP/1\.[01]\r", first):
        raise Refused(_diagnose(first + b"\n", True))
    return 0


cdef RequestHead read_request(bytes data, Limits limits, dict environ):
    """Read one request head from `data` and fill `environ` (PEP 3333); None while it is incomplete. Raises Refused."""
    cdef const char *raw = PyBytes_AS_STRING(data)
    cdef Py_ssize_t end = head_end(raw, PyBytes_GET_SIZE(data))
    cdef Py_ssize_t at = 0
    cdef RequestHead head
    cdef bytes text = data
    cdef tuple parsed
    if end == 0:
        _check_lines(raw, PyBytes_GET_SIZE(data), limits)
        _check_start(data)
        return None
    _check_lines(raw, end, limits)
    while raw[at] == c"\r" and raw[at + 1] == c"\n":
        at += 2
    if at or end != PyBytes_GET_SIZE(data):
        text = data[at:end]
        raw = PyBytes_AS_STRING(text)
    try:
        parsed = <tuple>parse_request_raw(text)
    except Exception:
        raise Refused(_diagnose(text, True)) from None
    head = RequestHead.__new__(RequestHead)
    head.size = end
    _request_line(head, raw, parsed, environ)
    _request_fields(head, raw, <int>parsed[5], <bytes>parsed[7], environ)
    return head


cdef int _request_line(RequestHead head, const char *raw, tuple parsed, dict environ) except -1:
    cdef Py_ssize_t method_at = parsed[0], method_size = parsed[1], target_at = parsed[2], target_size = parsed[3], i
    cdef unsigned char c
    head.minor = parsed[4]
    if head.minor > 1:
        raise Refused(RULES["version"])
    # The tokeniser lets several spaces pass: the parts must lie one space apart.
    if method_at or target_at != method_size + 1 or raw[target_at + target_size + 9] != c"\r":
        raise Refused(RULES["request-line"])
    for i in range(target_size):
        c = <unsigned char>raw[target_at + i]
        if c <= 0x20 or c >= 0x7f or c == c"#" or c == c"\\":
            raise Refused(RULES["target-characters"])
    head.method = PyUnicode_DecodeLatin1(raw, method_size, NULL)
    head.target = PyUnicode_DecodeLatin1(raw + target_at, target_size, NULL)
    environ["REQUEST_METHOD"] = head.method
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if head.minor else "HTTP/1.0"
    return 0


cdef int _request_fields(RequestHead head, const char *raw, int count, bytes packed, dict environ) except -1:
    cdef const char *at = PyBytes_AS_STRING(packed)
    cdef uint32_t name_at, value_at
    cdef uint16_t name_size, value_size
    cdef int hosts = 0
    cdef Name name
    cdef str value, connection = None, codings = None, upgrade = None
    cdef list headers = []
    head.length = -2
    for _ in range(count):
        memcpy(&name_at, at, 4)
        memcpy(&name_size, at + 4, 2)
        memcpy(&value_at, at + 6, 4)
        memcpy(&value_size, at + 10, 2)
        at += 12
        # Trailing white space is not part of a value (RFC 9110 section 5.5); the tokeniser cut the leading one.
        while value_size and (raw[value_at + value_size - 1] == c" " or raw[value_at + value_size - 1] == c"\t"):
            value_size -= 1
        name = name_of(PyBytes_FromStringAndSize(raw + name_at, name_size))
        if name.key is None:
            continue
        value = PyUnicode_DecodeLatin1(raw + value_at, value_size, NULL)
        if name.code == PLAIN or name.code > EXPECT:
            if name.code == UPGRADE:
                upgrade = value
            else:
                headers.append((name.text, value))
        elif name.code == HOST:
            hosts += 1
            head.host = value
            headers.append((name.text, value))
        elif name.code == CONTENT_LENGTH:
            if head.length != -2:
                raise Refused(RULES["length-repeated"])
            head.length = _length(raw + value_at, value_size)
        elif name.code == TRANSFER_ENCODING:
            codings = value if codings is None else codings + "," + value
        elif name.code == CONNECTION:
            connection = value if connection is None else connection + "," + value
        elif name.code == EXPECT:
            if value.lower() != "100-continue":
                raise Refused(RULES["expectation"])
            head.expects = head.minor == 1
        if name.key in environ:
            value = <str>environ[name.key] + ("; " if name.code == COOKIE else ",") + value
        environ[name.key] = value
    head.headers = headers
    _target(head, hosts, environ)
    _framing(head, codings)
    head.keep_alive = head.minor == 1
    if connection is not None:
        _connection(head, connection, upgrade)
    return 0


cdef int _connection(RequestHead head, str connection, str upgrade) except -1:
    """Honour and remove what Connection names (RFC 9110 section 7.6.1)."""
    cdef set tokens = _tokens(connection)
    if "close" in tokens:
        head.keep_alive = False
    elif "keep-alive" in tokens:
        head.keep_alive = True
    if "upgrade" in tokens:
        head.upgrade = upgrade
    tokens.difference_update(("close", "keep-alive", "upgrade", "host"))
    if tokens:
        head.headers = [pair for pair in head.headers if (<str>(<tuple>pair)[0]).lower() not in tokens]
    return 0


cdef int _framing(RequestHead head, str codings) except -1:
    """How the body is delimited (RFC 9112 section 6.3)."""
    if codings is not None:
        if head.length != -2:
            raise Refused(RULES["length-and-coding"])
        if head.minor == 0:
            raise Refused(RULES["coding-in-1.0"])
        _is_chunked(codings)
        head.length = -1
    elif head.length == -2:
        head.length = 0
    return 0


cdef int _target(RequestHead head, int hosts, dict environ) except -1:
    """Origin-form, absolute-form or `*`; the host of an absolute-form wins over Host (RFC 9112 section 3.2.2)."""
    cdef str target = head.target, path, query
    cdef str low
    if hosts > 1:
        raise Refused(RULES["host-repeated"])
    if hosts == 0:
        if head.minor == 1:
            raise Refused(RULES["host-missing"])
        head.host = ""
    elif not _host_ok(head.host.encode("latin-1")):
        raise Refused(RULES["host-value"])
    if target[0] != "/":
        if target == "*" and head.method == "OPTIONS":
            pass
        else:
            low = target[:8].lower()
            if low.startswith("http://") or low.startswith("https://"):
                _absolute(head, target.partition("://")[2], environ)
                target = head.target
            elif head.method == "CONNECT" or re.fullmatch(r"[^/?]+:[0-9]+", target):
                raise Refused(RULES["authority-form"])
            else:
                raise Refused(RULES["target-form"])
    elif head.method == "CONNECT":
        raise Refused(RULES["target-form"])
    environ["RAW_URI"] = target
    path, _, query = target.partition("?")
    environ["QUERY_STRING"] = query
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
    return 0


cdef int _absolute(RequestHead head, str rest, dict environ) except -1:
    cdef Py_ssize_t cut = len(rest)
    cdef str mark
    for mark in ("/", "?"):
        if mark in rest:
            cut = min(cut, rest.index(mark))
    head.host = rest[:cut]
    if not _host_ok(head.host.encode("latin-1")):
        raise Refused(RULES["host-value"])
    rest = rest[cut:]
    if not rest and head.method == "OPTIONS":
        head.target = "*"  # RFC 9112 section 3.2.4: it is about the server, not about "/"
    else:
        head.target = rest if rest.startswith("/") else "/" + rest
    environ["HTTP_HOST"] = head.host
    head.headers = [pair for pair in head.headers if (<str>(<tuple>pair)[0]).lower() != "host"]
    head.headers.insert(0, ("Host", head.host))
    return 0


include "http1_head_answer.pxi"
include "http1_head_out.pxi"


# Doors for tests and diagnostics.

def parse_request(bytes data, Limits limits=Limits()):
    """(RequestHead, environ) of the head at the start of `data`, None while it is incomplete; raises Refused."""
    cdef dict environ = {}
    head = read_request(data, limits, environ)
    return None if head is None else (head, environ)


def parse_answer(bytes data, Limits limits=Limits(8190, 32768, 200)):
    """AnswerHead of the head at the start of `data`, None while it is incomplete; raises Refused."""
    return read_answer(data, limits)
