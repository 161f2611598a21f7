"""A clock that a test sets."""

START = 1_800_000_000.0


class Clock:
    """Unix seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def nanoseconds(self) -> int:
        """For a MemoryStore."""
        return int(self.now * 1e9)
