"""Vitals of the workers: the region "vitals" of the page, one record for each slot.

Each worker writes its own record from its main loop, and anybody may read them: every fact is one atomic word. A record
is opened anew by each owner of a slot, so its counters begin at 0 with the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway._fast.atomics import Cell, Memory
from gateway.state.shared_memory import SharedMemory

REGION: Final = "vitals"
#: upper edges of the histogram of the event loop's lag, seconds; one more bucket is for all above
LAGS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
GENERATIONS: Final = 3
_CELLS: Final = (
    "opened",  # pid of the owner
    "lag_max",  # microseconds, the worst of a second
    "lag_sum",  # microseconds
    "gc_us",  # paused for the collector, microseconds
    "gc_max",  # its longest pause, microseconds
    "descriptors",
    "descriptors_limit",
    "memory",  # resident, bytes
    "cpu_us",
    *(f"gc_{generation}" for generation in range(GENERATIONS)),
    *(f"lag_{number}" for number in range(len(LAGS) + 1)),
    "private",  # resident, and neither of files nor shared memory, bytes
    "census",  # the last wish of the page's cell that was served; what it counted:
    "objects",
    "greenlets",
    "blocks",
)
_RECORD: Final = 256  # bytes, whole cache lines


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """One reading of a worker's record; times are seconds.

    lag_max  the worst lag of the event loop in the last second that was measured
    lags     how often the lag was within each of LAGS (not cumulative), and above them all
    gc       collections of each generation
    private  the part of `memory` that is neither of files nor shared
    census   number of the last one; objects that the collector knows, greenlets, and blocks of memory, at that time
    """

    pid: int
    lag_max: float
    lag_sum: float
    lags: tuple[int, ...]
    gc: tuple[int, ...]
    gc_seconds: float
    gc_max: float
    descriptors: int
    descriptors_limit: int
    memory: int
    cpu: float
    private: int = 0
    census: int = 0
    objects: int = 0
    greenlets: int = 0
    blocks: int = 0


class Record:
    """The words of one slot."""

    __slots__ = ("_cells", "gc", "lags")

    def __init__(self, memory: Memory, slot: int) -> None:
        start = slot * _RECORD
        self._cells = {name: Cell(memory, start + 8 * number) for number, name in enumerate(_CELLS)}
        self.gc = tuple(self._cells[f"gc_{generation}"] for generation in range(GENERATIONS))
        self.lags = tuple(self._cells[f"lag_{number}"] for number in range(len(LAGS) + 1))

    def __getitem__(self, name: str) -> Cell:
        """A word by its name."""
        return self._cells[name]

    def open(self, pid: int) -> None:
        """Begin at 0 for a new owner; until the last word nobody believes the rest."""
        for cell in self._cells.values():
            cell.store(0)
        self._cells["opened"].store(pid)

    def read(self) -> WorkerStats:
        """What it says now."""
        word = {name: cell.load() for name, cell in self._cells.items()}
        return WorkerStats(
            pid=word["opened"],
            lag_max=word["lag_max"] / 1e6,
            lag_sum=word["lag_sum"] / 1e6,
            lags=tuple(word[f"lag_{number}"] for number in range(len(LAGS) + 1)),
            gc=tuple(word[f"gc_{generation}"] for generation in range(GENERATIONS)),
            gc_seconds=word["gc_us"] / 1e6,
            gc_max=word["gc_max"] / 1e6,
            descriptors=word["descriptors"],
            descriptors_limit=word["descriptors_limit"],
            memory=word["memory"],
            cpu=word["cpu_us"] / 1e6,
            private=word["private"],
            census=word["census"],
            objects=word["objects"],
            greenlets=word["greenlets"],
            blocks=word["blocks"],
        )


class VitalsRegion:
    """The region, as one process sees it."""

    __slots__ = ("_memory", "_slots")

    def __init__(self, buffer: memoryview) -> None:
        self._memory = Memory(buffer)
        self._slots = len(buffer) // _RECORD

    @classmethod
    def of(cls, page: SharedMemory) -> VitalsRegion:
        """That of a page. Raises PageError where it has none."""
        return cls(page.region(REGION))

    @staticmethod
    def size(workers: int = 256) -> int:
        """Bytes of the region; memory is used only for slots that were taken."""
        return workers * _RECORD

    def record(self, slot: int) -> Record:
        """The record of a slot."""
        return Record(self._memory, slot)

    def read(self, slots: dict[int, int]) -> dict[int, WorkerStats]:
        """slot -> what its worker says, of `slots` (slot -> pid of the living owner) that have begun to write."""
        found = {slot: self.record(slot).read() for slot in slots if slot < self._slots}
        return {slot: vitals for slot, vitals in found.items() if vitals.pid == slots[slot]}
