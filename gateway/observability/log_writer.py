"""Destinations of log lines: one sink for each in a process, written in batches and never waited for.

A line is written within PERIOD seconds, or as soon as FULL bytes wait.  When the reader stalls, up to LIMIT bytes are
kept and what comes beyond is dropped and counted; the next line that gets in is preceded by one that says how many.
"""

from __future__ import annotations

import _socket
import atexit
import fcntl
import logging
import os
import select
import stat
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import gevent
from gevent.monkey import get_original

from gateway._fast.log_buffer import Batch

log = logging.getLogger("gateway")

PERIOD = 0.1
FULL = 32 * 1024
LIMIT = 8 * 1024 * 1024

#: bytes of one write: a pipe takes PIPE_BUF in one piece, whoever else writes to it (pipe(7)); a file any number
PIPE_CHUNK = select.PIPE_BUF
FILE_CHUNK = 256 * 1024

STREAMS = {"stdout": 1, "stderr": 2}
WRITABLE = 2


@dataclass(frozen=True, slots=True)
class LogFile:
    """An open destination; `write` gives the bytes it took and raises BlockingIOError when it takes none now."""

    fd: int
    write: Callable[[bytes], int]
    chunk: int
    close: Callable[[], None]


def _outlet(fd: int, chunk: int) -> LogFile:
    return LogFile(fd, lambda data: os.write(fd, data), chunk, lambda: os.close(fd))


def open_outlet(to: str) -> LogFile:
    """Open "stdout", "stderr" or a file for appending. Raises OSError."""
    if to in STREAMS:
        return _open_stream(STREAMS[to])
    # A FIFO without a reader is an error (ENXIO) here rather than a worker that hangs.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    fd = os.open(to, flags, 0o640)
    is_file = stat.S_ISREG(os.fstat(fd).st_mode)
    return _outlet(fd, FILE_CHUNK if is_file else PIPE_CHUNK)


def _open_stream(number: int) -> LogFile:
    """A descriptor of our own that never blocks, without touching the flags that others share with us."""
    mode = os.fstat(number).st_mode
    if stat.S_ISSOCK(mode):
        socket = _socket.socket(fileno=fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3))
        return LogFile(socket.fileno(), lambda data: socket.send(data, _socket.MSG_DONTWAIT), PIPE_CHUNK, socket.close)
    if stat.S_ISREG(mode):
        # NOTE: opened anew, a file that others write through this same descriptor would be overwritten from its start.
        return _outlet(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3), FILE_CHUNK)
    try:
        fd = os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        # Another user's pipe cannot be opened anew: ask before each write instead.
        fd = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
        return LogFile(fd, lambda data: _write_if_ready(fd, data), PIPE_CHUNK, lambda: os.close(fd))
    return _outlet(fd, PIPE_CHUNK)


def _write_if_ready(fd: int, data: bytes) -> int:
    if not _is_writable(fd, 0.0):
        raise BlockingIOError
    return os.write(fd, data)


def _is_writable(fd: int, seconds: float) -> bool:
    # NOTE: gevent's own poll would switch greenlets, and the hub itself may be asking.
    poll = get_original("select", "poll")()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


class Sink:
    """The lines of one destination. All of it runs on the hub's thread and none of it waits, but for `close`."""

    def __init__(self, to: str, limit: int = LIMIT) -> None:
        self.to = to
        self.batch = Batch(limit, FULL, self._start_timer, self._on_full)
        self._outlet: LogFile | None = open_outlet(to)
        self._timer: Any = None
        self._watcher: Any = None
        self._is_failing = False
        atexit.register(self.close)

    def flush(self) -> None:
        """Write what the destination takes now; the rest goes when it takes more."""
        self._stop_watcher()
        try:
            self._write_all()
            self._is_failing = False
        except BlockingIOError:
            self._watch()
        except OSError as error:
            self.batch.discard()
            if not self._is_failing:
                self._is_failing = True
                log.error("the access log is lost until %s takes it again: %s", self.to, error.strerror)

    def reopen(self) -> None:
        """After log rotation: the lines so far go to the old file, the next ones to a new one. Raises OSError."""
        self.flush()
        fresh = open_outlet(self.to)
        self._stop_watcher()
        self._close_outlet()
        self._outlet = fresh
        self._is_failing = False
        self.flush()

    def close(self, patience: float = 1.0) -> None:
        """Write the rest, waiting for a slow reader at most `patience` seconds. Safe to call twice."""
        if self._outlet is None:
            return
        until = monotonic() + patience
        self.flush()
        while len(self.batch) and _is_writable(self._outlet.fd, max(0.0, until - monotonic())):
            self.flush()
        self.batch.discard()
        if self.batch.dropped:
            log.error("%d lines of the access log to %s were dropped", self.batch.dropped, self.to)
        self._stop_watcher()
        if self._timer is not None:
            self._timer.close()
        self._close_outlet()
        atexit.unregister(self.close)

    def _write_all(self) -> None:
        outlet, batch = self._outlet, self.batch
        if outlet is None:
            raise OSError(9, "it is closed")
        while data := batch.chunk(outlet.chunk):
            batch.consume(outlet.write(data))

    def _start_timer(self) -> None:
        if self._watcher is None:
            if self._timer is None:
                self._timer = gevent.get_hub().loop.timer(PERIOD, ref=False)
            self._timer.start(self.flush)

    def _on_full(self) -> None:
        if self._watcher is None:
            self.flush()

    def _watch(self) -> None:
        assert self._outlet is not None
        self._watcher = gevent.get_hub().loop.io(self._outlet.fd, WRITABLE, ref=False)
        self._watcher.start(self.flush)

    def _stop_watcher(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    def _close_outlet(self) -> None:
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None


class LogWriters:
    """The sinks of one process. They outlive a plan: two that log to one file share its buffer and keep the order."""

    def __init__(self) -> None:
        self._by_destination: dict[str, Sink] = {}

    def get(self, to: str) -> Sink:
        """The sink for "stdout", "stderr" or an absolute file name. Raises OSError when it cannot be opened."""
        sink = self._by_destination.get(to)
        if sink is None:
            sink = self._by_destination[to] = Sink(to)
        return sink

    def reopen(self) -> list[str]:
        """Reopen all of them (on USR1); gives a sentence for each that cannot be and goes on with the old file."""
        failed = []
        for to, sink in self._by_destination.items():
            try:
                sink.reopen()
            except OSError as error:
                failed.append(f"cannot reopen {to}: {error.strerror}")
        return failed

    def close(self) -> None:
        """Write what waits and close them all."""
        for sink in self._by_destination.values():
            sink.close()
        self._by_destination.clear()
