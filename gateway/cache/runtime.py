"""Runtime state of the caches of all routes of a worker; it outlives plans."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import time
from typing import Final

from gateway.cache.entry import Kept
from gateway.cache.flights import Flights
from gateway.cache.memory_tier import MemoryTier
from gateway.cache.purge import PurgeLog
from gateway.cache.shared_tier import SharedTier
from gateway.cache.stats import CacheStats
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

#: bytes of memory for each worker where the configuration does not say
MEMORY: Final = 64 << 20


class CacheRuntime:
    """Both levels, what is on its way, and what was purged. `clock` is Unix time."""

    def __init__(self, store: Store | None, capacity: int = MEMORY, clock: Callable[[], float] = time) -> None:
        self.memory: MemoryTier[Kept] = MemoryTier(capacity)
        self.shared = SharedTier(store)
        self.flights = Flights()
        self.purges = PurgeLog(store)
        self.counts = CacheStats(store)
        self.clock = clock
        self._is_down = False

    @classmethod
    def private(cls) -> CacheRuntime:
        """One that serves nobody, or nobody but this process."""
        return cls(None)

    def tick(self) -> None:
        """Tell others what was purged here, and hear what was purged there. Does not raise."""
        try:
            self.purges.tick()
            self.counts.tick()
            self._is_down = False
        except StoreError as error:
            if not self._is_down:
                log.warning("what is purged elsewhere cannot be known: %s", error)
            self._is_down = True
