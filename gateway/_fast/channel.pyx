"""One connected socket on the gevent hub, with one persistent read watcher and deadlines that cost nothing.

PERF: a gevent socket starts and stops a watcher and a Timeout for every wait (about 8 us).  A Channel keeps one read
watcher started for its whole life: the kernel's interest set never changes, and while nobody reads, the watcher tells
at once that the other end went away.  Deadlines stand in two lists that a timer sweeps: fine (to 20 ms) for waits of
up to 5 s, coarse (to 250 ms) for longer ones.  Bench: perf scenario `bare`.

Plain sockets are read and written with recv(2)/send(2) on the descriptor.  TLS goes through the SSLSocket, because
bytes can wait inside the TLS layer with no event to come on the descriptor; and what makes a TLS descriptor readable
need not be data (session tickets, close_notify), so the watcher lets the TLS layer look before it tells anything.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EBADF, ECONNRESET, EINTR, EPIPE, errno
from libc.string cimport memcpy

import os
import socket as _socket
import ssl

import gevent
from greenlet import getcurrent, greenlet

cdef extern from "time.h" nogil:
    ctypedef int clockid_t
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(clockid_t clock, timespec *to)
    clockid_t CLOCK_MONOTONIC

cdef extern from "sys/socket.h" nogil:
    Py_ssize_t c_recv "recv"(int fd, void *buffer, size_t size, int flags)
    Py_ssize_t c_send "send"(int fd, const void *buffer, size_t size, int flags)
    int MSG_PEEK
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef extern from *:
    """
    /* Heads are small: they are copied.  Of what is large a bytes object is filled straight by recv(2) and shrunk. */
    #include <sys/socket.h>
    #include <errno.h>
    static char gateway_recv_room[16384];
    static PyObject *gateway_recv(int fd, Py_ssize_t size, int *failed) {
        PyObject *bytes;
        Py_ssize_t got;
        if (size <= (Py_ssize_t)sizeof gateway_recv_room) {
            do { got = recv(fd, gateway_recv_room, size, MSG_DONTWAIT); } while (got < 0 && errno == EINTR);
            *failed = got < 0 ? errno : 0;
            return PyBytes_FromStringAndSize(gateway_recv_room, got < 0 ? 0 : got);
        }
        bytes = PyBytes_FromStringAndSize(NULL, size);
        if (bytes == NULL) return NULL;
        do { got = recv(fd, PyBytes_AS_STRING(bytes), size, MSG_DONTWAIT); } while (got < 0 && errno == EINTR);
        *failed = got < 0 ? errno : 0;
        if (got < 0) got = 0;
        if (_PyBytes_Resize(&bytes, got) < 0) return NULL;
        return bytes;
    }
    """
    bytes gateway_recv(int fd, Py_ssize_t size, int *failed)

cdef enum:
    FINE = 1
    COARSE = 2

cdef double FINE_PERIOD = 0.02
cdef double COARSE_PERIOD = 0.25
cdef double FINE_UP_TO = 5.0
cdef double GRACE = 0.25            # what a client that closed its sending half still waits
cdef Py_ssize_t AHEAD = 16384       # bytes of pipelined requests that do not hide that the client leaves behind them
cdef Py_ssize_t TLS_RECORD = 16384  # a read of less leaves bytes inside the TLS layer


class TimedOut(Exception):
    """A wait passed its deadline."""


class Interrupted(Exception):
    """The wait was ended because a linked channel's other end went away."""


cdef double monotonic() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


include "channel_sweep.pxi"
include "channel_outbox.pxi"

cdef object _switch = greenlet.switch


@cython.final
cdef class Channel:
    """A connected stream socket. One greenlet at a time may wait on it."""

    def __init__(self, sock):
        """Take over `sock`, a connected socket (plain or TLS); from here on only the channel reads and writes it."""
        self.sock = sock
        self.fd = sock.fileno()
        self.tls = hasattr(sock, "pending")
        self.rest = b""
        if self.tls:
            # A TLS stream that ends without close_notify may have been cut (RFC 9112 section 9.8): `cut` tells.
            sock.suppress_ragged_eofs = False
        sock.settimeout(0.0)
        sweep_of_process()
        self.reader = _sweep.hub.loop.io(self.fd, READ)
        self._arm()

    cdef int _arm(self) except -1:
        if not self.armed:
            self.reader.start(self._on_readable)
            self.armed = True
        self.unread = False
        return 0

    def _on_readable(self):
        """Watcher callback. With nobody reading, find out whether the other end went away; else wake the reader."""
        cdef char peek
        cdef Py_ssize_t got = 1
        cdef int failed = 0
        if self.waiter is not None and self.events & READ:
            self._wake(READ)
            return
        if self.tls:
            if not self._look():
                return
            got = 0 if self.gone else 1
        else:
            got = c_recv(self.fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT)
            if got < 0 and (errno == EAGAIN or errno == EINTR):
                return
        if got > 0 and self.ahead and self.linked is not None and PyBytes_GET_SIZE(self.rest) < AHEAD:
            if not self.tls:
                self.rest += gateway_recv(self.fd, AHEAD, &failed)
            return
        self.reader.stop()
        self.armed = False
        self.unread = True
        if got <= 0:
            self.gone = True
            if self.linked is not None:
                # NOTE: after a FIN the client may only have closed its sending half, so a quick answer still gets out.
                self.linked.interrupt(GRACE if got == 0 and not self.rings else 0.0)
        elif self.rings and self.linked is not None:
            self.linked.interrupt(0.0)

    def _on_writable(self):
        self._wake(WRITE)

    def _on_closed(self):
        self._wake(0)

    cdef bint _look(self):
        """Let the TLS layer read what is there and keep what it gives; whether that is data or the stream's end."""
        cdef bytes data
        try:
            data = self.sock.read(TLS_RECORD) or b""
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLEOFError:
            self.gone = self.cut = True
            return True
        except (OSError, ValueError):
            self.gone = True
            return True
        self.rest = self.rest + data if self.rest else data
        if not data:
            self.gone = True
        return True

    cdef void _wake(self, int events):
        waiter = self.waiter
        if waiter is None:
            return
        self.waiter = None
        self.events = events
        waiter.switch()

    cdef void interrupt(self, double after):
        """End the wait that is on, or the next one, `after` seconds from now with Interrupted."""
        cdef double until = monotonic() + after
        self.interrupted = True
        if self.deadline and until < self.deadline:
            if self.where == COARSE:
                _sweep.remove(self)
                _sweep.add(self, after)
            self.deadline = until

    cdef void calm(self):
        """Take an interrupt back that is no longer meant."""
        self.interrupted = False

    cdef int wait(self, int events, double timeout) except -1:
        """Park the greenlet until one of `events`; gives those that came. Raises TimedOut, Interrupted, OSError."""
        if self.closed:
            raise OSError(EBADF, "the channel is closed")
        if self.waiter is not None:
            raise RuntimeError("two greenlets wait on one channel")
        if self.interrupted and timeout > GRACE:
            timeout = GRACE
        if self.latest and timeout > self.latest - monotonic():
            timeout = self.latest - monotonic()
        if timeout <= 0.0:
            raise TimedOut()
        if events & READ:
            self._arm()
        if events & WRITE:
            if self.writer is None:
                self.writer = _sweep.hub.loop.io(self.fd, WRITE)
            self.writer.start(self._on_writable)
        self.events = events
        self.timed_out = False
        self.deadline = monotonic() + timeout
        _sweep.add(self, timeout)
        self.waiter = getcurrent()
        try:
            _switch(_sweep.hub)
        finally:
            self.waiter = None
            self.deadline = 0.0
            if self.where:
                _sweep.remove(self)
            if events & WRITE and self.writer is not None:
                self.writer.stop()
                if self.owed is not None:
                    self.writer.start(self._on_owed)
        if self.closed:
            raise OSError(ECONNRESET, "the channel was closed")
        if self.timed_out:
            if self.interrupted:
                raise Interrupted()
            raise TimedOut()
        return self.events

    cdef bytes recv(self, Py_ssize_t size, double timeout):
        """Up to `size` bytes, b"" at the end of the stream. Waits at most `timeout` seconds for the first byte."""
        cdef int failed = 0
        cdef bytes data = self.rest
        if data:
            self.rest = b""
            return data
        if not self.tls:
            if self.armed and not self.eager:
                # PERF: the watcher is level-triggered and started, so it fires if bytes are there: no read in vain.
                self.wait(READ, timeout)
            while True:
                if self.closed:
                    raise OSError(EBADF, "the channel is closed")
                data = gateway_recv(self.fd, size, &failed)
                if not failed:
                    self.eager = PyBytes_GET_SIZE(data) == size
                    if not data:
                        self.gone = True
                    elif not self.armed and not self.eager:
                        self._arm()
                    return data
                self.eager = False
                if failed != EAGAIN:
                    self.gone = True
                    raise OSError(failed, os.strerror(failed))
                self.wait(READ, timeout)
        return self._recv_tls(size, timeout)

    cdef bytes _recv_tls(self, Py_ssize_t size, double timeout):
        cdef bytes data
        while True:
            if self.closed:
                raise OSError(EBADF, "the channel is closed")
            try:
                data = self.sock.read(min(size, TLS_RECORD)) or b""
            except ssl.SSLWantReadError:
                self.wait(READ, timeout)
            except ssl.SSLWantWriteError:
                self.wait(WRITE, timeout)
            except ssl.SSLEOFError:
                self.gone = self.cut = True
                return b""
            else:
                if not data:
                    self.gone = True
                elif not self.armed:
                    self._arm()
                return data

    cdef Py_ssize_t send_some(self, const char *data, Py_ssize_t size) except -2:
        """Bytes taken by the kernel without waiting; -1 when it takes none now."""
        cdef Py_ssize_t sent
        if self.posted:
            send_posted()
        if self.closed:
            raise OSError(EPIPE, "the channel is closed")
        if self.owed is not None and not self._pay():
            return -1
        if self.tls:
            try:
                return self.sock.send(PyBytes_FromStringAndSize(data, min(size, 1 << 18)))
            except ssl.SSLWantWriteError:
                return -1
            except ssl.SSLWantReadError:
                return -1
        while True:
            sent = c_send(self.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent >= 0:
                return sent
            if errno == EINTR:
                continue
            if errno == EAGAIN:
                return -1
            self.gone = True
            raise OSError(errno, os.strerror(errno))

    cdef Py_ssize_t post(self, const char *data, Py_ssize_t size) except -2:
        """Send at the end of the loop's turn where that can be, else as send_some does; bytes taken, or -1."""
        if self.tls or self.closed or self.owed is not None or size > POST_MAX or not is_worth_posting():
            return self.send_some(data, size)
        put_in_outbox(self, data, size)
        return size

    cdef int deliver(self, const char *data, Py_ssize_t size) except -1:
        """Send what was posted; the rest of what the kernel does not take follows when it can."""
        cdef Py_ssize_t sent = 0
        if self.closed:
            return 0
        if self.owed is None:
            while True:
                sent = c_send(self.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                if sent == size:
                    return 0
                if sent >= 0 or errno != EINTR:
                    break
            if sent < 0 and errno != EAGAIN:
                self.gone = self.unsent = True
                return 0
            sent = max(sent, 0)
            if self.writer is None:
                self.writer = _sweep.hub.loop.io(self.fd, WRITE)
            self.writer.start(self._on_owed)
        self.owed = (self.owed or b"") + PyBytes_FromStringAndSize(data + sent, size - sent)
        return 0

    cdef bint _pay(self) except -1:
        """Send what is owed; whether nothing is any more."""
        cdef Py_ssize_t sent = c_send(
            self.fd, PyBytes_AS_STRING(self.owed), PyBytes_GET_SIZE(self.owed), MSG_DONTWAIT | MSG_NOSIGNAL
        )
        if sent < 0 and (errno == EAGAIN or errno == EINTR):
            return False
        if sent < 0:
            self.gone = True
        elif sent < PyBytes_GET_SIZE(self.owed):
            self.owed = self.owed[sent:]
            return False
        self.owed = None
        return True

    def _on_owed(self):
        if self.owed is None or self._pay():
            self.writer.stop()

    cdef int send(self, const char *data, Py_ssize_t size, double timeout) except -1:
        """Send all of it; `timeout` seconds is the longest gap without progress. The memory must outlive the call."""
        cdef Py_ssize_t sent
        while size > 0:
            sent = self.send_some(data, size)
            if sent >= 0:
                data += sent
                size -= sent
            else:
                self.wait(WRITE, timeout)
        return 0

    cdef void unrecv(self, bytes data):
        """Give bytes back; the next recv returns them."""
        self.rest = data + self.rest if self.rest else data

    cdef bint is_stale(self):
        """Whether an idle kept-alive channel can no longer be used: closed, or bytes came that nobody asked for."""
        return self.closed or self.gone or self.unread or bool(self.rest) or self.owed is not None

    cdef int idle(self) except -1:
        """An exchange is over and nobody reads for a while: watch the other end, forget what the exchange left."""
        self.interrupted = False
        self.eager = False
        self._arm()
        # SECURITY: an answer that was there before the request had left is not that request's
        # (tests/unit/fast/test_outbox.py).
        if self.posted or (self.tls and self.sock.pending()):
            self.unread = True
        return 0

    cdef bint has_input(self) except -1:
        """Whether a read would give something at once: bytes, or the stream's end. Only while nobody waits on it."""
        if self.rest or self.gone:
            return True
        if self.tls:
            return self._look()
        return self.unread

    cdef bint has_bytes(self) except -1:
        """Whether bytes wait that nobody read yet; takes none, so that who waits for them still hears of them."""
        cdef char peek
        if self.rest or (self.tls and self.sock.pending()):
            return True
        return not self.closed and c_recv(self.fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) > 0

    cdef bint is_quiet(self) except -1:
        """Whether somebody waits for a first byte, none has come, and all that was sent is with the kernel."""
        return self.waiter is not None and not self.posted and self.owed is None and not self.has_bytes()

    cdef int settle(self, double timeout) except -1:
        """Wait until the kernel has all that was posted: close() would drop what it has not."""
        if self.posted:
            send_posted()
        while self.owed is not None and not self._pay():
            self.wait(WRITE, timeout)
        return 0

    cpdef close(self):
        """Close the socket and wake who waits on it. Safe to call twice."""
        if self.closed:
            return
        if self.posted:
            send_posted()
        if self.owed is not None:
            self._pay()
            self.owed = None  # SECURITY: the descriptor may soon be another connection's
        self.closed = True
        self.linked = None
        self.reader.stop()
        self.reader.close()
        if self.writer is not None:
            self.writer.stop()
            self.writer.close()
        self.sock.close()
        if self.waiter is not None:
            # NOTE: not the waiter's switch itself: it may be killed before the callback runs, and wait elsewhere then.
            _sweep.hub.loop.run_callback(self._on_closed)

    cpdef abort(self):
        """Close with a reset, so that what was sent can never look complete (RFC 9112 section 8)."""
        if not self.closed:
            try:
                self.sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            except OSError:
                pass
            self.close()

    # The same for Python callers (tests, tunnels, the worker's handshakes).

    def read(self, Py_ssize_t size, double timeout):
        """Up to `size` bytes, b"" at the end of the stream."""
        return self.recv(size, timeout)

    def write(self, bytes data, double timeout):
        """Send all of `data`."""
        self.send(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), timeout)

    def leave(self, bytes data):
        """Send `data` at the end of the loop's turn, or at once where it is alone; bytes taken, or -1."""
        return self.post(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    def wait_for(self, int events, double timeout):
        """Wait for READ (1), WRITE (2) or both; gives what came."""
        return self.wait(events, timeout)

    def give_back(self, bytes data):
        """Give read bytes back; the next read returns them."""
        self.unrecv(data)

    def rest_idle(self):
        """An exchange is over and nobody reads for a while: watch the other end, forget what the exchange left."""
        self.idle()

    def stale(self):
        """Whether an idle kept-alive channel can no longer be used."""
        return self.is_stale()
