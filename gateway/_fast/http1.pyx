"""The client side of HTTP/1: one Connection per client socket, one WSGI call per request (RFC 9112, PEP 3333).

    read a head -> environ -> app(environ, start_response) -> head and body in one send -> again, until somebody says close

The app may be any WSGI application.  What the loop itself must refuse (a malformed head, a body cut short) goes to the
app too, as an ordinary call with `gateway.refusal` in the environ, so that it is answered and logged like all others.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from gateway._fast.channel cimport WRITE, Channel, monotonic
from gateway._fast.head cimport (
    CONNECTION, CONTENT_LENGTH, DATE, HOP, TRANSFER_ENCODING, UPGRADE,
    Limits, Name, Out, RequestHead, name_of_text, read_request,
)

import logging
import socket as _socket
import time
from email.utils import formatdate

from gateway._fast.channel import Interrupted, TimedOut
from gateway._fast.head import RULES, Refused

log = logging.getLogger("gateway")

cdef Py_ssize_t READ_SIZE = 16384
cdef Py_ssize_t BODY_READ_SIZE = 65536
cdef Py_ssize_t DRAIN_SIZE = 262144
cdef double LINGER = 2.0

cdef Out _out = Out()
cdef bytes _date = b""
cdef double _date_until = 0.0


cdef bytes _date_line():
    """The Date field (RFC 9110 section 6.6.1), made once a second."""
    global _date, _date_until
    cdef double now = time.time()
    if now >= _date_until or now < _date_until - 2.0:
        _date = b"Date: " + formatdate(now, usegmt=True).encode() + b"\r\n"
        _date_until = <double>(<long>now) + 1.0
    return _date


cdef class Settings:
    """What the loop takes from the configuration: replaced as a whole by a reload. Seconds and bytes."""

    cdef readonly Limits limits
    cdef readonly double keepalive
    cdef readonly double header_timeout
    cdef readonly double body_timeout
    cdef readonly Py_ssize_t max_body

    def __init__(self, Limits limits, double keepalive, double header_timeout, double body_timeout, Py_ssize_t max_body):
        self.limits = limits
        self.keepalive = keepalive
        self.header_timeout = header_timeout
        self.body_timeout = body_timeout
        self.max_body = max_body


cdef class Server:
    """What the connections of one listener in one worker share."""

    cdef readonly object app
    cdef public Settings settings
    cdef readonly object fail          # fail(slug, detail) -> exception, for what goes wrong while a body is read
    cdef readonly set connections
    cdef readonly long requests
    cdef readonly bint draining

    def __init__(self, app, Settings settings, fail):
        self.app = app
        self.settings = settings
        self.fail = fail
        self.connections = set()

    def drain(self):
        """Answer what was begun with `Connection: close` and close what is idle (RFC 9112 section 9.6)."""
        cdef Connection connection
        self.draining = True
        for connection in list(self.connections):
            if connection.idle and connection.channel.waiter is not None and not connection.has_bytes():
                connection.channel.close()


@cython.final
cdef class Body:
    """`wsgi.input`: the request body, decoded. Reads are short: `read(n)` gives what is there, at least one byte, b"" at the end."""

    cdef Channel channel
    cdef Server server
    cdef Py_ssize_t left        # bytes left of the body, or of the chunk
    cdef bint chunked
    cdef bint expects           # 100 Continue is still to be sent
    cdef bint first             # no chunk was read yet
    cdef bint broken            # it cannot be read to its end
    cdef readonly bint done     # the whole body was read
    cdef readonly Py_ssize_t taken
    cdef double timeout
    cdef Py_ssize_t limit

    def read(self, Py_ssize_t size=-1):
        """Up to `size` bytes; all of the rest for -1. Raises what server.fail makes."""
        cdef bytes piece
        if size >= 0:
            return self.take(size)
        pieces = []
        while True:
            piece = self.take(BODY_READ_SIZE)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    cdef bytes take(self, Py_ssize_t size):
        cdef bytes data
        if self.done or size == 0:
            return b""
        try:
            if self.expects:
                self.expects = False
                self.channel.send(b"HTTP/1.1 100 Continue\r\n\r\n", 25, self.timeout)
            if self.left == 0 and not self.next_chunk():
                return b""
            data = self.receive(min(size, self.left, BODY_READ_SIZE * 4))
        except TimedOut:
            raise self.fail("request-timeout", "The body stopped arriving.") from None
        except OSError:
            raise self.fail("client-closed", "The client went away while it sent the body.") from None
        self.left -= PyBytes_GET_SIZE(data)
        self.taken += PyBytes_GET_SIZE(data)
        if self.left == 0 and not self.chunked:
            self.done = True
        return data

    cdef object fail(self, str slug, str detail):
        """The exception for a body that cannot be read to its end."""
        self.broken = True
        return self.server.fail(slug, detail)

    cdef bytes receive(self, Py_ssize_t size):
        """Up to `size` bytes of the connection, never past them."""
        cdef bytes data = self.channel.recv(size, self.timeout)
        if not data:
            raise OSError("end of stream")
        if PyBytes_GET_SIZE(data) > size:
            self.channel.unrecv(data[size:])
            data = data[:size]
        return data

    cdef bytes line(self, Py_ssize_t most, str rule):
        """One line of the chunked coding, without its CRLF; at most `most` bytes."""
        cdef bytes data = b""
        cdef Py_ssize_t cut
        while True:
            data += self.receive(READ_SIZE)
            cut = data.find(b"\n")
            if cut >= 0:
                self.channel.unrecv(data[cut + 1:])
                if cut == 0 or data[cut - 1] != 13 or cut > most or b"\r" in data[:cut - 1]:
                    raise self.fail("malformed-request", f"{RULES[rule].words} ({RULES[rule].section}).")
                return data[:cut - 1]
            if PyBytes_GET_SIZE(data) > most:
                raise self.fail("malformed-request", f"{RULES[rule].words} ({RULES[rule].section}).")

    cdef bint next_chunk(self) except -1:
        """Read up to the data of the next chunk (RFC 9112 section 7.1); trailers are read and dropped."""
        cdef bytes line
        if not self.first and self.line(2, "chunk-end"):
            raise self.fail("malformed-request", "a chunk does not end with CRLF (RFC 9112 7.1).")
        self.first = False
        line = self.line(1024, "chunk-size")
        self.left = _chunk_size(line)
        if self.left < 0:
            raise self.fail("malformed-request", f"{RULES['chunk-size'].words} (RFC 9112 7.1).")
        if self.taken + self.left > self.limit:
            raise self.fail("body-too-large", f"The body is larger than {self.limit} bytes.")
        if self.left:
            return True
        for _ in range(self.server.settings.limits.lines):
            line = self.line(self.server.settings.limits.line, "trailer")
            if not line:
                self.done = True
                return False
            if b":" not in line or line.startswith((b" ", b"\t", b":")):
                break
        raise self.fail("malformed-request", f"{RULES['trailer'].words} (RFC 9112 7.1.2).")

    cdef bint is_easy(self):
        """Whether what is left of the body is read, or little enough to be read away (RFC 9112 section 9.3)."""
        if self.done:
            return True
        return not (self.broken or self.expects or (not self.chunked and self.left > DRAIN_SIZE))

    cdef bint drain(self):
        """Read away what the app left, if that is little; whether the connection can go on."""
        cdef Py_ssize_t before = self.taken
        if self.expects or self.broken:
            return False
        try:
            while not self.done and self.taken - before <= DRAIN_SIZE:
                self.take(BODY_READ_SIZE)
        except Exception:
            return False
        return self.done

    def readline(self, Py_ssize_t size=-1):
        """One line of the body (PEP 3333)."""
        cdef bytes data = b"", piece
        while size < 0 or PyBytes_GET_SIZE(data) < size:
            piece = self.take(1)
            data += piece
            if not piece or piece == b"\n":
                break
        return data

    def readlines(self, hint=None):
        """All lines of the body (PEP 3333)."""
        return list(self)

    def __iter__(self):
        return iter(self.readline, b"")


cpdef Py_ssize_t _chunk_size(bytes line):
    """The size on a chunk's first line, extensions ignored (RFC 9112 section 7.1.1); -1 for anything odd."""
    cdef Py_ssize_t size = 0, i = 0
    cdef unsigned char c
    cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(line)
    while i < PyBytes_GET_SIZE(line):
        c = data[i]
        if c"0" <= c <= c"9":
            size = size * 16 + c - c"0"
        elif c"a" <= (c | 0x20) <= c"f":
            size = size * 16 + (c | 0x20) - c"a" + 10
        else:
            break
        i += 1
        if i > 15:
            return -1
    if i == 0:
        return -1
    line = line[i:]
    if line and not line.lstrip(b" \t").startswith(b";"):
        return -1
    for c in line:
        if (c < 0x20 and c != 9) or c == 0x7f:
            return -1
    return size


cdef class NoBody:
    """`wsgi.input` of a request without a body."""

    done = True
    taken = 0

    def read(self, size=-1):
        """b"": there is no body."""
        return b""

    readline = read

    def readlines(self, hint=None):
        """[]: there is no body."""
        return []

    def __iter__(self):
        return iter(())


_no_body = NoBody()


@cython.final
cdef class Connection:
    """One client connection."""

    cdef Server server
    cdef readonly Channel channel
    cdef dict base              # environ of the connection, copied for each request
    cdef double head_deadline
    cdef bint idle              # between two requests
    cdef bint keep
    cdef int minor
    cdef str status
    cdef list headers
    cdef bint started           # bytes of the answer went out
    cdef bint head_only
    cdef Body body              # of the request that is answered, None without

    def __init__(self, Server server, Channel channel, dict base, double head_deadline):
        """`base` is the environ of the connection (PEP 3333); the first head must be there by `head_deadline` (monotonic)."""
        self.server = server
        self.channel = channel
        self.base = base
        self.head_deadline = head_deadline
        base["gateway.channel"] = channel
        base["wsgi.early_hints"] = self.early_hints

    cdef bint has_bytes(self):
        """Whether bytes wait in the socket that nobody read yet."""
        try:
            return bool(self.channel.rest) or bool(self.channel.sock.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT))
        except (OSError, ValueError):
            # ValueError: a TLS socket cannot peek; its idle connection is closed like any other.
            return False

    def serve(self):
        """Answer requests until the connection ends. Never raises."""
        self.server.connections.add(self)
        try:
            while self.one():
                pass
        except (OSError, TimedOut, Interrupted):
            pass
        except Exception:
            log.exception("the connection loop failed")
        finally:
            self.server.connections.discard(self)
            self.channel.close()
            self.base.clear()

    cdef bint one(self) except -1:
        """Read one request and answer it; whether another may follow."""
        cdef Settings settings = self.server.settings
        cdef dict environ
        cdef RequestHead head
        cdef Body body
        cdef bytes data
        data = self.first_bytes(settings)
        if not data:
            return False
        environ = self.base.copy()
        try:
            while True:
                head = read_request(data, settings.limits, environ)
                if head is not None:
                    break
                more = self.channel.recv(READ_SIZE, self.head_deadline - monotonic())
                if not more:
                    return False
                data += more
        except Refused as refused:
            return self.refuse(data, refused.rule.error, f"The request was refused: {refused.rule.words} ({refused.rule.section}).")
        except TimedOut:
            return self.refuse(data, "request-timeout", "The request's head took too long to arrive.")
        if head.size < PyBytes_GET_SIZE(data):
            self.channel.unrecv(data[head.size:])
        self.keep = head.keep_alive and not self.server.draining
        self.minor = head.minor
        self.head_only = head.method == "HEAD"
        environ["gateway.headers"] = head.headers
        environ["gateway.head"] = head
        if head.length:
            body = self.make_body(head, settings)
            environ["wsgi.input"] = body
        else:
            body = None
            environ["wsgi.input"] = _no_body
        self.body = body
        self.server.requests += 1
        self.answer(environ)
        if self.keep and body is not None and not body.done:
            self.keep = body.drain()
        if not self.keep:
            self.linger(body is not None and not body.done)
        return self.keep

    cdef bytes first_bytes(self, Settings settings):
        """The first bytes of the next head: an idle connection waits `keepalive`, a fresh one until its head deadline."""
        cdef bytes data
        cdef double timeout
        if self.head_deadline:
            timeout = self.head_deadline - monotonic()
        elif self.server.draining and not self.channel.rest:
            return b""
        else:
            timeout = settings.keepalive
        self.idle = not self.head_deadline
        try:
            data = self.channel.recv(READ_SIZE, timeout)
        finally:
            self.idle = False
        if not self.head_deadline:
            self.head_deadline = monotonic() + settings.header_timeout
        return data

    cdef Body make_body(self, RequestHead head, Settings settings):
        cdef Body body = Body.__new__(Body)
        body.channel = self.channel
        body.server = self.server
        body.chunked = head.length < 0
        body.left = 0 if body.chunked else head.length
        body.first = True
        body.expects = head.expects
        body.timeout = settings.body_timeout
        body.limit = settings.max_body
        return body

    cdef bint refuse(self, bytes data, str error, str detail) except -1:
        """Answer a head that cannot be served, and close."""
        cdef dict environ = self.base.copy()
        cdef list words = data.lstrip(b"\r\n")[:256].partition(b"\n")[0].decode("latin-1").split()
        environ["REQUEST_METHOD"] = words[0] if words and words[0].isascii() and words[0].isalpha() else "GET"
        environ["RAW_URI"] = words[1] if len(words) > 1 else "/"
        environ["PATH_INFO"] = "/"
        environ["QUERY_STRING"] = ""
        environ["SERVER_PROTOCOL"] = "HTTP/1.1"
        environ["gateway.headers"] = []
        environ["gateway.refusal"] = (error, detail)
        environ["wsgi.input"] = _no_body
        self.body = None
        self.keep = False
        self.minor = 1
        self.head_only = environ["REQUEST_METHOD"] == "HEAD"
        self.answer(environ)
        self.linger(True)
        return False

    cdef int answer(self, dict environ) except -1:
        """Call the app and send what it gives; close() of its result is called once, whatever happens."""
        self.status = None
        self.started = False
        self.head_deadline = 0.0
        try:
            result = self.server.app(environ, self.start_response)
        except Exception:
            log.exception("the application failed")
            self.keep = False
            self.channel.send(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 79, 5.0)
            return 0
        try:
            if isinstance(result, list) and len(<list>result) == 1:
                self.send_whole(<bytes>(<list>result)[0])
            else:
                self.send_stream(result)
        except (OSError, TimedOut, Interrupted):
            self.keep = False
            broken = getattr(result, "broken", None)
            if broken is not None:
                broken()
            self.channel.abort()
        except Exception as error:
            # The rest of the answer cannot come: the client must see that it is cut.
            self.keep = False
            log.debug("an answer was cut short: %s", error)
            self.channel.abort()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        return 0

    def start_response(self, str status, list headers, exc_info=None):
        """PEP 3333; there is no write()."""
        if self.started and exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        self.status = status
        self.headers = headers

    def early_hints(self, headers):
        """Send a 103 (RFC 8297) with `headers`, (name, value) pairs."""
        if self.minor and not self.started:
            _out.size = 0
            _out.raw(b"HTTP/1.1 103 Early Hints\r\n", 26)
            for name, value in headers:
                _out.field(name, value)
            _out.raw(b"\r\n", 2)
            self.flush(None)

    cdef int send_whole(self, bytes body) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(body)
        cdef bint bodiless = self.head_only or self.status.startswith(("204", "304", "1"))
        self.write_head(-1 if bodiless else size, False)
        if bodiless or size == 0:
            return self.flush(None)
        return self.flush(body)

    cdef int send_stream(self, result) except -1:
        """Send a body piece by piece, each as it comes; chunked when its length is unknown (RFC 9112 section 7.1)."""
        cdef bint bodiless = self.head_only or self.status.startswith(("204", "304", "1"))
        cdef Py_ssize_t length = -1, sent = 0
        cdef bint chunked
        cdef bytes piece
        for name, value in self.headers:
            if name_of_text(name).code == CONTENT_LENGTH:
                length = int(value)
        chunked = length < 0 and self.minor == 1 and not bodiless
        if length < 0 and not chunked and not bodiless:
            self.keep = False
        self.write_head(-1, chunked)
        if bodiless:
            return self.flush(None)
        if not getattr(result, "ready", False):
            self.flush(None)
        for piece in result:
            if not piece:
                continue
            sent += PyBytes_GET_SIZE(piece)
            if chunked:
                _out.hexadecimal(PyBytes_GET_SIZE(piece))
                _out.raw(b"\r\n", 2)
                self.flush(piece, b"\r\n")
            else:
                self.flush(piece)
        if chunked:
            _out.raw(b"0\r\n\r\n", 5)
        if 0 <= length != sent:
            raise ValueError(f"{sent} of {length} bytes")
        return self.flush(None)

    cdef int write_head(self, Py_ssize_t length, bint chunked) except -1:
        cdef str name, value
        cdef Name known
        cdef bint dated = False
        cdef bytes date
        _out.size = 0
        _out.raw(b"HTTP/1.1 ", 9)
        _out.text(self.status)
        _out.raw(b"\r\n", 2)
        for name, value in self.headers:
            known = name_of_text(name)
            if known.code == CONTENT_LENGTH:
                if length >= 0 or chunked:
                    continue
            elif known.code == CONNECTION or known.code == TRANSFER_ENCODING or known.code == HOP or known.code == UPGRADE:
                continue
            elif known.code == DATE:
                dated = True
            _out.field(name, value)
        if length >= 0:
            _out.raw(b"Content-Length: ", 16)
            _out.number(length)
            _out.raw(b"\r\n", 2)
        if chunked:
            _out.raw(b"Transfer-Encoding: chunked\r\n", 28)
        if not dated:
            date = _date_line()
            _out.raw(PyBytes_AS_STRING(date), PyBytes_GET_SIZE(date))
        if self.server.draining or (self.body is not None and not self.body.is_easy()):
            self.keep = False
        if not self.keep:
            _out.raw(b"Connection: close\r\n", 19)
        elif self.minor == 0:
            _out.raw(b"Connection: keep-alive\r\n", 24)
        return _out.raw(b"\r\n", 2)

    cdef int flush(self, bytes body, bytes end=b"") except -1:
        """Send what _out holds, then `body`, then `end`: in one send(2) where they are small."""
        cdef Py_ssize_t sent
        cdef bytes rest
        cdef double timeout = self.server.settings.body_timeout
        self.started = True
        if body is not None and (_out.size == 0 or PyBytes_GET_SIZE(body) <= 65536):
            if _out.size == 0 and not end:
                self.channel.send(PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body), timeout)
                return 0
            _out.raw(PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body))
            _out.raw(PyBytes_AS_STRING(end), PyBytes_GET_SIZE(end))
            body = None
        if _out.size:
            sent = self.channel.send_some(_out.data, _out.size)
            if sent < 0:
                sent = 0
            if sent < _out.size:
                # NOTE: another greenlet may write into _out while this one waits.
                rest = PyBytes_FromStringAndSize(_out.data + sent, _out.size - sent)
                _out.size = 0
                self.channel.send(PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest), timeout)
            _out.size = 0
        if body is not None:
            self.channel.send(PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body), timeout)
            if end:
                self.channel.send(PyBytes_AS_STRING(end), PyBytes_GET_SIZE(end), timeout)
        return 0

    cdef int linger(self, bint unread) except -1:
        """Close so that an answer to a request that was not read to its end arrives (RFC 9112 section 9.6)."""
        cdef double until
        cdef Py_ssize_t most = 64 * DRAIN_SIZE
        if not unread or self.channel.closed:
            return 0
        try:
            self.channel.sock.shutdown(_socket.SHUT_WR)
            until = monotonic() + LINGER
            while most > 0:
                data = self.channel.recv(DRAIN_SIZE, until - monotonic())
                if not data:
                    break
                most -= len(data)
        except (OSError, TimedOut):
            pass
        return 0
