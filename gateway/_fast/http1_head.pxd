cdef enum Code:
    PLAIN = 0
    HOST = 1
    CONTENT_LENGTH = 2
    TRANSFER_ENCODING = 3
    CONNECTION = 4
    HOP = 5             # hop-by-hop: Keep-Alive, TE, Trailer, Upgrade, Proxy-*
    EXPECT = 6
    FORWARDING = 7      # Forwarded, X-Forwarded-*, X-Real-IP, X-Request-ID: written by the gateway alone
    VIA = 8
    DATE = 9
    UPGRADE = 10
    COOKIE = 11
    CONTENT_TYPE = 12

cdef class Name:
    """A header name, looked up once: its text as it came, its CGI key, what it means to a proxy."""
    cdef readonly str text
    cdef readonly str key       # HTTP_X_BETA; None for a name with "_", which is dropped
    cdef readonly int code
    cdef readonly bint is_request_id

cdef Name name_of(bytes raw)
cdef Name name_of_text(str text)

cdef class Limits:
    """Bounds of one head, bytes and counts."""
    cdef readonly Py_ssize_t first_line
    cdef readonly Py_ssize_t line
    cdef readonly Py_ssize_t lines

cdef class RequestHead:
    cdef readonly str method
    cdef readonly str target        # origin-form or "*": raw path and query
    cdef readonly str host          # the Host as received, or absolute-form's authority; "" where there is none
    cdef readonly int minor         # 1 for HTTP/1.1
    cdef readonly list headers      # end-to-end fields, (name, value)
    cdef readonly Py_ssize_t length # of the body: -1 chunked, 0 none
    cdef readonly bint keep_alive
    cdef readonly bint expects      # Expect: 100-continue
    cdef readonly str upgrade       # the Upgrade field when Connection names it, else None
    cdef readonly Py_ssize_t size   # of the head, with any empty line before it

cdef class AnswerHead:
    cdef readonly int status
    cdef readonly int minor
    cdef readonly list headers      # end-to-end fields without Content-Length, (name, value)
    cdef readonly Py_ssize_t length # as announced; -1 none announced
    cdef readonly bint chunked
    cdef readonly bint keep_alive
    cdef readonly bint dated        # a Date field is there
    cdef readonly str upgrade
    cdef readonly Py_ssize_t size

cdef Py_ssize_t head_end(const char *data, Py_ssize_t size) noexcept nogil
cdef RequestHead read_request(bytes data, Limits limits, dict environ)
cdef AnswerHead read_answer(bytes data, Limits limits)
cdef class Out:
    """A growing buffer that a head is written into. Shared by a process: send or copy it before the next switch."""
    cdef char *data
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef int grow(self, Py_ssize_t more) except -1
    cdef int raw(self, const char *data, Py_ssize_t size) except -1
    cdef int text(self, str text) except -1
    cdef int field(self, str name, str value) except -1
    cdef int number(self, Py_ssize_t value) except -1
    cdef int hexadecimal(self, Py_ssize_t value) except -1
    cdef int digits(self, Py_ssize_t value, int base) except -1
