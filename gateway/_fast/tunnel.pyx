"""After a 101: bytes between a client and an upstream that speak WebSocket with each other (RFC 9110 7.8, RFC 6455).

    one Lane per direction: source readable -> read -> send; what the sink does not take waits, and until it is gone
    nothing more is read -> the source's end is passed on when all before it is sent

PERF: lanes live in callbacks of the channels' watchers and share one buffer, so that an idle tunnel costs the
connection's own greenlet and nothing else.  Measured by tests/soak/test_websockets.py.

Frames are never changed.  Their headers are followed, because the gateway's own Close frame, when it drains or a
tunnel is idle for too long, can only stand between two of them.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint64_t

from gateway._fast.channel cimport WRITE, Channel, monotonic

import os
import socket as _socket
import ssl

import gevent

from gateway._fast.channel import TimedOut

cdef extern from "sys/socket.h" nogil:
    Py_ssize_t c_recv "recv"(int fd, void *buffer, size_t size, int flags)
    int MSG_DONTWAIT

cdef enum:
    ROOM = 65536
    ROUNDS = 4              # reads in one callback, so that a busy tunnel does not hold up the others
    CLOSE = 8               # opcode (RFC 6455 section 11.8)

cdef char[ROOM] _room       # between a read and its send; nothing waits in it
cdef Py_ssize_t TLS_RECORD = 16384
cdef double IDLE = 600.0
cdef double CLOSING = 2.0   # seconds without a byte: in the closing handshake (RFC 6455 7.1.1), and once a side ended
cdef bytes GOING_AWAY = b"\x03\xe9"     # 1001 (RFC 6455 section 7.4.1)


@cython.final
cdef class Frames:
    """Follows the frame headers of one direction (RFC 6455 section 5.2)."""

    cdef Py_ssize_t run(self, const unsigned char *data, Py_ssize_t size, bint stop) noexcept nogil:
        """Go on over `size` bytes, with `stop` only up to the first place between two frames: the bytes passed."""
        cdef Py_ssize_t at = 0
        cdef uint64_t here
        if self.lost:
            return size
        while at < size:
            if self.stage == PAYLOAD:
                here = min(self.left, <uint64_t>(size - at))
                at += here
                self.left -= here
                if self.left == 0:
                    self.stage = FIRST
                    self.closed = self.closed or self.opcode == CLOSE
                continue
            if self.stage == FIRST:
                if stop:
                    break
                self.opcode = data[at] & 15
                self.stage = SECOND
            elif self.stage == SECOND:
                self.masked = data[at] >> 7
                self.left = data[at] & 127
                self.more = 2 if self.left == 126 else 8 if self.left == 127 else 0
                if self.more:
                    self.left = 0
                    self.stage = LENGTH
                else:
                    self.begin()
            else:
                self.left = self.left << 8 | data[at]
                self.more -= 1
                if self.more == 0:
                    self.begin()
                    if self.lost:
                        return size
            at += 1
        return at

    cdef void begin(self) noexcept nogil:
        """The length is known: what follows is the masking key and the payload."""
        if self.left >> 63:
            self.lost = True
            return
        self.left += 4 if self.masked else 0
        self.stage = PAYLOAD if self.left else FIRST
        if self.left == 0 and self.opcode == CLOSE:
            self.closed = True

    cdef bint is_between(self) noexcept nogil:
        return self.stage == FIRST and not self.lost

    # Doors for tests.

    def follow(self, bytes data, bint stop=False):
        """Go on over `data`, with `stop` only up to the first place between two frames; gives the bytes passed."""
        return self.run(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), stop)

    @property
    def between(self):
        """Whether the next byte is the first of a frame."""
        return self.is_between()


def close_frame(bytes key):
    """The gateway's Close frame, 1001 going away; masked with the four bytes of `key`, if there is one."""
    if not key:
        return bytes((0x80 | CLOSE, len(GOING_AWAY))) + GOING_AWAY
    payload = bytes([byte ^ mask for byte, mask in zip(GOING_AWAY, key)])
    return bytes((0x80 | CLOSE, 0x80 | len(GOING_AWAY))) + key + payload


@cython.final
cdef class Lane:
    """One direction of a tunnel."""

    cdef int open(self, bytes early) except -1:
        """Take the source's watcher over; `early` bytes, and what its channel had read already, go first."""
        self.source.reader.stop()
        self.source.armed = False
        early += self.source.rest
        self.source.rest = b""
        if early:
            self.take(PyBytes_AS_STRING(early), PyBytes_GET_SIZE(early))
        return self.pump()

    def on_readable(self):
        """Watcher callback of the source."""
        if not self.tunnel.over:
            self.pump()
            self.tunnel.settle()

    def on_writable(self):
        """Watcher callback of the sink, while something waits for it."""
        if not self.tunnel.over:
            self.flush()
            self.pump()
            self.tunnel.settle()

    cdef int pump(self) except -1:
        """Move what is there, unless the sink cannot take it."""
        cdef int rounds = 0
        cdef Py_ssize_t got
        while not self.ended and self.pending is None:
            if rounds == ROUNDS:
                if self.source.tls:
                    # NOTE: what waits inside the TLS layer makes no descriptor readable.
                    gevent.get_hub().loop.run_callback(self.on_readable)
                break
            rounds += 1
            got = self.read()
            if got == 0:
                self.end()
            elif got < 0 or (got < ROOM and not self.source.tls):
                break  # PERF: the watcher is level-triggered: a short read needs no second one to tell
        return self.listen()

    cdef Py_ssize_t read(self) except -2:
        """Read once and pass it on: bytes, 0 at the stream's end, -1 when nothing is there."""
        cdef Py_ssize_t got
        if self.source.closed:
            return 0
        if self.source.tls:
            return self.read_tls()
        while True:
            got = c_recv(self.source.fd, _room, ROOM, MSG_DONTWAIT)
            if got > 0:
                self.take(_room, got)
                return got
            if got == 0:
                return 0
            if errno == EAGAIN:
                return -1
            if errno != EINTR:
                self.tunnel.other(self).cut()  # who was reset cannot be told anything either
                return 0

    cdef Py_ssize_t read_tls(self) except -2:
        cdef bytes data
        try:
            data = self.source.sock.read(TLS_RECORD) or b""
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return -1
        except (OSError, ValueError):
            return 0
        if data:
            self.take(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return PyBytes_GET_SIZE(data)

    cdef int take(self, const char *data, Py_ssize_t size) except -1:
        """Bytes came from the source. Once the gateway leaves, they go on up to the end of a frame."""
        cdef Py_ssize_t passed
        if self.tunnel.leaving and not self.said and not self.tunnel.is_closing():
            passed = self.frames.run(<const unsigned char *>data, size, True)
            self.forward(data, passed)
            data += passed
            size -= passed
            self.say_close()
        self.frames.run(<const unsigned char *>data, size, False)
        return 0 if self.said else self.forward(data, size)

    cdef int forward(self, const char *data, Py_ssize_t size) except -1:
        """Send, and keep what the sink does not take."""
        cdef Py_ssize_t sent
        if size == 0 or self.shut:
            return 0
        self.tunnel.count(self, size)
        if self.pending is not None:
            self.pending = self.pending[self.at:] + PyBytes_FromStringAndSize(data, size)
            self.at = 0
            return 0
        try:
            sent = max(self.sink.send_some(data, size), 0)
        except OSError:
            self.cut()
            return 0
        if sent < size:
            self.pending = PyBytes_FromStringAndSize(data + sent, size - sent)
            self.at = 0
            if self.sink.writer is None:
                self.sink.writer = gevent.get_hub().loop.io(self.sink.fd, WRITE)
            self.sink.writer.start(self.on_writable)
        return 0

    cdef int flush(self) except -1:
        """The sink takes bytes again."""
        cdef Py_ssize_t sent, size
        if self.pending is None:
            return 0
        size = PyBytes_GET_SIZE(self.pending) - self.at
        try:
            sent = self.sink.send_some(PyBytes_AS_STRING(self.pending) + self.at, size)
        except OSError:
            self.cut()
            return 0
        if sent > 0:
            self.at += sent
            self.tunnel.last = monotonic()
        if sent == size:
            self.pending = None
            self.sink.writer.stop()
            if self.ended:
                self.finish()
        return 0

    cdef int say_close(self) except -1:
        """Put the gateway's Close frame in, if this is between two frames."""
        cdef bytes frame
        if self.said or self.ended or not self.frames.is_between():
            return 0
        frame = close_frame(b"" if self is self.tunnel.down else os.urandom(4))
        self.forward(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))
        self.said = True
        return 0

    cdef int end(self) except -1:
        """The source sends no more."""
        self.ended = True
        return self.finish() if self.pending is None else 0

    cdef void cut(self):
        """The sink takes no more, and what is still to come does not matter."""
        self.ended = self.shut = True
        self.pending = None
        if self.sink.writer is not None and not self.sink.closed:
            self.sink.writer.stop()

    cdef int finish(self) except -1:
        """All is sent: pass the end on. TLS cannot close one direction alone."""
        self.shut = True
        if self.sink.tls:
            self.tunnel.over = True
        elif not self.sink.closed:
            try:
                self.sink.sock.shutdown(_socket.SHUT_WR)
            except OSError:
                pass
        return 0

    cdef int listen(self) except -1:
        """Watch the source, as long as its bytes have somewhere to go."""
        cdef bint wanted = not self.ended and self.pending is None and not self.source.closed
        if wanted and not self.reading:
            self.source.reader.start(self.on_readable)
        elif self.reading and not wanted and not self.source.closed:
            self.source.reader.stop()
        self.reading = wanted
        return 0

    cdef int stop(self) except -1:
        if not self.source.closed:
            self.source.reader.stop()
        if self.sink.writer is not None and not self.sink.closed:
            self.sink.writer.stop()
        return 0

    cdef bint is_finished(self):
        """Whether nothing is left to do here: all was passed on, or our Close frame is out and was answered."""
        return self.shut or (self.said and self.frames.closed and self.pending is None)


@cython.final  # NOTE: no freelist, which would keep __del__ from running in an object's second life
cdef class Tunnel:
    """The body of a 101: run() joins the client with the upstream until one of them is done.

    Ownership: `owner.release(False)` is called once, when it ends or is closed. `idle` is in seconds.
    """

    def __init__(self, owner, Channel upstream, bytes early=b""):
        """`early` is what came behind the head of the 101."""
        self.owner = owner
        self.upstream = upstream
        self.early = early
        self.idle = IDLE

    cpdef run(self, Channel client):
        """Join them; the caller's greenlet sleeps meanwhile. What goes wrong only ends it."""
        self.client = client
        self.last = monotonic()
        self.down = _lane(self, self.upstream, client)
        self.up = _lane(self, client, self.upstream)
        try:
            self.down.open(self.early)
            self.early = b""
            self.up.open(b"")
            if self.leaving:
                self.leave()
            self.settle()
            while not self.over:
                self.rest()
        except OSError:
            pass  # the client's channel was closed: by the worker, at its graceful_timeout
        finally:
            self.stop()
            self.close()

    def __iter__(self):
        """Nothing: whoever takes it for a body finds it empty."""
        return iter(())

    def drain(self):
        """End it in order: a Close frame (1001) to both sides as soon as it fits. For any greenlet."""
        if self.down is not None and not self.leaving:
            gevent.get_hub().loop.run_callback(self._leave)
        self.leaving = True

    def close(self):
        """Give the upstream's connection up. Safe to call twice."""
        owner = self.owner
        if owner is not None:
            self.owner = None
            owner.release(False)

    def __del__(self):
        self.close()

    def _leave(self):
        """Callback, in the hub: it may wake the client's greenlet."""
        if not self.over:
            self.leave()

    cdef Lane other(self, Lane lane):
        return self.up if lane is self.down else self.down

    cdef void count(self, Lane lane, Py_ssize_t size):
        self.last = monotonic()
        if lane is self.down:
            self.sent += size
        else:
            self.received += size

    cdef int leave(self) except -1:
        self.leaving = True
        if not self.is_closing():
            self.down.say_close()
            self.up.say_close()
        return self.settle()

    cdef bint is_closing(self):
        """Whether the two of them have begun to close by themselves."""
        return self.down.frames.closed or self.up.frames.closed

    cdef int rest(self) except -1:
        """Sleep until something changes or nothing was moved for too long."""
        self.waits_until = self.deadline()
        try:
            self.client.wait(0, self.waits_until - monotonic())
        except TimedOut:
            if monotonic() < self.deadline():
                return 0
            if self.leaving or self.until or self.down.ended or self.up.ended:
                self.over = True
            else:
                self.leave()
        return 0

    cdef double deadline(self):
        if self.until:
            return max(self.until, self.last + CLOSING)
        if self.down.ended or self.up.ended:
            return self.last + min(self.idle, CLOSING)
        return self.last + self.idle

    cdef int settle(self) except -1:
        """After a change: see whether it is over or has to end sooner, and tell the greenlet. In the hub, as last."""
        cdef Lane down = self.down, up = self.up
        if down is None:
            return 0
        if down.is_finished() and up.is_finished():
            self.over = True
        elif not self.until and (
            (down.frames.closed and up.frames.closed)
            or (self.leaving and (self.is_closing() or ((down.said or down.ended) and (up.said or up.ended))))
        ):
            self.until = monotonic() + CLOSING
        if self.over or self.deadline() < self.waits_until:
            self.client._wake(0)
        return 0

    cdef int stop(self) except -1:
        self.over = True
        self.down.stop()
        self.up.stop()
        self.down = self.up = None
        return 0


cdef Lane _lane(Tunnel tunnel, Channel source, Channel sink):
    cdef Lane lane = Lane.__new__(Lane)
    lane.tunnel = tunnel
    lane.source = source
    lane.sink = sink
    lane.frames = Frames.__new__(Frames)
    return lane
