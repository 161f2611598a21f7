"""The sending half of an HTTP/2 connection: whole frames wait in one buffer that one greenlet writes out."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from gevent.event import Event
from gevent.socket import wait_write

from gateway._fast.channel import TimedOut

#: bytes: above it no stream may add, so what waits is bounded by this and a frame for each stream
HIGH = 65536
RECORD = 16384


class SendBuffer:
    """What is to be sent. Streams take turns: who has waited longest for room is the next to add a frame."""

    def __init__(self, sock: Any, patience: Callable[[], float], failed: Callable[[], None]) -> None:
        """`patience()`: seconds without progress until it is given up, and `failed` called."""
        self._sock = sock
        self._patience = patience
        self._failed = failed
        self._buffer = bytearray()
        self._more = Event()
        self._queue: deque[Event] = deque()
        self._is_ending = False
        self.is_broken = False

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return len(self._buffer)

    def put(self, frames: bytes) -> None:
        """Send whole frames, soon."""
        if frames and not self.is_broken:
            self._buffer += frames
            self._more.set()

    def end(self) -> None:
        """Nothing comes after what is there."""
        self._is_ending = True
        self._more.set()

    def wait_for_room(self, timeout: float) -> None:
        """Until it is the caller's turn to add a frame. Raises TimedOut, or OSError when nothing can be sent."""
        if len(self._buffer) >= HIGH or self._queue:
            turn = Event()
            self._queue.append(turn)
            if not turn.wait(timeout):
                self._queue.remove(turn)
                raise TimedOut
        if self.is_broken:
            raise BrokenPipeError("nothing can be sent any more")

    def pass_on(self) -> None:
        """Leave the turn to the next one: the caller has nothing to add now."""
        if len(self._buffer) < HIGH:
            self._call(1)

    def write_forever(self) -> None:
        """A greenlet of its own. Returns after `end`, or when the client takes no more."""
        try:
            while self._buffer or not self._is_ending:
                self._more.wait()
                self._more.clear()
                while self._buffer:
                    self._write()
        except (OSError, ValueError):
            self._break()

    def _write(self) -> None:
        try:
            sent = self._sock.send(bytes(self._buffer[:RECORD]))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        if not sent:
            wait_write(self._sock.fileno(), timeout=self._patience())
            return
        del self._buffer[:sent]
        self._call(max(0, HIGH - len(self._buffer) + RECORD - 1) // RECORD)

    def _break(self) -> None:
        self.is_broken = True
        self._buffer.clear()
        self._call(len(self._queue))
        self._failed()

    def _call(self, most: int) -> None:
        """The next of those who wait for room."""
        for _ in range(min(most, len(self._queue))):
            self._queue.popleft().set()
