"""Reload: one worker of a host reads the files, all of them follow the generation number.

    wish     SIGHUP, POST /api/reload or a changed file: page.reload_wanted goes up
    lead     the worker with the lease reads the files in a child process, checks and compiles them, publishes the
             document in the runtime directory and puts page.generation up; or says in an `Outcome` why not
    follow   every worker sees the number, compiles the published document beside its plan, and swaps

There are no locks.  Files that cannot be used change nothing: the last good plan serves on.
"""

from __future__ import annotations

import logging
import pickle
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.generation import GenerationWatcher
from gateway.config.leader import Leader, Parse
from gateway.config.model import Document
from gateway.config.publish import PlanDirectory, ReloadResult
from gateway.config.reader_process import parse_in_subprocess
from gateway.config.store import Pause, Store
from gateway.config.watch import changed_since, digest
from gateway.state import SharedMemory, WorkerSlot, WorkerState

if TYPE_CHECKING:
    from gateway.observability.audit.log import Audit

log = logging.getLogger("gateway")

FOLLOW_EVERY: Final = 0.05  # seconds
LEAD_EVERY: Final = 0.1  # seconds

_IMPORTED_NS: Final = time.time_ns()  # before this process read any configuration


def first_document(path: str) -> Document:
    """The configuration a master starts with.  Raises ConfigError, which is for the person at the terminal."""
    from gateway.config.document import load

    return load(path)


def publish_first(document: Document, page: SharedMemory, folder: Path, read_ns: int | None = None) -> int:
    """Make `document`, whose reading began at `read_ns` (wall clock), what all workers run; gives its generation.

    For a master, before its first worker.  After USR2 the workers of the master before it follow as well.
    """
    published = PlanDirectory(folder)
    pickled = pickle.dumps(document, protocol=5)
    before = published.outcome() if page.generation.load() else None  # what the master before it serves
    since = published.since(before.generation) if before and before.version == document.version else None
    generation = None
    while generation is None:
        generation = published.publish(page, pickled)
    if since is not None:
        published.date_back(generation, since)
    seen = digest(changed_since({}, read_ns or _IMPORTED_NS, document.files, document.patterns))
    served = page.reload_done.load()
    published.tell(ReloadResult(served, generation, document.version, (), document.files, document.patterns, seen))
    return generation


def request_reload(page: SharedMemory) -> int:
    """Have the files read; the number that page.reload_done reaches once they were."""
    return page.reload_wanted.add(1)


def wait_until_served(page: SharedMemory, number: int, timeout: float) -> bool:
    """Whether a wish was served before the time was up."""
    end = time.monotonic() + timeout
    while page.reload_done.load() < number:
        if time.monotonic() > end:
            return False
        time.sleep(FOLLOW_EVERY)
    return True


def workers_behind(page: SharedMemory, generation: int) -> list[int]:
    """The pids of workers that neither run `generation` or a later one nor are on their way out."""
    workers = page.workers()
    return [w.pid for w in workers if w.generation < generation and w.state != WorkerState.DRAINING]


def wait_until_converged(page: SharedMemory, generation: int, timeout: float) -> bool:
    """Whether no worker is behind `generation` before the time is up."""
    end = time.monotonic() + timeout
    while workers_behind(page, generation):
        if time.monotonic() > end:
            return False
        time.sleep(FOLLOW_EVERY)
    return True


class Reloader:
    """One worker's part in it, made after the fork: `boot`, then the two loops, each in a greenlet of its own."""

    def __init__(
        self,
        page: SharedMemory,
        slot: WorkerSlot,
        folder: Path,
        store: Store,
        pause: Pause | None = None,
        parse: Parse = parse_in_subprocess,
        audit: Audit | None = None,
    ) -> None:
        """`store` holds the plan that the master started with; `pause` lets the hub breathe during a compilation."""
        published = PlanDirectory(folder)
        self._follower = GenerationWatcher(page, slot, published, store, pause)
        self._leader = Leader(page, slot, published, store, pause, parse, audit)

    def boot(self) -> None:
        """Take the current plan, before the first request.  A plan that cannot be taken is logged."""
        self._follower.boot()

    def follow_forever(self) -> None:
        """Follow until killed."""
        while True:
            time.sleep(FOLLOW_EVERY)
            self._follower.follow()

    def lead_forever(self) -> None:
        """Lead when it is this worker's turn, until killed."""
        while True:
            time.sleep(LEAD_EVERY)
            try:
                self._leader.lead()
            except Exception:
                log.exception("leading a reload failed")

    def resign(self) -> None:
        """Let another worker lead at once; for a worker that ends."""
        self._leader.resign()
