"""The client side of HTTP/1: one Connection per client socket, one WSGI call per request (RFC 9112, PEP 3333).

    read a head -> environ -> app(environ, start_response) -> head and body in one send -> again, until somebody closes

The app may be any WSGI application.  What the loop itself must refuse (a malformed head, a body cut short) goes to the
app too, as an ordinary call with `gateway.refusal` in the environ, so that it is answered and logged like all others.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from gateway._fast.channel cimport READ, Channel, monotonic
from gateway._fast.chunk cimport chunk_size
from gateway._fast.http1_head cimport (
    CONNECTION, CONTENT_LENGTH, DATE, HOP, TRANSFER_ENCODING, UPGRADE,
    Limits, Name, Out, RequestHead, name_of_text, read_request,
)
from gateway._fast.tunnel cimport Tunnel

import logging
import os
import socket as _socket
import time
from email.utils import formatdate
from itertools import chain

from gateway._fast.channel import Interrupted, TimedOut
from gateway._fast.head_rules import RULES, Refused

log = logging.getLogger("gateway")

cdef Py_ssize_t READ_SIZE = 16384
cdef Py_ssize_t BODY_READ_SIZE = 65536
cdef Py_ssize_t DRAIN_SIZE = 262144
cdef Py_ssize_t SMALL = 12288           # of a body that goes out with its head at the end of the loop's turn
cdef double LINGER = 2.0
cdef bytes FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

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


@cython.final
cdef class Settings:
    """What the loop takes from the configuration: replaced as a whole by a reload. Seconds and bytes."""

    cdef readonly Limits limits
    cdef readonly double keepalive
    cdef readonly double header_timeout
    cdef readonly double body_timeout
    cdef readonly Py_ssize_t max_body

    def __init__(
        self, Limits limits, double keepalive, double header_timeout, double body_timeout, Py_ssize_t max_body
    ):
        self.limits = limits
        self.keepalive = keepalive
        self.header_timeout = header_timeout
        self.body_timeout = body_timeout
        self.max_body = max_body


@cython.final
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
        """From now on the answer to the last request that was read says `Connection: close` (RFC 9112 section 9.6)."""
        self.draining = True

    def close_idle(self):
        """Close the connections on which no request has begun. Whoever is busy has had an answer since `drain`."""
        cdef Connection connection
        for connection in list(self.connections):
            if connection.tunnel is not None:
                connection.tunnel.drain()
            elif connection.idle and connection.channel.is_quiet():
                connection.channel.close()


cdef bint wants_websocket(RequestHead head) except -1:
    """Whether a request may change the protocol: to WebSocket, by GET, without a body (RFC 9110 7.8, RFC 6455 4.1).

    SECURITY: no other token passes, h2c least of all: what is spoken then would go past every policy
    (tests/e2e/test_websocket.py).
    """
    if head.minor == 0 or head.length or head.method != "GET":
        return False
    return "websocket" in [token.strip().lower() for token in head.upgrade.split(",")]


include "http1_server_body.pxi"


@cython.final
cdef class Connection:
    """One client connection."""

    cdef Server server
    cdef readonly Channel channel
    cdef dict base              # environ of the connection, copied for each request
    cdef double head_deadline
    cdef bint idle              # no byte of a request was read since the last answer
    cdef bint keep
    cdef int minor
    cdef str status
    cdef list headers
    cdef bint started           # bytes of the answer went out
    cdef bint head_only
    cdef Body body              # of the request that is answered, None without
    cdef Tunnel tunnel          # what the connection became after a 101

    def __init__(self, Server server, Channel channel, dict base, double head_deadline):
        """`base` is the environ of the connection (PEP 3333); the first head must be there by `head_deadline`."""
        self.server = server
        self.channel = channel
        self.base = base
        self.head_deadline = head_deadline
        base["gateway.channel"] = channel
        base["wsgi.early_hints"] = self.early_hints

    def serve(self):
        """Answer requests until the connection ends. Never raises."""
        self.server.connections.add(self)
        try:
            while self.one():
                pass
            self.channel.settle(self.server.settings.body_timeout)
        except (OSError, TimedOut, Interrupted):
            pass
        except Exception:
            log.exception("the connection loop failed")
        finally:
            self.server.connections.discard(self)
            self.say_goodbye()
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
            rule = refused.rule
            return self.refuse(data, rule.error, f"The request was refused: {rule.words} ({rule.section}).")
        except TimedOut:
            return self.refuse(data, "request-timeout", "The request's head took too long to arrive.")
        if head.size < PyBytes_GET_SIZE(data):
            self.channel.unrecv(data[head.size:])
        self.keep = head.keep_alive
        self.minor = head.minor
        self.head_only = head.method == "HEAD"
        self.channel.ahead = head.length == 0
        environ["gateway.headers"] = head.headers
        environ["gateway.head"] = head
        if head.upgrade is not None and wants_websocket(head):
            environ["gateway.upgrade"] = "websocket"
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
            # NOTE: while draining the client could not know that this answer is the last one, and may have sent more.
            self.linger(self.server.draining or (body is not None and not body.done) or self.channel.has_bytes())
        return self.keep

    cdef bytes first_bytes(self, Settings settings):
        """The first bytes of the next head: an idle connection waits `keepalive`, a fresh one for its head deadline."""
        cdef bytes data
        cdef double timeout
        if self.head_deadline:
            timeout = self.head_deadline - monotonic()
        else:
            timeout = settings.keepalive
        self.idle = True
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
            self.channel.write(FAILED, 5.0)
            return 0
        try:
            if isinstance(result, list) and len(<list>result) == 1:
                self.send_whole(<bytes>(<list>result)[0])
            elif self.status.startswith("101"):
                self.join(result.tunnel)
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
            _out.size = 0  # SECURITY: as in flush, for what failed before it
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
        if self.minor and self.status is None:
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
        if bodiless or size <= SMALL:
            if not bodiless:
                _out.raw(PyBytes_AS_STRING(body), size)
            return self.give_out(self.keep)
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
        # SECURITY: asked for before the head is in _out, since it may let another connection write there
        # (test_a_head_is_not_lost_to_a_piece_that_comes_late).
        first = next(result, b"") if not bodiless and getattr(result, "ready", False) else b""
        self.write_head(-1, chunked)
        if bodiless:
            return self.flush(None)
        if not first:
            self.flush(None)
        for piece in chain((first,), result):
            if not piece:
                continue
            sent += PyBytes_GET_SIZE(piece)
            if 0 <= length < sent:
                raise ValueError(f"more than the {length} bytes that were announced")
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

    cdef int join(self, Tunnel tunnel) except -1:
        """Send the 101 and let client and upstream talk until one of them is done (RFC 9110 section 7.8)."""
        self.keep = False
        self.tunnel = tunnel
        self.write_head(-1, False)
        self.flush(None)
        if self.server.draining:
            tunnel.drain()
        tunnel.run(self.channel)
        if not self.channel.has_bytes():  # which would make the kernel reset what is still on its way to the client
            self.say_goodbye()
            self.channel.close()
        return 0

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
            elif known.code in (CONNECTION, TRANSFER_ENCODING, HOP, UPGRADE):
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
        if self.is_last() or (self.body is not None and not self.body.is_easy()):
            self.keep = False
        if self.tunnel is not None:
            _out.raw(b"Connection: Upgrade\r\nUpgrade: websocket\r\n", 41)
        elif not self.keep:
            _out.raw(b"Connection: close\r\n", 19)
        elif self.minor == 0:
            _out.raw(b"Connection: keep-alive\r\n", 24)
        return _out.raw(b"\r\n", 2)

    cdef bint is_last(self):
        """Whether the server drains, and no bytes of a next request were read that could still be answered."""
        if not self.server.draining:
            return False
        return (self.body is not None and not self.body.done) or not self.channel.rest.strip(b"\r\n")

    cdef int flush(self, bytes body, bytes end=b"") except -1:
        """Send what _out holds, then `body`, then `end`: in one send(2) where they are small."""
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
            self.give_out(False)
        if body is not None:
            self.channel.send(PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body), timeout)
            if end:
                self.channel.send(PyBytes_AS_STRING(end), PyBytes_GET_SIZE(end), timeout)
        return 0

    cdef int give_out(self, bint later) except -1:
        """Send what _out holds; `later`, at the end of the loop's turn, nobody is told that the client was gone."""
        cdef Py_ssize_t sent, size = _out.size
        cdef bytes rest
        # SECURITY: empty before anything can fail, or it goes to the next client that is written to
        # (test_what_one_client_did_not_get_is_sent_to_nobody_else).
        _out.size = 0
        self.started = True
        sent = max(self.channel.post(_out.data, size) if later else self.channel.send_some(_out.data, size), 0)
        if sent < size:
            # NOTE: another greenlet may write into _out while this one waits.
            rest = PyBytes_FromStringAndSize(_out.data + sent, size - sent)
            self.channel.send(PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest), self.server.settings.body_timeout)
        return 0

    cdef int linger(self, bint unread) except -1:
        """Close so that an answer to a request that was not read to its end arrives (RFC 9112 section 9.6)."""
        cdef double until
        cdef Py_ssize_t most = 64 * DRAIN_SIZE, got
        if not unread or self.channel.closed:
            return 0
        self.say_goodbye()
        try:
            if not self.channel.tls:  # a TLS layer that was shut down cannot be read any more
                self.channel.sock.shutdown(_socket.SHUT_WR)
            until = monotonic() + LINGER
            # NOTE: straight from the descriptor, since shutdown() ends the TLS layer; nobody looks at these bytes.
            while most > 0 and self.channel.wait(READ, until - monotonic()):
                try:
                    got = len(os.read(self.channel.fd, DRAIN_SIZE))
                except BlockingIOError:  # what the watcher saw was read before it could tell
                    continue
                if got == 0:
                    break
                most -= got
        except (OSError, TimedOut, Interrupted):
            pass
        return 0

    cdef int say_goodbye(self) except -1:
        """Tell a TLS client that nothing was cut off (RFC 9112 section 9.8), as far as the socket takes it at once."""
        if self.channel.tls and not self.channel.closed:
            try:
                self.channel.sock.unwrap()
            except (OSError, ValueError):
                pass
        return 0


# Door for tests and diagnostics.

def read_chunk_size(bytes line):
    """The size on a chunk's first line (without its CRLF), -1 for anything odd (RFC 9112 section 7.1)."""
    return chunk_size(<const unsigned char *>PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
