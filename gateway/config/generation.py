"""Each worker follows the number in the page: it takes the plan that was published under it."""

from __future__ import annotations

import logging
import os
import time
from typing import Final

from gateway.config.model import Document
from gateway.config.publish import PlanDirectory
from gateway.config.restart import needs_restart
from gateway.config.store import Pause, Store
from gateway.state import SharedMemory, WorkerSlot

log = logging.getLogger("gateway")

TRY_AGAIN: Final = 5.0  # seconds until a plan that could not be taken is tried again


class GenerationWatcher:
    """Keeps one worker's store at the current generation, and says in its slot which one it runs."""

    def __init__(
        self, page: SharedMemory, slot: WorkerSlot, published: PlanDirectory, store: Store, pause: Pause | None
    ) -> None:
        """`store` holds the plan that the master started with."""
        self._page, self._slot, self._published, self._store = page, slot, published, store
        self._pause = pause
        self._started_with = store.document
        self._failed, self._again_at = 0, 0.0

    def boot(self) -> None:
        """Take the current plan, or stay with the one that the master started with when it cannot be taken."""
        self.follow()
        self._slot.run_plan(self._store.generation, self._store.document.version)

    def follow(self) -> None:
        """Take the published plan if it is another than the one that serves; errors are logged and change nothing."""
        generation = self._page.generation.load()
        if generation == self._store.generation or self._store.is_changing:
            return
        if generation == self._failed and time.monotonic() < self._again_at:
            return
        try:
            self._store.adopt_from(lambda: self._read(generation), generation, self._pause)
            self._slot.run_plan(generation, self._store.document.version)
        except Exception as error:
            if isinstance(error, FileNotFoundError) and self._page.generation.load() != generation:
                return  # there is a newer one
            if generation != self._failed:
                log.error("worker %d serves on without taking plan %d: %s", os.getpid(), generation, error)
            self._failed, self._again_at = generation, time.monotonic() + TRY_AGAIN

    def _read(self, generation: int) -> Document:
        document = self._published.plan(generation, self._pause)
        if complaints := needs_restart(self._started_with, document):
            raise ValueError(f"it is of a master with other settings: {complaints[0]}")
        return document
