"""The observer's life: once a second it reads what was counted, and its parts do what they do with it."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import gevent
from gevent.event import Event

from gateway.observability.collector.component import CollectorContext, Component
from gateway.observability.collector.components import make
from gateway.observability.collector.config_watcher import ConfigWatcher
from gateway.observability.collector.history import History
from gateway.observability.collector.http import PeerCheck, make_app
from gateway.observability.metrics.reading import Reader
from gateway.observability.metrics.self_metrics import SelfMetrics
from gateway.observability.metrics.snapshot import Snapshot
from gateway.upstream.status import UpstreamStatus

if TYPE_CHECKING:
    from gateway.server.context import ServerContext

log = logging.getLogger("gateway")

EVERY: Final = 1.0  # seconds
#: a part that fails again and again is told of so often, seconds
TELL_EVERY: Final = 60.0


def run(site: ServerContext, master: int, reopen: Callable[[], None]) -> None:
    """Observe until told to end, or until the master is gone."""
    folder = site.runtime.path
    own = SelfMetrics(site.page, folder)
    world = CollectorContext(site.page, folder, UpstreamStatus(site.traffic), History(), own, site.room)
    parts = make(world)
    following = ConfigWatcher(site.page, folder, site.store.document, site.store.generation)
    loop = Loop(world, parts, following, Reader(site.meter).read, PeerCheck(folder, make_app(parts)))
    gevent.signal_handler(signal.SIGTERM, loop.end)
    gevent.signal_handler(signal.SIGUSR1, reopen)
    loop.run(lambda: os.getppid() == master)


class Loop:
    """One turn a second. What takes too long makes turns fewer, never late ones more."""

    def __init__(
        self,
        world: CollectorContext,
        parts: list[Component],
        following: ConfigWatcher,
        read: Callable[[], Snapshot],
        door: PeerCheck,
    ) -> None:
        self._world, self._parts, self._following, self._read, self._door = world, parts, following, read, door
        self._is_over = Event()
        self._told: dict[str, float] = {}

    def end(self) -> None:
        """After this turn."""
        self._is_over.set()

    def run(self, has_master: Callable[[], bool]) -> None:
        """Until `end` is called or there is no master."""
        self._door.take()  # the newest master's
        self._configure()
        due = time.monotonic()
        while not self._is_over.is_set() and has_master():
            self.turn(time.time())
            now = time.monotonic()
            due = max(due + EVERY, now + 0.05)  # what is late is left out
            self._is_over.wait(due - now)
        self._door.close()
        for part in self._parts:
            self._guarded(part, part.close)

    def turn(self, now: float) -> None:
        """One second's work, at `now` of the wall clock."""
        if not self._door.is_mine():
            return
        if self._following.has_changed():
            self._configure()
        figures = self._read()
        self._world.own.tick(now)
        self._world.history.add(now, figures)
        for part in self._parts:
            self._guarded(part, partial(part.tick, now, figures))

    def _configure(self) -> None:
        document = self._following.document
        self._world.own.configure(document, self._following.generation)
        self._world.looks.configure(document)
        for part in self._parts:
            self._guarded(part, partial(part.configure, document))

    def _guarded(self, part: Component, work: Callable[[], None]) -> None:
        """A part that fails does not keep the others from their work."""
        try:
            work()
        except Exception:
            name, now = type(part).__name__, time.monotonic()
            if now - self._told.get(name, float("-inf")) >= TELL_EVERY:
                self._told[name] = now
                log.exception("a part of the observer failed: %s", name)
