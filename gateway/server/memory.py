"""Memory of the machine, and its default shares where the configuration says nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.cache.runtime import MEMORY as CACHE_MOST
from gateway.server.machine import groups, usable_cores
from gateway.server.options import Server
from gateway.state.memory_store import CAPACITY as STORE_MOST
from gateway.state.memory_store import CAPACITY_MIN as STORE_LEAST

#: of all memory, what workers may take together; the rest is the master's, the observer's, the store's and the kernel's
WORKERS: Final = 0.8
#: below so much nobody is replaced without being told so: a worker with a plan of some size begins with half of it
WORKER_LEAST: Final = 96 << 20
CACHE_LEAST: Final = 4 << 20
#: the cache's part of a worker's, and a store's part of all
CACHE_PART: Final = 4
STORE_PART: Final = 16
#: what holds the limit of a control group, in version 2 and in version 1
_FILES: Final = ("memory.max", "memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """Bytes.

    limit   what the machine has, or a control group allows
    worker  own memory over which a worker is replaced; 0 = never
    cache   kept answers, of each worker
    store   each store of the host that lies in memory
    room    what a new store would get
    """

    limit: int
    is_of_group: bool
    worker: int
    cache: int
    store: int
    room: int

    def words(self, workers: int) -> str:
        """For the log."""
        end = f"over {_mb(self.worker)} of its own a worker is replaced" if self.worker else "no worker is replaced"
        whose = "its control group" if self.is_of_group else "the machine"
        each = f"each of {workers} workers" if workers > 1 else "the worker"
        sizes = f"the cache of {each} {_mb(self.cache)}, a store {_mb(self.store)}"
        if self.store != self.room:
            sizes += f" as before the upgrade (after a restart {_mb(self.room)})"
        return f"memory: {_mb(self.limit)} by {whose}; {sizes}; {end}"


def shares(server: Server, found: tuple[int, bool], workers: int = 0, store: int = 0) -> MemoryBudget:
    """What is written, else parts of what there is: `found` is that of `usable_memory`, 0 workers those of `server`.

    `store` is what a store has got already, 0 = nothing yet.
    """
    limit, is_of_group = found
    several = (workers or server.workers or usable_cores()) + 1  # while one is replaced there is one more
    each = int(limit * WORKERS / several)
    auto = each if each >= WORKER_LEAST else 0
    cache = min(CACHE_MOST, max(CACHE_LEAST, each // CACHE_PART))
    room = min(STORE_MOST, max(STORE_LEAST, limit // STORE_PART))
    return MemoryBudget(
        limit,
        is_of_group,
        auto if server.worker_memory is None else server.worker_memory,
        cache if server.cache_memory is None else server.cache_memory,
        store or room,
        room,
    )


def usable_memory(root: Path = Path("/")) -> tuple[int, bool]:
    """(bytes, whether a control group says so): the least of the machine's memory and of all groups above us."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [limit for folder, is_old in groups("memory", root) if (limit := _limit(folder / _FILES[is_old]))]
    least = min(limits, default=machine)
    return (least, True) if least < machine else (machine, False)


def _limit(file: Path) -> int:
    """The bytes in the file of a group; 0 for none, or for a word."""
    try:
        text = file.read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.0f} MB"
