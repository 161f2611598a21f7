"""A body that is read, and may have to be read again from its beginning."""

from __future__ import annotations

from typing import Final

from gateway.exchange import BodyReader

#: bytes of a body that are kept: more than that cannot be read again
KEPT: Final = 65_536


class ReplayableBody:
    """A body whose beginning can be read once more."""

    __slots__ = ("_again", "_body", "_pieces", "_size")

    def __init__(self, body: BodyReader) -> None:
        self._body = body
        self._pieces: list[bytes] = []
        self._again: list[bytes] = []
        self._size = 0

    def read(self, size: int = -1, /) -> bytes:
        """As the body's own."""
        if self._again:
            piece = self._again.pop(0)
            if 0 <= size < len(piece):
                piece, rest = piece[:size], piece[size:]
                self._again.insert(0, rest)
        else:
            piece = self._body.read(size)
        self._size += len(piece)
        if self._size <= KEPT:
            self._pieces.append(piece)
        return piece

    @property
    def done(self) -> bool:
        """Whether its end is known to have come, as the body says."""
        return not self._again and bool(getattr(self._body, "done", False))

    def rewind(self) -> bool:
        """Begin anew; whether that is possible."""
        if self._size > KEPT:
            return False
        self._again = [piece for piece in (*self._pieces, *self._again) if piece]
        self._pieces, self._size = [], 0
        return True
