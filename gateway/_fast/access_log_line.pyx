"""Access-log lines: one on_close hook per format; docs/access-log.md has their shape.

PERF: json.dumps of such a line takes 2.9 us and logging.info 15 us; a line here takes about one.
Bench: perf/micro/bench_access_log_line.py.  Oracle: tests/oracles/line_oracle.py.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcpy

from gateway._fast.log_buffer cimport (
    Batch,
    put,
    put_bytes,
    put_digits,
    put_escaped,
    put_integer,
    put_latin,
    put_milliseconds,
    put_text,
)
from gateway._fast.headers cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND, same_name
from gateway._fast.exchange_slots cimport (
    ADDRESS_OF, ATTEMPTS_OF, CALLER_OF, CLIENT_OF, ERROR_OF, HEADERS_OF, HOST_OF, METHOD_OF, PEER_OF, RECEIVED_OF,
    REQUEST_ID_OF, RESPONSE_OF, ROUTE_OF, SCHEME_OF, SENT_OF, STARTED_OF, TARGET_OF, TRACE_OF, UPSTREAM_OF,
    UPSTREAM_TIME_OF, VERSION_OF, get,
)

import zlib
from urllib.parse import quote

cdef extern from "time.h" nogil:
    ctypedef int clockid_t
    ctypedef long time_t
    struct timespec:
        long tv_sec
        long tv_nsec
    struct tm:
        int tm_sec
        int tm_min
        int tm_hour
        int tm_mday
        int tm_mon
        int tm_year
    int clock_gettime(clockid_t clock, timespec *to)
    tm *gmtime_r(const time_t *seconds, tm *to)
    clockid_t CLOCK_MONOTONIC
    clockid_t CLOCK_REALTIME

cdef const char *MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"

# SECURITY: a name longer than this is taken for a secret (tests/unit/fast/test_line.py).
cdef enum:
    LONGEST_NAME = 192


ctypedef int (*put_function)(Batch, const unsigned char *, Py_ssize_t) except -1


cdef double clock(clockid_t which) noexcept nogil:
    cdef timespec now
    clock_gettime(which, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef int hexadecimal(unsigned char digit) noexcept nogil:
    if c"0" <= digit <= c"9":
        return digit - c"0"
    digit |= 0x20
    return digit - c"a" + 10 if c"a" <= digit <= c"f" else -1


@cython.final
cdef class Secrets:
    """Which query parameters and headers carry a secret: those in `names`, and those that end in one of `endings`.

    A name is compared percent-decoded, without case, with "-" read as "_" and without brackets at its end.
    """

    cdef tuple names
    cdef tuple endings

    def __cinit__(self, names, endings):
        self.names = tuple([name.encode() for name in names])
        self.endings = tuple([ending.encode() for ending in endings])

    def hides(self, str name):
        """Whether the value of `name` is a secret."""
        cdef bytes text = name.encode("utf-8", "surrogatepass")
        return self.has(<const unsigned char *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef bint has(self, const unsigned char *name, Py_ssize_t size):
        cdef char[LONGEST_NAME] plain
        cdef Py_ssize_t at = 0, length = 0
        cdef unsigned char byte
        if size > LONGEST_NAME:
            return True
        while at < size:
            byte = name[at]
            if byte == c"%" and at + 2 < size and hexadecimal(name[at + 1]) >= 0 and hexadecimal(name[at + 2]) >= 0:
                byte = hexadecimal(name[at + 1]) << 4 | hexadecimal(name[at + 2])
                at += 2
            if c"A" <= byte <= c"Z":
                byte |= 0x20
            plain[length] = c"_" if byte == c"-" else byte
            length += 1
            at += 1
        while length and (plain[length - 1] == c"]" or plain[length - 1] == c"["):
            length -= 1
        return self.has_plain(plain, length)

    cdef bint has_plain(self, const char *name, Py_ssize_t length):
        cdef bytes word
        cdef Py_ssize_t size
        if not length:
            return False
        for word in self.endings:
            size = PyBytes_GET_SIZE(word)
            if size <= length and same(PyBytes_AS_STRING(word), name + length - size, size):
                return True
        for word in self.names:
            size = PyBytes_GET_SIZE(word)
            if size == length and same(PyBytes_AS_STRING(word), name, size):
                return True
        return False

    cdef Py_ssize_t next_value(self, const unsigned char *text, Py_ssize_t size, Py_ssize_t at, Py_ssize_t *end):
        """Where the next secret value in a URL begins, -1 for nowhere; `at` is 0 or the end of the one before."""
        cdef Py_ssize_t start, equals
        cdef const unsigned char *query
        if not at:
            query = <const unsigned char *>memchr(text, c"?", size)
            at = query - text if query != NULL else size
        while at < size:
            at += 1
            start = at
            equals = -1
            while at < size and text[at] != c"&" and text[at] != c";" and text[at] != c"?":
                if text[at] == c"=" and equals < 0:
                    equals = at
                at += 1
            if 0 <= equals < at - 1 and self.has(text + start, equals - start):
                end[0] = at
                return equals + 1
        return -1


cdef inline bint same(const char *one, const char *other, Py_ssize_t size) noexcept nogil:
    """Whether two texts are the same, looked at from the end, where names differ first."""
    while size:
        size -= 1
        if one[size] != other[size]:
            return False
    return True


cdef long long status_of(exchange):
    """The status that is logged: 499 when the client went away, 0 when nothing was answered."""
    if get(exchange, ERROR_OF) == "client-closed":
        return 499
    response = get(exchange, RESPONSE_OF)
    return 0 if response is None else response.status


cdef class Line:
    """An on_close hook that puts one line about its exchange into `batch`.

    names      the request headers to keep, lower-case; user-agent is the last but one, referer the last
    threshold  only requests whose crc32(id) is below are kept, and every answer of 500 and above
    """

    cdef Batch batch
    cdef Secrets secrets
    cdef tuple names
    cdef tuple secret
    cdef tuple labels
    cdef uint64_t lengths
    cdef uint64_t threshold
    cdef long long second
    cdef char[32] stamp

    def __cinit__(self, Batch batch not None, names, Secrets secrets not None, uint64_t threshold=1 << 32):
        self.batch = batch
        self.secrets = secrets
        self.names = (*names, "user-agent", "referer")
        self.secret = tuple([secrets.hides(name) for name in self.names])
        self.labels = tuple([b'"' + name.encode() + b'":"' for name in self.names])
        self.threshold = threshold
        self.second = -1
        for name in self.names:
            self.lengths |= <uint64_t>1 << (len(name) & 63)

    def __call__(self, exchange):
        """Put the line of an exchange that has just ended into the batch."""
        self.add(exchange, clock(CLOCK_REALTIME), clock(CLOCK_MONOTONIC))

    def add(self, exchange, double now, double ended):
        """The same at a given time: `now` in seconds since 1970, `ended` on the clock of exchange.started."""
        cdef Batch batch = self.batch
        cdef Py_ssize_t waiting
        cdef long long status = status_of(exchange)
        cdef double took
        if self.threshold <= 0xFFFFFFFF and status < 500 and self.threshold <= zlib.crc32(
            get(exchange, REQUEST_ID_OF).encode()
        ):
            return
        if not batch.is_open():
            return
        waiting = batch.tail - batch.head
        try:
            if batch.dropped:
                self.put_dropped(<long long>(now * 1000))
            took = ended - <double>get(exchange, STARTED_OF)
            self.put_line(exchange, status, ended, <long long>((now - took) * 1000))
        except BaseException:
            batch.tail = batch.head + waiting
            raise
        if batch.dropped:
            batch.noted += batch.dropped - 1
            batch.dropped = 0
        batch.commit(waiting == 0)

    cdef list wanted(self, list headers):
        """The values of self.names in a request; None where it has none, joined where it has several (RFC 9110 5.3)."""
        cdef list found = [None] * len(self.names)
        cdef tuple field
        cdef str name
        cdef Py_ssize_t at, size
        for field in headers:
            size = PyUnicode_GET_LENGTH(field[0])
            if not self.lengths >> (size & 63) & 1:
                continue
            for at in range(len(self.names)):
                name = <str>self.names[at]
                if PyUnicode_GET_LENGTH(name) == size and same_name(name, <str>field[0], size):
                    found[at] = field[1] if found[at] is None else f"{found[at]}, {field[1]}"
        return found

    cdef int put_redacted(self, str target, put_function put_some) except -1:
        """A target or URL with the values of secret query parameters hidden."""
        cdef const unsigned char *text = <const unsigned char *>PyUnicode_DATA(target)
        cdef Py_ssize_t size = PyUnicode_GET_LENGTH(target)
        cdef Py_ssize_t copied = 0
        cdef Py_ssize_t at, end
        if PyUnicode_KIND(target) != 1:
            raise ValueError("a target is latin-1 text")
        at = self.secrets.next_value(text, size, 0, &end)
        while at >= 0:
            put_some(self.batch, text + copied, at - copied)
            put(self.batch, b"***", 3)
            copied = end
            at = self.secrets.next_value(text, size, end, &end)
        return put_some(self.batch, text + copied, size - copied)

    cdef int put_line(self, exchange, long long status, double ended, long long milliseconds) except -1:
        """The whole line; `milliseconds` since 1970 is when the request came."""
        raise NotImplementedError

    cdef int put_dropped(self, long long milliseconds) except -1:
        """A line that says how many lines are missing before it."""
        raise NotImplementedError


cdef long long microseconds(double seconds) noexcept nogil:
    return <long long>(seconds * 1e6 + 0.5) if seconds > 0 else 0


cdef inline int put_value(Batch batch, str value) except -1:
    """A JSON string, or null for None."""
    if value is None:
        return put(batch, b"null", 4)
    put(batch, b'"', 1)
    put_text(batch, value)
    return put(batch, b'"', 1)


@cython.final
cdef class JsonLine(Line):
    """One JSON object per line, in UTF-8."""

    cdef int put_line(self, exchange, long long status, double ended, long long milliseconds) except -1:
        cdef Batch batch = self.batch
        cdef list found = self.wanted(get(exchange, HEADERS_OF))
        self.put_time(milliseconds)
        put(batch, b',"id":', 6)
        put_value(batch, get(exchange, REQUEST_ID_OF))
        if get(exchange, TRACE_OF) is not None:
            put(batch, b',"trace_id":', 12)
            put_value(batch, get(exchange, TRACE_OF).trace_id)
        self.put_who(exchange)
        put(batch, b',"method":', 10)
        put_value(batch, get(exchange, METHOD_OF))
        put(batch, b',"target":"', 11)
        self.put_redacted(get(exchange, TARGET_OF), put_latin)
        put(batch, b'","host":', 9)
        put_value(batch, get(exchange, HOST_OF))
        put(batch, b',"scheme":', 10)
        put_value(batch, get(exchange, SCHEME_OF))
        put(batch, b',"version":', 11)
        put_value(batch, get(exchange, VERSION_OF))
        self.put_outcome(exchange, status)
        self.put_durations(exchange, ended)
        self.put_headers(found)
        put(batch, b"}\n", 2)
        return 0

    cdef int put_dropped(self, long long milliseconds) except -1:
        self.put_time(milliseconds)
        put(self.batch, b',"dropped":', 11)
        put_integer(self.batch, self.batch.dropped)
        return put(self.batch, b"}\n", 2)

    cdef int put_time(self, long long milliseconds) except -1:
        """RFC 3339 in UTC; the text of the second is kept, for most lines share it with the one before."""
        cdef long long second = milliseconds // 1000
        cdef tm parts
        if second != self.second:
            gmtime_r(<const time_t *>&second, &parts)
            memcpy(self.stamp, b"0000-00-00T00:00:00.000Z", 24)
            put_digits(self.stamp, parts.tm_year + 1900, 4)
            put_digits(self.stamp + 5, parts.tm_mon + 1, 2)
            put_digits(self.stamp + 8, parts.tm_mday, 2)
            put_digits(self.stamp + 11, parts.tm_hour, 2)
            put_digits(self.stamp + 14, parts.tm_min, 2)
            put_digits(self.stamp + 17, parts.tm_sec, 2)
            self.second = second
        put_digits(self.stamp + 20, milliseconds % 1000, 3)
        put(self.batch, b'{"time":"', 9)
        put(self.batch, self.stamp, 24)
        return put(self.batch, b'"', 1)

    cdef int put_who(self, exchange) except -1:
        cdef str client = get(exchange, CLIENT_OF)
        cdef str peer = get(exchange, PEER_OF)
        put(self.batch, b',"client":', 10)
        put_value(self.batch, client)
        if peer is not client and peer != client:
            put(self.batch, b',"peer":', 8)
            put_value(self.batch, peer)
        if get(exchange, CALLER_OF) is not None:
            put(self.batch, b',"caller":', 10)
            put_value(self.batch, get(exchange, CALLER_OF).subject)
            put(self.batch, b',"provider":', 12)
            put_value(self.batch, get(exchange, CALLER_OF).provider)
        return 0

    cdef int put_outcome(self, exchange, long long status) except -1:
        cdef Batch batch = self.batch
        put(batch, b',"route":', 9)
        put_value(batch, get(exchange, ROUTE_OF).name)
        put(batch, b',"upstream":', 12)
        put_value(batch, get(exchange, UPSTREAM_OF))
        put(batch, b',"address":', 11)
        put_value(batch, get(exchange, ADDRESS_OF))
        put(batch, b',"attempts":', 12)
        put_integer(batch, get(exchange, ATTEMPTS_OF))
        put(batch, b',"status":', 10)
        put_integer(batch, status)
        put(batch, b',"error":', 9)
        put_value(batch, get(exchange, ERROR_OF))
        put(batch, b',"bytes":', 9)
        put_integer(batch, get(exchange, SENT_OF))
        if get(exchange, RECEIVED_OF):
            put(batch, b',"received":', 12)
            put_integer(batch, get(exchange, RECEIVED_OF))
        return 0

    cdef int put_durations(self, exchange, double ended) except -1:
        cdef Batch batch = self.batch
        cdef long long whole = microseconds(ended - <double>get(exchange, STARTED_OF))
        cdef long long upstream = microseconds(get(exchange, UPSTREAM_TIME_OF))
        put(batch, b',"duration_ms":', 15)
        put_milliseconds(batch, whole)
        put(batch, b',"upstream_ms":', 15)
        put_milliseconds(batch, upstream)
        put(batch, b',"gateway_ms":', 14)
        return put_milliseconds(batch, whole - upstream if whole > upstream else 0)

    cdef int put_headers(self, list found) except -1:
        cdef Batch batch = self.batch
        cdef Py_ssize_t at
        cdef bint is_first = True
        put(batch, b',"user_agent":', 14)
        put_value(batch, found[len(found) - 2])
        put(batch, b',"headers":{', 12)
        for at in range(len(found) - 2):
            if found[at] is not None:
                if not is_first:
                    put(batch, b",", 1)
                is_first = False
                put_bytes(batch, <bytes>self.labels[at])
                if self.secret[at]:
                    put(batch, b"***", 3)
                else:
                    put_text(batch, found[at])
                put(batch, b'"', 1)
        return put(batch, b"}", 1)


@cython.final
cdef class CombinedLine(Line):
    """The combined format of the Apache server; times in UTC, "-" for what is not known."""

    cdef int put_line(self, exchange, long long status, double ended, long long milliseconds) except -1:
        cdef Batch batch = self.batch
        cdef list found = self.wanted(get(exchange, HEADERS_OF))
        cdef str version = get(exchange, VERSION_OF)
        put_bytes(batch, (get(exchange, CLIENT_OF) or "-").encode("ascii", "backslashreplace"))
        put(batch, b" - ", 3)
        self.put_user(get(exchange, CALLER_OF))
        put(batch, b" [", 2)
        self.put_time(milliseconds)
        put(batch, b'] "', 3)
        self.put_quoted(get(exchange, METHOD_OF))
        put(batch, b" ", 1)
        self.put_redacted(get(exchange, TARGET_OF), put_escaped)
        put(batch, b" HTTP/", 6)
        self.put_quoted(version)
        put(batch, b'" ', 2)
        put_integer(batch, status)
        put(batch, b" ", 1)
        if get(exchange, SENT_OF):
            put_integer(batch, get(exchange, SENT_OF))
        else:
            put(batch, b"-", 1)
        put(batch, b' "', 2)
        self.put_redacted(found[len(found) - 1] or "-", put_escaped)
        put(batch, b'" "', 3)
        self.put_quoted(found[len(found) - 2] or "-")
        return put(batch, b'"\n', 2)

    cdef int put_dropped(self, long long milliseconds) except -1:
        put(self.batch, b"- - - [", 7)
        self.put_time(milliseconds)
        put(self.batch, b'] "-" 0 - "-" "', 15)
        put_integer(self.batch, self.batch.dropped)
        return put(self.batch, b' lines dropped"\n', 16)

    cdef int put_user(self, caller) except -1:
        """The subject, percent-encoded: a blank would end the field, and what is not ASCII has no place in it."""
        return self.put_quoted((quote(caller.subject, safe="@:/|+=,;", errors="replace") if caller else "") or "-")

    cdef int put_quoted(self, str text) except -1:
        if PyUnicode_KIND(text) != 1:
            text = text.encode("ascii", "backslashreplace").decode()
        return put_escaped(self.batch, <const unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text))

    cdef int put_time(self, long long milliseconds) except -1:
        cdef long long second = milliseconds // 1000
        cdef tm parts
        if second != self.second:
            gmtime_r(<const time_t *>&second, &parts)
            memcpy(self.stamp, b"00/Jan/0000:00:00:00 +0000", 26)
            put_digits(self.stamp, parts.tm_mday, 2)
            memcpy(self.stamp + 3, MONTHS + 3 * parts.tm_mon, 3)
            put_digits(self.stamp + 7, parts.tm_year + 1900, 4)
            put_digits(self.stamp + 12, parts.tm_hour, 2)
            put_digits(self.stamp + 15, parts.tm_min, 2)
            put_digits(self.stamp + 18, parts.tm_sec, 2)
            self.second = second
        return put(self.batch, self.stamp, 26)
