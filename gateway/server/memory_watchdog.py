"""A worker that is too large, or has served enough, makes way for another: the worker's part (docs/operations.md)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from gateway.state import SharedMemory, WorkerState

log = logging.getLogger("gateway")

#: looks in a row that must agree; there is one a second
LOOKS: Final = 3
LOOK_EVERY: Final = 1.0
#: nobody else makes way until so long after one has, so that what leaks fast is no storm of starts
EVERY: Final = 10.0
#: how long a worker waits for the one in its place; then it goes all the same, and the master starts one after it
PATIENCE: Final = 20.0
#: a worker that begins with more than this part of the limit has no room to grow: replacing it would never end
FULL: Final = 0.8


class MemoryWatchdog:
    """Of one worker; `limit` is bytes of its own memory, 0 = none. It may change.

    One word of the page says who makes way, and is that worker's until `EVERY` seconds after its end: no two of a host
    go at the same time. gateway/server/memory_master.py starts another worker while it holds.
    """

    def __init__(self, page: SharedMemory, pid: int, limit: int) -> None:
        self.limit = limit
        self._page = page
        self._pid = pid
        self._least: int | None = None  # what it had when it began
        self._refused = 0  # the limit of which it was said that it is too small
        self._over = 0
        self._looked = float("-inf")
        self._asked_at: float | None = None
        self._gives_way = self._is_worn = False

    def wear(self, now: float, served: int) -> None:
        """It has served as many requests as it should (gunicorn's max_requests): it makes way when it is its turn."""
        if self._asked_at is not None or self._page.leader(self._page.replacing, now) or self._lets_go_before(now):
            return
        if self._page.try_lead(self._page.replacing, self._pid, now, EVERY):
            self._is_worn = True
            self._ask(now)
            log.info("worker %d served %d requests and is replaced", self._pid, served)

    def _lets_go_before(self, now: float) -> bool:
        """Whether another waits for its turn for longer; else a new worker could be worn and go before it, forever.

        One that does not tell that it lives, stopped perhaps, takes no turn.
        """
        waiting = {worker.pid: worker.worn for worker in self._page.workers() if now - worker.heartbeat < EVERY}
        own = waiting.pop(self._pid, 0.0)
        return any(0.0 < since < own for since in waiting.values())

    def must_go(self, now: float, own: Callable[[], int]) -> bool:
        """Whether to drain now; asked in the main loop. `own` tells the bytes of the last look, `now` is monotonic."""
        if self._asked_at is not None:
            self.hold(now)
            return self._has_successor(now)
        if now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        size = own()
        if self._least is None:
            self._least = size
        self._over = self._over + 1 if 0 < self.limit < size and self._has_room(size) else 0
        if self._over >= LOOKS and self._page.try_lead(self._page.replacing, self._pid, now, EVERY):
            self._ask(now)
            words = "worker %d takes %d MB of its own, more than %d: another one begins in its place"
            log.warning(words, self._pid, size >> 20, self.limit >> 20)
        return False

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._known = {worker.pid for worker in self._page.workers()}

    def hold(self, now: float) -> None:
        """Keep the word while there is something to answer still."""
        if self._asked_at is not None and now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._page.try_lead(self._page.replacing, self._pid, now, EVERY)

    def _has_successor(self, now: float) -> bool:
        """Whether a worker serves that was not there before, or none will come."""
        assert self._asked_at is not None
        if self._gives_way:
            return True
        serving = (worker.pid for worker in self._page.workers() if worker.state == WorkerState.SERVING)
        has_come = any(pid not in self._known for pid in serving)
        if not has_come and now - self._asked_at < PATIENCE:
            return False
        self._gives_way = True
        if not self._is_worn:
            self._page.replaced.add(1)
        log.info("worker %d makes way%s", self._pid, "" if has_come else ", though nobody has come in its place")
        return True

    def _has_room(self, size: int) -> bool:
        """Whether the limit is one that a new worker would stay under for a while; else that is said once."""
        assert self._least is not None
        if self._least <= self.limit * FULL:
            return True
        if self._refused != self.limit:
            self._refused = self.limit
            words = "server.worker_memory is %d MB, but a worker begins with %d MB: nobody is replaced"
            log.warning(words, self.limit >> 20, self._least >> 20)
        return False
