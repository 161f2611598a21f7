"""The audit log of one process: what is to be told waits in a short queue, and is written in batches.

Nothing of it waits, but for `close` and `say_now`: the lock is tried, and tried again a moment later.  What finds the
queue full is dropped and counted, and the next line that gets in is behind one that says how many.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import gevent

from gateway.audit.book import HEAD, STDOUT, Book, open_book
from gateway.audit.chain import entry
from gateway.config.model_audit import Audit as Spec

log = logging.getLogger("gateway")

PERIOD: Final = 0.05  # seconds that lines wait for others
AGAIN: Final = 0.01  # seconds until a lock that another process has is tried again
FAILED: Final = 1.0  # seconds until a destination that takes nothing is tried again
LIMIT: Final = 1000  # lines
BATCH: Final = 100  # lines
PATIENCE: Final = 1.0  # seconds
_WIDEST: Final = 256  # characters of a text that somebody else chose
_MOST: Final = 32  # members


class Audit:
    """Does nothing until it is configured. All methods are for the thread of the hub."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """`folder` is the runtime directory."""
        self._folder = folder
        self._clock = clock
        self._spec: Spec | None = None
        self._book: Book | None = None
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._host = socket.gethostname()
        self._timer: Any = None
        self._timer_of = 0
        self._is_failing = False

    @property
    def is_on(self) -> bool:
        """Whether anything is written."""
        return self._spec is not None

    def configure(self, spec: Spec | None) -> None:
        """Write to another destination from now on, or to none; what waits goes to the old one."""
        if spec == self._spec:
            return
        self.close()
        self._spec = spec

    def check(self, spec: Spec | None) -> None:
        """Raise OSError when a destination cannot be written."""
        if spec is not None and spec.to != STDOUT:
            open_book(spec.to, self._folder, spec.secret.encode()).close()

    def record(self, event: str, outcome: str, **members: Any) -> None:
        """Have a line written soon. `members` are of JSON, their texts from anybody."""
        if self._put(event, outcome, members):
            self._start_timer(PERIOD)

    def say_now(self, event: str, outcome: str, **members: Any) -> None:
        """The same for a process without a hub that runs: the line is written, or given up within PATIENCE."""
        if self._put(event, outcome, members):
            self.drain(PATIENCE)
            self._waiting.clear()  # else a fork would inherit it

    def flush(self) -> None:
        """Write what the destination takes now; the rest goes a moment later."""
        try:
            self._write()
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                self._is_failing = True
                log.error("the audit log waits until %s takes it: %s", self._spec and self._spec.to, error.strerror)
        if self._waiting:
            self._start_timer(FAILED if self._is_failing else AGAIN)

    def drain(self, patience: float) -> None:
        """Write all that waits, for at most `patience` seconds."""
        until = time.monotonic() + patience
        while self._waiting:
            try:
                self._write()
            except OSError as error:
                log.error("the audit log is lost: %s", error.strerror)
                return
            if self._waiting and time.monotonic() > until:
                log.error("%d lines of the audit log are lost: it is held by another process", len(self._waiting))
                return
            if self._waiting:
                time.sleep(AGAIN)

    def close(self) -> None:
        """Write what waits and let go. Safe to call twice; what comes later opens it again."""
        if self._spec is not None:
            self.drain(PATIENCE)
        self._waiting.clear()
        self._stop_timer()
        if self._book is not None:
            self._book.close()
            self._book = None

    def begin(self, **what: Any) -> None:
        """For a master: tell that it starts, and in its own log where the chain ends, for whoever compares later."""
        self.say_now("gateway.start", "done", what=what)
        if self._spec is not None and self._book is not None:
            head = self._book.head()
            log.info("audit log to %s: seq %d, head %s", self._spec.to, head.seq, head.hash)

    def give_to(self, uid: int, gid: int) -> None:
        """Workers run as this user."""
        if self._spec is not None and self._spec.to != STDOUT:
            for name in (self._spec.to, self._spec.to + HEAD):
                os.chown(name, uid, gid)

    def _put(self, event: str, outcome: str, members: dict[str, Any]) -> bool:
        if self._spec is None:
            return False
        if len(self._waiting) >= LIMIT:
            self._dropped += 1
            return False
        if self._dropped:
            count, self._dropped = self._dropped, 0
            log.error("%d lines of the audit log were dropped", count)
            self._waiting.append(self._entry("audit.dropped", "failed", {"count": count}))
        self._waiting.append(self._entry(event, outcome, members))
        return True

    def _entry(self, event: str, outcome: str, members: dict[str, Any]) -> str:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        kept = {name: _short(value) for name, value in members.items() if value is not None}
        return entry({"at": at, "event": event, "outcome": outcome, **kept, "host": self._host, "pid": os.getpid()})

    def _write(self) -> None:
        if self._spec is None:
            return
        if self._book is None:
            self._book = open_book(self._spec.to, self._folder, self._spec.secret.encode())
        while self._waiting:
            batch = [self._waiting[number] for number in range(min(BATCH, len(self._waiting)))]
            taken = self._book.add(batch)
            for _ in range(taken):
                self._waiting.popleft()
            if taken < len(batch):
                return

    def _start_timer(self, seconds: float) -> None:
        """NOTE: a timer of the master's is none of a worker's."""
        if self._timer is not None and self._timer_of == os.getpid() and self._timer.active:
            return
        self._stop_timer()
        self._timer, self._timer_of = gevent.get_hub().loop.timer(seconds, ref=False), os.getpid()
        self._timer.start(self.flush)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer_of == os.getpid():
            self._timer.close()
        self._timer = None


def _short(value: Any) -> Any:
    """A value whose texts are short enough for a line."""
    if isinstance(value, str):
        return value if len(value) <= _WIDEST else f"{value[:_WIDEST]}..."
    if isinstance(value, dict):
        kept = list(value.items())[:_MOST]
        return {str(name)[:_WIDEST]: _short(member) for name, member in kept if member is not None}
    if isinstance(value, list | tuple):
        return [_short(member) for member in value[:_MOST]]
    return value
