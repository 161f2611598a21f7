"""The body of an HTTP/2 request as `wsgi.input` (PEP 3333)."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from gateway._fast.channel import Channel, TimedOut

PIECE = 65536
#: bytes of a body up to which it is at hand, once its end has come
AT_HAND = 65536
#: seconds that nobody waits
LONGEST = 1e9


class Reader(Protocol):
    """What a body needs of its stream."""

    channel: Channel
    #: the other end of `channel`: a byte wakes who waits on it, closing it says that the client went away
    bell: socket.socket

    def consumed(self, size: int) -> None:
        """So many bytes were read: the client may send as many more."""

    def go_on(self) -> None:
        """Send the 100 that the client waits for."""

    def fail(self, slug: str, detail: str) -> Exception:
        """The exception for a body that cannot be read to its end."""


class Body:
    """DATA frames as they come. `read(n)` gives what is there, at least one byte; b"" at the end.

    What was not read yet is bounded by the stream's window: the client may send more only when it was.
    """

    def __init__(self, stream: Reader, *, limit: int, timeout: float, expects: bool) -> None:
        """`limit` is in bytes, `timeout` seconds without a byte; `expects`: the client waits for a 100."""
        self._stream = stream
        self._limit = limit
        self._fits: Callable[[bytes], bool] | None = None
        self._timeout = timeout
        self._expects = expects
        self._pieces: deque[bytes] = deque()
        self._has_ended = self._is_lost = self._is_waiting = False
        self.taken = 0
        self.unread = 0

    def deliver(self, data: bytes) -> None:
        """A DATA frame came."""
        if data:
            self._pieces.append(data)
            self.unread += len(data)
            self._ring()

    def end(self) -> None:
        """The last one came."""
        self._has_ended = True
        self._ring()

    def lose(self) -> None:
        """The client went away."""
        self._is_lost = True

    def bound(self, fits: Callable[[bytes], bool]) -> None:
        """From here on `fits` says whether a piece may come, not the limit for all; and who waits minds the time."""
        self._fits = fits
        self._timeout = LONGEST

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self._has_ended and not self._pieces

    @property
    def at_hand(self) -> bool:
        """Whether all of it has come, and is small."""
        return self._has_ended and self.unread <= AT_HAND

    def _ring(self) -> None:
        if self._is_waiting and not self._is_lost:
            self._is_waiting = False
            self._stream.bell.send(b"!")

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; all of the rest for -1. Raises what the stream's `fail` makes."""
        if size >= 0:
            return self._take(size)
        return b"".join(iter(lambda: self._take(PIECE), b""))

    def _take(self, size: int) -> bytes:
        if size == 0:
            return b""
        while not self._pieces:
            if self._is_lost:
                raise self._stream.fail("client-closed", "The client went away while it sent the body.")
            if self._has_ended:
                return b""
            self._wait()
        piece = self._pieces.popleft()
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
            piece = piece[:size]
        self.unread -= len(piece)
        self.taken += len(piece)
        if self._fits is None and self.taken > self._limit:
            raise self._stream.fail("body-too-large", f"The body is larger than {self._limit} bytes.")
        if self._fits is not None and not self._fits(piece):
            raise self._stream.fail("body-too-large", "A message is larger than a body may be.")
        self._stream.consumed(len(piece))
        return piece

    def _wait(self) -> None:
        """Until something came. NOTE: on the channel, whose waits end with the exchange's time, or early answers."""
        if self._expects:
            self._expects = False
            self._stream.go_on()
        self._is_waiting = True
        try:
            if not self._stream.channel.read(16, self._timeout):
                self._is_lost = True
        except TimedOut:
            raise self._stream.fail("request-timeout", "The body stopped arriving.") from None
        except OSError:
            self._is_lost = True
        finally:
            self._is_waiting = False

    def readline(self, size: int = -1, /) -> bytes:
        """One line of the body (PEP 3333)."""
        line = b""
        while (size < 0 or len(line) < size) and not line.endswith(b"\n"):
            piece = self._take(1)
            if not piece:
                break
            line += piece
        return line

    def readlines(self, hint: int | None = None, /) -> list[bytes]:
        """All lines of the body (PEP 3333)."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


class NoBody:
    """`wsgi.input` of a request without a body."""

    def read(self, size: int = -1, /) -> bytes:
        """b"": there is no body."""
        return b""

    readline = read

    def readlines(self, hint: int | None = None, /) -> list[bytes]:
        """[]: there is no body."""
        return []

    def __iter__(self) -> Iterator[bytes]:
        return iter(())
