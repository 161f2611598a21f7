"""Request bodies that are read here and still go on to the upstream."""

from __future__ import annotations

from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, GatewayError
from gateway.exchange import BodyReader, Exchange

PIECE = 65536


class ReplayedBody:
    """A body that was read, to be read again as it came. `done` as the connection's own body has it."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether all of it was given."""
        return self._at >= len(self._data)

    @property
    def whole(self) -> bytes | None:
        """All of it, where nothing was given yet."""
        return None if self._at else self._data

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, the rest for -1; b"" at the end."""
        end = len(self._data) if size < 0 else self._at + size
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece


class SizeLimitedBody:
    """A body of unknown length on its way; raises where it grows past `most` bytes."""

    __slots__ = ("_body", "_most", "_taken")

    def __init__(self, body: BodyReader, most: int) -> None:
        self._body = body
        self._most = most
        self._taken = 0

    @property
    def done(self) -> bool:
        """Whether all of it was given, as the body itself says."""
        return bool(getattr(self._body, "done", False))

    def read(self, size: int = -1, /) -> bytes:
        """As the body's own. Raises GatewayError, also for what the body raises."""
        piece = self._body.read(PIECE if size < 0 else size)
        self._taken += len(piece)
        if self._taken > self._most:
            raise too_large(self._most)
        if size < 0 and piece:
            pieces = [piece]
            while more := self.read(PIECE):
                pieces.append(more)
            return b"".join(pieces)
        return piece


def read_whole(exchange: Exchange, most: int) -> bytes:
    """The whole body, at most `most` bytes of it; `exchange.body` then gives it once more. Raises GatewayError."""
    body, length = exchange.body, exchange.body_length
    if body is None or not length:
        return b""
    if (
        isinstance(body, ReplayedBody)
        and (known := body.whole) is not None
        and length in (-1, len(known))
        and len(known) <= most
    ):
        return known  # another step read it before
    if length > most:
        raise too_large(most)  # before any of it is read
    pieces = [body.read(length)] if 0 < length <= PIECE else []  # PERF: mostly it is all there
    size = len(pieces[0]) if pieces else 0
    while size != length:
        # Of a length that was told no more is asked for: what lies behind it on the connection is another request.
        piece = body.read(PIECE if length < 0 else min(PIECE, length - size))
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise too_large(most)
    if length >= 0 and size != length:
        raise GatewayError(MALFORMED_BODY, f"The body ends after {size} of {length} bytes.")
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    exchange.body = ReplayedBody(data)
    return data


def too_large(most: int) -> GatewayError:
    """The error for a body of more than `most` bytes."""
    return GatewayError(BODY_TOO_LARGE, f"The body has more than the {most} bytes that are taken.")
