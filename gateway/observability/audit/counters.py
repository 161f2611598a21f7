"""Counts of lines of the audit log, written and lost, by all processes: the region "audit" of the page."""

from __future__ import annotations

from typing import Final

from gateway._fast.atomics import Cell, Memory
from gateway.state.shared_memory import SharedMemory, SharedMemoryError

REGION: Final = "audit"
#: why a line was lost: it found no room; until the end the destination failed, or was held by another process or full
LOST: Final = ("full", "destination", "busy")
_CELLS: Final = ("written", "failures", *LOST)
_CELL: Final = 8  # bytes


def region_size() -> int:
    """Bytes of the region."""
    return len(_CELLS) * _CELL


class AuditCounts:
    """The counts, which never fall: lines that were written and lost, and times that the destination took none."""

    __slots__ = ("_cells",)

    def __init__(self, region: memoryview) -> None:
        memory = Memory(region)
        self._cells = {name: Cell(memory, _CELL * at) for at, name in enumerate(_CELLS)}

    @classmethod
    def of(cls, page: SharedMemory) -> AuditCounts:
        """Those of a page; counts that no other process sees where its master made it without room for them (USR2)."""
        try:
            return cls(page.region(REGION))
        except SharedMemoryError:
            return cls.private()

    @classmethod
    def private(cls) -> AuditCounts:
        """Counts that no other process sees."""
        return cls(memoryview(bytearray(region_size())))

    def add(self, name: str, count: int) -> None:
        """`name` is "written", "failures" or one of LOST."""
        self._cells[name].add(count)

    def totals(self) -> dict[str, int]:
        """All counts by their names."""
        return {name: cell.load() for name, cell in self._cells.items()}
