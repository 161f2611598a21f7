"""What the meter, its histograms, its names and what it saw lately should be: lists, dicts and exact arithmetic."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

UNIT = Fraction(1, 4_000_000)  # seconds
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def edges() -> list[Fraction]:
    """Where the buckets begin, and where the last one ends."""
    doubling = [UNIT * (32 + part) * 2**octave for octave in range(31) for part in range(32)]
    return [*(UNIT * number for number in range(32)), *doubling, UNIT * 2**36]


class Histogram:
    """All durations, sorted."""

    def __init__(self, durations: list[float]) -> None:
        self.durations = sorted(0.0 if not each > 0 else each for each in durations)

    def quantile(self, share: float) -> float:
        """The smallest duration that so many do not exceed."""
        if not self.durations:
            return math.nan
        return self.durations[max(0, math.ceil(Fraction(share) * len(self.durations)) - 1)]

    def buckets(self, bounds: list[Fraction]) -> list[tuple[float, int]]:
        """Counted one by one."""
        counts: Counter[int] = Counter()
        for duration in self.durations:
            # the scaling is a double's, so the bucket of a value on an edge is too
            scaled = Fraction(math.floor(duration * 4e6)) * UNIT
            counts[max(0, min(1023, sum(1 for edge in bounds[:1024] if edge <= scaled) - 1))] += 1
        return [(float(bounds[number + 1]), counts[number]) for number in sorted(counts)]


class Names:
    """Names in the order in which they came."""

    def __init__(self, capacity: int) -> None:
        self.numbers: dict[tuple[int, bytes], int] = {}
        self._capacity = capacity

    def index(self, kind: int, text: bytes) -> int:
        """The number of a name."""
        if (kind, text) not in self.numbers and (len(self.numbers) == self._capacity or len(text) > 248):
            return -1
        return self.numbers.setdefault((kind, text), len(self.numbers))


class Route:
    """What one route counts."""

    def __init__(self) -> None:
        self.words: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.times: tuple[list[float], list[float], list[float]] = ([], [], [])

    def end(
        self, method: str, status: int | None, error: str | None, marks: int, sent: int, whole: float, waited: float
    ) -> None:
        """A request that took `whole` seconds, of which it `waited`."""
        code = 499 if status is None else status
        row = METHODS.index(method) if method in METHODS else 7
        self.words[row * 5 + min(max(code // 100, 1), 5) - 1] += 1
        for bit in (*range(8), 9):
            self.words[40 + bit] += marks >> bit & 1
        self.words[48] += sent
        if error or status is None:
            self.errors[error or "client-closed"] += 1
        whole = max(0.0, whole)
        self.times[0].append(whole)
        if waited > 0:
            self.times[1].append(min(waited, whole))
        if code != 101:
            self.times[2].append(max(whole - waited, 0.0))


class Clients:
    """Space saving: the first of those seen least makes room."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, int]] = []
        self.samples = 0

    def see(self, address: str) -> None:
        """Count one."""
        if not 0 < len(address.encode()) < 48:
            return
        found = [at for at, (name, count) in enumerate(self.counts) if name == address and count]
        if found:
            self.counts[found[0]] = (address, self.counts[found[0]][1] + 1)
        elif len(self.counts) < 64:
            self.counts.append((address, 1))
        else:
            least = min(range(64), key=lambda at: self.counts[at][1])
            self.counts[least] = (address, self.counts[least][1] + 1)
        self.samples += 1
        if self.samples == 4096:
            self.samples = 0
            self.counts = [(name, count // 2) for name, count in self.counts]

    def shown(self) -> dict[str, int]:
        """Address -> about how many requests."""
        return {name: 16 * count for name, count in self.counts if count}
