"""Graceful shutdown of a worker: it says so, serves on for a while, answers what was begun, and closes what is idle."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from time import monotonic
from typing import Final

import gevent

from gateway.server.context import ServerContext
from gateway.server.listener import Listener
from gateway.state import WorkerSlot, WorkerState

log = logging.getLogger("gateway")

TICK: Final = 0.05
#: what is left of graceful_timeout to end in order, before the master's SIGKILL
MARGIN: Final = 1.0
#: how long a draining worker waits for the next request of an idle connection: it may be on its way, and it is answered
IDLE_PATIENCE: Final = 0.5
#: how long a worker that ends answers on the admin listener, where anybody asks
ADMIN_PATIENCE: Final = 0.2
#: how long a worker that ends gives its fellows to see that they end too
AGREED: Final = 5 * TICK


class GracefulShutdown:
    """Of the worker of the master `ppid`; `graceful` is gunicorn's graceful_timeout, in seconds."""

    def __init__(
        self, site: ServerContext, slot: WorkerSlot, ppid: int, graceful: float, proxies: list[Listener]
    ) -> None:
        self._site = site
        self._slot = slot
        self._ppid = ppid
        self._delay = site.store.document.server.drain_delay
        self._graceful = max(MARGIN, graceful - self._delay)
        self._proxies = proxies

    def say_goodbye(self, live: Callable[[float], None]) -> None:
        """When the gateway ends, serve on for `drain_delay`, while /readyz says that it does; `live` is called often.

        Balancers then send nobody to a socket that is closed.  Where another master serves on there is nothing to say.
        """
        self._site.draining = True
        self._slot.state.store(WorkerState.DRAINING)
        began = now = monotonic()
        while now < began + self._delay and self.has_ending_master and not self.is_orphan:
            if now > began + AGREED and self._site.page.is_served():
                return
            live(now)
            gevent.sleep(TICK)
            now = monotonic()

    def drain(self, tell: Callable[[float], None]) -> None:
        """Answer what was begun or waits in the backlog, and end before the master's deadline; `tell` is called too."""
        now = monotonic()
        until = now + max(self._graceful - MARGIN, self._graceful / 2)
        patient_until = now + min(IDLE_PATIENCE, self._graceful / 4)
        for listener in self._proxies:
            listener.drain(self.is_last)
        while any(listener.open for listener in self._proxies) and now < until:
            if now >= patient_until:
                for listener in self._proxies:
                    listener.close_idle()
            gevent.sleep(0.02)
            now = monotonic()
            tell(now)
        tell(now)
        cut = sum(listener.open for listener in self._proxies)
        if cut:
            log.warning("worker %s cuts %d connections off at its graceful_timeout", os.getpid(), cut)
        for listener in self._proxies:
            listener.stop()
        until = monotonic() + min(MARGIN, self._graceful) / 4  # what was cut is in the log too
        while any(listener.open for listener in self._proxies) and monotonic() < until:
            gevent.sleep(0.01)

    def keep(self, admins: list[Listener]) -> list[Listener]:
        """The admin listeners that stay: none without a master, whose successor needs the address."""
        if not self.is_orphan:
            return admins
        for listener in admins:
            listener.stop()
        return []

    def let_go(self, admins: list[Listener]) -> None:
        """Answer who is asking the admin listener just now, for a moment: what streams ends with the worker."""
        for listener in admins:
            listener.drain(lambda: False)  # others may have requests to end, and are asked meanwhile
        until = monotonic() + ADMIN_PATIENCE
        while any(listener.open for listener in admins) and monotonic() < until:
            gevent.sleep(0.01)

    @property
    def is_orphan(self) -> bool:
        """Whether the master is gone."""
        return os.getppid() != self._ppid

    @property
    def has_ending_master(self) -> bool:
        """Whether the master was told to end."""
        return bool(self._site.page.draining.load() == self._ppid)

    def is_last(self) -> bool:
        """Whether nobody accepts from the listening sockets any more: the master is ending and no worker serves."""
        if self._site.has_borrowed_sockets or not (self.has_ending_master or self.is_orphan):
            return False
        return all(worker.state == WorkerState.DRAINING for worker in self._site.page.workers())
