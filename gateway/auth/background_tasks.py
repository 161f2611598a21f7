"""Background tasks of a worker: published keys and revocations kept fresh."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import gevent

log = logging.getLogger("gateway")

EVERY: Final = 0.25  # seconds


class BackgroundTask(Protocol):
    """Something that is kept fresh."""

    def tick(self) -> None:
        """Do what is due; called about four times a second in every worker, never twice at once. May do I/O."""
        ...


class BackgroundTasks:
    """Ticks what `kept` gives, each in a greenlet of its own: one that waits for an issuer holds up no other."""

    def __init__(self, kept: Callable[[], Iterable[BackgroundTask]]) -> None:
        """`kept` gives what the current plan has."""
        self._kept = kept
        self._running: dict[int, BackgroundTask] = {}

    def run_forever(self) -> None:
        """Tick until killed."""
        while True:
            try:
                self.tick()
            except Exception:
                log.exception("keeping keys and revocations fresh failed")
            gevent.sleep(EVERY)

    def tick(self) -> None:
        """One round, which waits for nobody."""
        for each in self._kept():
            if id(each) not in self._running:
                self._running[id(each)] = each  # NOTE: held, so that no other object gets its id
                gevent.spawn(self._tick, each)

    def _tick(self, each: BackgroundTask) -> None:
        try:
            each.tick()
        except Exception:
            log.exception("keeping %s fresh failed", type(each).__name__)
        finally:
            del self._running[id(each)]
