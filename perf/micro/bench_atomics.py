"""The shared page: one cell read, written, added to and swapped."""

import mmap

from gateway._fast.atomics import Cell, Memory
from perf.micro.run import Bench


def benches() -> list[Bench]:
    """What is run; the page is an anonymous map, as cheap or dear as the real one."""
    cell = Cell(Memory(mmap.mmap(-1, 4096)), 64)
    return [
        ("load", cell.load, 200_000),
        ("store", lambda: cell.store(7), 200_000),
        ("add", lambda: cell.add(1), 200_000),
        ("compare and set", lambda: cell.compare_and_set(0, 0), 200_000),
    ]
