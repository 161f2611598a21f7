"""Bytes cut into frames (RFC 9113 section 4), and what a client may spend of those that cost it nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from h2.errors import ErrorCodes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
#: flags: ACK of SETTINGS, END_STREAM of DATA and HEADERS, END_HEADERS of HEADERS and CONTINUATION
ACK, END_STREAM, END_HEADERS = 0x1, 0x1, 0x4
#: of a frame's data, bytes: SETTINGS_MAX_FRAME_SIZE as it is by default
MAX_FRAME = 16384
#: of the frames of one header section together, bytes, still compressed
MAX_HEADER_BLOCK = 65536


class GoAway(Exception):
    """The connection ends, with a GOAWAY that gives this reason."""

    def __init__(self, code: ErrorCodes, words: str) -> None:
        super().__init__(words)
        self.code = code


class Frame(NamedTuple):
    """One frame; `raw` is all of it, `size` that of its payload."""

    kind: int
    flags: int
    stream: int
    size: int
    raw: bytes


class Frames:
    """Cuts what comes into frames. `begun`: since when something other than DATA is incomplete; 0.0 = nothing is."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._has_preface = False
        self._block = -1  # bytes of the header section that is on its way, -1 for none
        self.begun = 0.0

    def feed(self, data: bytes, now: float) -> Iterator[Frame]:
        """The frames that are complete now. Raises Goodbye for what is too large, or no HTTP/2."""
        self._data += data
        if not self._has_preface:
            self._preface()
        while self._has_preface and (frame := self._next()) is not None:
            yield frame
            if self._block < 0:
                self.begun = 0.0  # what stands behind it has begun with these bytes
        is_partial = bool(self._data) and (len(self._data) < 9 or self._data[3] != DATA)
        if is_partial or self._block >= 0 or not self._has_preface:
            self.begun = self.begun or now
        else:
            self.begun = 0.0

    def _preface(self) -> None:
        start = bytes(self._data[: len(PREFACE)])
        if not PREFACE.startswith(start):
            raise GoAway(ErrorCodes.PROTOCOL_ERROR, "the preface is not that of HTTP/2 (RFC 9113 3.4)")
        if len(start) == len(PREFACE):
            self._has_preface = True
            del self._data[: len(PREFACE)]

    def _next(self) -> Frame | None:
        data = self._data
        if len(data) < 9:
            return None
        size = int.from_bytes(data[:3], "big")
        if size > MAX_FRAME:
            raise GoAway(ErrorCodes.FRAME_SIZE_ERROR, "a frame is too large (RFC 9113 4.2)")
        if len(data) < 9 + size:
            return None
        frame = Frame(data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF, size, bytes(data[: 9 + size]))
        del data[: 9 + size]
        if frame.kind in (HEADERS, CONTINUATION):
            self._count(frame)
        return frame

    def _count(self, frame: Frame) -> None:
        """SECURITY: the frames of one header section are bounded by size, since they are kept until the last one."""
        self._block = frame.size if frame.kind == HEADERS else self._block + frame.size
        if self._block > MAX_HEADER_BLOCK:
            raise GoAway(ErrorCodes.ENHANCE_YOUR_CALM, "a header section is too large")
        if frame.flags & END_HEADERS:
            self._block = -1


class Budget:
    """What may be spent: `burst` at once, `rate` a second in the long run."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._burst = self._level = burst
        self._rate = rate
        self._at = now

    def spend(self, now: float) -> bool:
        """Take one; whether there was one."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - 1.0
        self._at = now
        return self._level >= 0.0

    def earn(self, amount: float) -> None:
        """Put some back."""
        self._level = min(self._burst, self._level + amount)
