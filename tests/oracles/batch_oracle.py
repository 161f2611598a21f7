"""A batch of lines as a list."""


class Batch:
    """Whole lines up to `limit` bytes; once full, none gets in before half of them are gone."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.waiting = b""
        self.is_choked = False
        self.dropped = 0
        self.noted = 0

    def takes(self) -> bool:
        if self.is_choked:
            self.is_choked = len(self.waiting) > self.limit / 2
        else:
            self.is_choked = len(self.waiting) >= self.limit
        self.dropped += self.is_choked
        return not self.is_choked

    def chunk(self, size: int) -> bytes:
        if len(self.waiting) <= size:
            return self.waiting
        end = self.waiting.rfind(b"\n", 0, size) + 1
        return self.waiting[: end or self.waiting.index(b"\n") + 1]

    def note(self) -> None:
        """A note about the missing lines was put in: one line more that stands for `dropped` of them."""
        if self.dropped:
            self.noted += self.dropped - 1
            self.dropped = 0

    def consume(self, size: int) -> None:
        self.waiting = self.waiting[size:]
        if not self.waiting:
            self.noted = 0

    def discard(self) -> None:
        self.dropped += self.waiting.count(b"\n") + self.noted
        self.consume(len(self.waiting))
