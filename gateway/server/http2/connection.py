"""One HTTP/2 connection's socket: a greenlet that reads, one that writes, and when it ends."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import ssl
import sys
import termios
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.socket import wait_read
from h2.errors import ErrorCodes

from gateway._fast.channel import TimedOut
from gateway.server.http2.frames import GoAway
from gateway.server.http2.outgoing import HIGH, SendBuffer
from gateway.server.http2.service import Service
from gateway.server.http2.session import FOREVER, Http2Session

log = logging.getLogger("gateway")

READ = 1
READ_SIZE = 65_536
#: seconds: the longest sleep without a look at the clock
TICK = 1.0
#: seconds that a client has to see why its connection ended, and to end its own half once it was told that it may
LINGER, SETTLE = 2.0, 0.5
LOOK = 0.1
#: bytes within which a goodbye is, of HTTP/2, TLS and TCP
GOODBYE = 512
LINGER_BYTES = 16 * 1024 * 1024


class Connection:
    """Serves one client."""

    def __init__(self, service: Service, sock: Any, base: dict[str, Any], until: float) -> None:
        """`base` is the environ of the connection; the first request must be there by `until` (monotonic)."""
        self._server = service.server
        self._sock, self._until = sock, until
        sock.settimeout(0.0)
        self._news = Event()
        self._watcher = gevent.get_hub().loop.io(sock.fileno(), READ)
        self._outgoing = SendBuffer(sock, lambda: self._server.settings.body_timeout, self._news.set)
        self._talk = Http2Session(service, self._outgoing, base, self._news.set)
        self._is_aborted = self._has_left = False

    def serve(self) -> None:
        """Answer requests until the connection ends. Never raises."""
        writer = gevent.spawn(self._outgoing.write_forever)
        pause = patience = 0.0
        try:
            if self._server.draining:
                self.drain()
            self._read_forever()
            if not (self._has_left or self._is_aborted):
                pause, patience = SETTLE, self._server.settings.body_timeout
        except GoAway as goodbye:
            log.debug("an HTTP/2 connection ends: %s", goodbye)
            self._talk.goaway(goodbye.code, str(goodbye))
            is_agreed = goodbye.code is ErrorCodes.NO_ERROR
            pause, patience = (SETTLE, self._server.settings.body_timeout) if is_agreed else (LINGER, LINGER)
        except (OSError, TimedOut) as error:
            # Nobody is there to be told; what was under way is ended below.
            log.debug("an HTTP/2 connection broke: %r", error)
        except Exception:  # greenlet's last frame: whatever failed is ours, and the socket has to be closed
            log.exception("an HTTP/2 connection failed")
        finally:
            self._talk.end()
            self._outgoing.end()
            if not self._is_aborted:
                writer.join(self._server.settings.body_timeout)
            writer.kill()
            self._close(pause, 0.0 if self._outgoing.is_broken else patience)

    def drain(self) -> None:
        """Tell the client to begin no more; what it begins before it hears of that is answered (RFC 9113 6.8)."""
        self._talk.goaway(ErrorCodes.NO_ERROR, last=FOREVER)

    def close_idle(self) -> None:
        """The client has heard of it: what it began is answered, no more, and then the connection is closed."""
        if not self._talk.is_leaving:
            self._talk.goaway(ErrorCodes.NO_ERROR)
            self._news.set()

    def abort(self) -> None:
        """Cut it off."""
        self._is_aborted = True
        self._news.set()

    def _read_forever(self) -> None:
        while True:
            data = self._receive()
            if data == b"":
                self._has_left = True
                return
            if data is not None:
                self._talk.receive(data, monotonic())
                gevent.sleep(0)  # a client that never stops must not keep the others from their turn
                if self._outgoing.size >= 2 * HIGH:  # it asks, and takes no answers
                    self._outgoing.wait_for_room(self._server.settings.body_timeout)
                    self._outgoing.pass_on()
            if self._is_over:
                return

    @property
    def _is_over(self) -> bool:
        """Whether nothing is left to do: it is cut off, or the last stream has ended."""
        if self._is_aborted or self._outgoing.is_broken:
            return True
        return self._talk.is_leaving and not self._talk.streams

    def _receive(self) -> bytes | None:
        """What came, b"" at the end of the stream, None when it is time for another look at things."""
        try:
            data: bytes = self._sock.recv(READ_SIZE)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._wait(self._patience())
            return None
        return data

    def _wait(self, seconds: float) -> None:
        """Until bytes come, something else happens, or so many seconds are over."""
        self._news.clear()
        if self._is_over:
            return
        self._watcher.start(self._news.set)
        try:
            self._news.wait(seconds)
        finally:
            self._watcher.stop()

    def _patience(self) -> float:
        """Seconds until the next look at the clock. Raises Goodbye when the client has had its time."""
        settings, talk, now = self._server.settings, self._talk, monotonic()
        limits = [now + TICK]
        if talk.head_begun:
            limits.append(talk.head_begun + settings.header_timeout)
        if not talk.streams:
            limits.append(talk.idle_since + settings.keepalive if talk.idle_since else self._until)
        if min(limits) <= now:
            raise GoAway(ErrorCodes.NO_ERROR, "the client is idle, or too slow")
        return min(limits) - now

    def _close(self, pause: float, patience: float) -> None:
        """Say goodbye, within TLS as well, and wait for that of the client; seconds as in `_linger`."""
        try:
            self._sock.unwrap()
        except (OSError, ValueError) as error:  # the client is gone, or says no goodbye of its own: closed all the same
            log.debug("an HTTP/2 connection ends without a goodbye of TLS: %r", error)
        try:
            self._linger(pause, patience)
        except OSError as error:  # gone before it had sent all: nothing is left to wait for
            log.debug("an HTTP/2 client is gone: %r", error)
        self._watcher.close()
        self._sock.close()

    def _linger(self, pause: float, patience: float) -> None:
        """Read away what still comes, windows for the last answer for one, so that the kernel does not reset that.

        Until the client ends its half, has had all for `pause` seconds, or `patience` seconds are over. Raises OSError.
        """
        last, most = monotonic() + patience, LINGER_BYTES
        if patience:
            self._sock.shutdown(socket.SHUT_WR)
        until = monotonic() + pause
        while most > 0 and (now := monotonic()) < min(until, last):
            if self._is_on_its_way():
                until = now + pause
            try:
                wait_read(self._sock.fileno(), timeout=LOOK)
            except TimeoutError:
                continue
            got = len(os.read(self._sock.fileno(), READ_SIZE))
            if not got:
                return
            most -= got

    def _is_on_its_way(self) -> bool:
        """Whether the kernel holds an answer that the client's has not confirmed (SIOCOUTQ, tcp(7)).

        NOTE: a goodbye alone is not waited for: many an idle client has left without a word.
        """
        waits = fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(waits, sys.byteorder) > GOODBYE
