"""A slow, obvious stream for what `_fast.channel` promises of reading: bytes in order, given-back ones first."""

from __future__ import annotations


class Stream:
    """What one end of a connection has to give. `sent` and `end` tell what the other end did."""

    def __init__(self) -> None:
        self.waiting = b""
        self.ended = False

    def sent(self, data: bytes) -> None:
        self.waiting += data

    def end(self) -> None:
        self.ended = True

    def give_back(self, data: bytes) -> None:
        self.waiting = data + self.waiting

    def takes(self, got: bytes) -> bool:
        """Whether a read may give `got` now; it is taken off then."""
        if got:
            fits = self.waiting.startswith(got)
            self.waiting = self.waiting[len(got) :]
            return fits
        return self.ended and not self.waiting

    @property
    def has_input(self) -> bool:
        return bool(self.waiting) or self.ended
