"""The audit log of one process: what is to be told waits in a short queue, and is written in batches.

Nothing of it waits, but for `close` and `say_now`: the lock is tried, and tried again a moment later.  What finds the
queue full is dropped and counted, and as soon as there is room a line says how many that were.
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

from gateway.observability.audit.chain import entry
from gateway.observability.audit.counters import AuditCounts
from gateway.observability.audit.options import Audit as Spec
from gateway.observability.audit.writer import HEAD, STDOUT, AuditWriter, open_book

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

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time, counts: AuditCounts | None = None) -> None:
        """`folder` is the runtime directory; `counts` are those of all processes of the gateway."""
        self._folder = folder
        self._clock = clock
        self._counts = counts or AuditCounts.private()
        self._spec: Spec | None = None
        self._book: AuditWriter | None = None
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
            self.drain(PATIENCE)  # to the last line, which a fork would inherit

    def flush(self) -> None:
        """Write what the destination takes now; the rest goes a moment later."""
        try:
            self._write()
            self._is_failing = False
        except OSError as error:
            self._counts.add("failures", 1)
            if not self._is_failing:
                self._is_failing = True
                log.error("the audit log waits until %s takes it: %s", self._spec and self._spec.to, error.strerror)
        if self._waiting:
            self._start_timer(FAILED if self._is_failing else AGAIN)

    def drain(self, patience: float) -> None:
        """Write all that waits, for at most `patience` seconds; what is left then is lost."""
        until = time.monotonic() + patience
        while self._waiting:
            try:
                self._write()
            except OSError as error:
                self._counts.add("failures", 1)
                self._give_up("destination", error.strerror or "it cannot be written")
                return
            if self._waiting and time.monotonic() > until:
                self._give_up("busy", "another process holds it, or its reader takes no more")
                return
            if self._waiting:
                time.sleep(AGAIN)

    def close(self) -> None:
        """Write what waits and let go. Safe to call twice; what comes later opens it again."""
        if self._spec is not None:
            self.drain(PATIENCE)
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
            self._counts.add("full", 1)
            return False
        self._tell_dropped()
        self._waiting.append(self._entry(event, outcome, members))
        return True

    def _tell_dropped(self) -> None:
        """There is room again: the next line says how many found none."""
        if self._dropped:
            count, self._dropped = self._dropped, 0
            log.error("%d lines of the audit log were dropped", count)
            self._waiting.append(self._entry("audit.dropped", "failed", {"count": count}))

    def _give_up(self, reason: str, words: str) -> None:
        log.error("%d lines of the audit log are lost: %s", len(self._waiting), words)
        self._counts.add(reason, len(self._waiting))
        self._waiting.clear()

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
            self._counts.add("written", taken)
            for _ in range(taken):
                self._waiting.popleft()
            if taken < len(batch):
                return
            self._tell_dropped()

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
