"""Counts of traced requests in the page, kept and lost, a row for each worker slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway._fast.atomics import Cell, Memory

REGION: Final = "traces"
#: why a request was kept
KEPT: Final = ("sampled", "error", "slow")
#: why it was lost all the same: too many in this second, no room in the socket, nobody who reads it, too large
DROPPED: Final = ("rate", "full", "nobody", "large")
_COLUMNS: Final = (*KEPT, *DROPPED)
_ROW: Final = 64  # bytes: a cache line, so that no worker's counts share one with another's
_SLOTS: Final = 256


def region_size() -> int:
    """Bytes of the region."""
    return _SLOTS * _ROW


class Counts:
    """The counts of all workers; they go on over all owners of a slot, so no sum ever falls."""

    def __init__(self, region: memoryview) -> None:
        self._memory = Memory(region)
        self._words = region.cast("q")

    @classmethod
    def private(cls) -> Counts:
        """Counts that no other process sees."""
        return cls(memoryview(bytearray(region_size())))

    def row(self, slot: int) -> Mapping[str, Cell]:
        """The cells of one worker, by the reason."""
        return {name: Cell(self._memory, slot * _ROW + 8 * at) for at, name in enumerate(_COLUMNS)}

    def totals(self) -> dict[str, int]:
        """Requests since the page was made, by the reason for which they were kept or dropped."""
        return {name: sum(self._words[at :: _ROW // 8]) for at, name in enumerate(_COLUMNS)}
