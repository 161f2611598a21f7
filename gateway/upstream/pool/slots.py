"""The queue of a connection pool: idle connections, last used first, and the right to open more of them.

It has the few methods that urllib3's `ConnectionPool.QueueCls` asks for.  Whoever finds neither waits in line; what
comes back goes straight to the first in line, so nobody overtakes and no wake-up is lost.
"""

from __future__ import annotations

import queue
from collections import deque
from typing import TYPE_CHECKING

import gevent
from gevent.event import AsyncResult

if TYPE_CHECKING:
    from gateway.upstream.pool.connection import Connection


class Slots:
    """At most `maxsize` connections: `idle` ones, `free` that were not opened, and those that are out."""

    __slots__ = ("free", "idle", "maxsize", "waiting")

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.free = 0
        self.idle: list[Connection] = []
        self.waiting: deque[AsyncResult[Connection | None]] = deque()

    def get(self, block: bool = True, timeout: float | None = None) -> Connection | None:
        """An idle connection, or None: the right to open one. Raises queue.Empty when there is none in time."""
        if self.idle:
            return self.idle.pop()
        if self.free:
            self.free -= 1
            return None
        if not block or (timeout is not None and timeout <= 0.0):
            raise queue.Empty
        return self._wait(timeout)

    def _wait(self, timeout: float | None) -> Connection | None:
        turn: AsyncResult[Connection | None] = AsyncResult()
        self.waiting.append(turn)
        try:
            return turn.get(timeout=timeout)
        except BaseException as error:
            if turn.ready():
                # It was handed over in the same moment: the next in line gets it.
                self.put(turn.get_nowait())
            else:
                self.waiting.remove(turn)
            if isinstance(error, gevent.Timeout):
                raise queue.Empty from None
            raise

    def put(self, item: Connection | None, block: bool = True, timeout: float | None = None) -> None:
        """Take back an idle connection, or with None the right to open one. Never waits."""
        if self.waiting:
            self.waiting.popleft().set(item)
        elif item is None:
            self.free += 1
        else:
            self.idle.append(item)

    def take_older(self, than: float) -> list[Connection]:
        """Take out the connections that are idle since before `than` (monotonic); their slots become free."""
        count = 0
        while count < len(self.idle) and self.idle[count].idle_since < than:
            count += 1
        old, self.idle[:count] = self.idle[:count], []
        self.free += count
        return old

    def qsize(self) -> int:
        """Idle connections and free slots."""
        return len(self.idle) + self.free

    @property
    def out(self) -> int:
        """Connections in use."""
        return self.maxsize - self.qsize()
