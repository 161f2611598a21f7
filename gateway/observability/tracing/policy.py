"""Traces, as a worker sees them: what is decided for each request, and how those that are kept leave it.

A kept request is one tuple in a buffer; twenty times a second what waits goes to the observer as a datagram.  Nothing
here waits: what nobody takes is dropped and counted.
"""

from __future__ import annotations

import _socket
import errno
import logging
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Any, Final

import gevent

from gateway._fast.trace_context import Closer, Trace, Tracer
from gateway.contracts import OnResponse, Steps
from gateway.errors import KINDS
from gateway.exchange import Exchange, Response
from gateway.observability.tracing.options import Tracing
from gateway.observability.tracing.records import SOCKET, encode
from gateway.observability.tracing.ring import Counts

log = logging.getLogger("gateway")

PERIOD: Final = 0.05
#: bytes of one datagram: well under what a socket takes (net.core.wmem_default), and so is any one request
DATAGRAM: Final = 60_000
#: bytes that wait for a reader that is slow
LIMIT: Final = 512 * 1024
#: seconds that what is kept waits for an observer that begins
PATIENCE: Final = 10.0

_OURS: Final = frozenset(kind.slug for kind in KINDS if kind.source in ("gateway", "upstream"))
_FULL: Final = (errno.EAGAIN, errno.ENOBUFS)


class Traces:
    """The kept requests of one process, whichever plan keeps them."""

    def __init__(self, folder: Path, counts: Counts, clock: Callable[[], float] = time) -> None:
        """`folder` is the runtime directory, where the observer reads; `clock` gives wall-clock seconds."""
        self._path = str(folder / SOCKET)
        self._counts = counts
        self._row = counts.row(0)
        self._clock = clock
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._failing_since = 0.0  # monotonic; 0.0 while the reader takes what it is sent
        self._second = 0
        self._kept = 0
        self._socket: _socket.socket | None = None
        self._timer: Any = None

    def claim(self, slot: int) -> None:
        """This process is the worker of a slot: it counts there."""
        self._row = self._counts.row(slot)

    def compile(self, spec: Tracing) -> Steps:
        """The step that every route of a plan has."""
        return Steps(
            on_request=Tracer(spec.sample, spec.b3, spec.response_header, os.urandom),
            on_response=_telling() if spec.response_header else None,
            on_close=Closer(partial(self.keep, spec.most), _OURS, spec.slow),
        )

    def keep(self, most: int, exchange: Exchange, trace: Trace, reason: str, ended: float) -> None:
        """Keep a request that has just ended, unless `most` of this second are kept already. Never raises."""
        row = self._row
        second = int(ended)
        if second != self._second:
            self._second, self._kept = second, 0
        if self._kept >= most:
            row["rate"].add(1)
            return
        self._kept += 1
        try:
            data = encode(exchange, trace, reason, ended, self._clock())
        except Exception:
            log.exception("the trace of request %s is lost", exchange.request_id)
            return
        if len(data) > DATAGRAM:
            row["large"].add(1)
        elif self._size + len(data) > LIMIT:
            row["full"].add(1)
        else:
            row[reason].add(1)
            self._waiting.append(data)
            self._size += len(data)
            if self._size >= DATAGRAM and not self._failing_since:
                self.flush()
            else:
                self._start()

    def flush(self) -> None:
        """Send what waits; what the reader has no room for waits on, and so it does for a reader that begins."""
        while self._waiting:
            pieces, size = self._next()
            try:
                self._send(b"".join(pieces))
            except OSError as error:
                if not self._is_hopeless(error):
                    self._start()
                    return
                self._row["nobody"].add(len(self._waiting))
                self._waiting.clear()
                self._size = 0
                return
            self._failing_since = 0.0
            for _ in pieces:
                self._waiting.popleft()
            self._size -= size

    def close(self) -> None:
        """Send what waits, as far as it is taken at once. Safe to call twice."""
        self.flush()
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _is_hopeless(self, error: OSError) -> bool:
        """Whether there has been no reader for long; one that only has no room now will have some."""
        if not self._failing_since:
            self._failing_since = monotonic()
        return error.errno not in _FULL and monotonic() - self._failing_since >= PATIENCE

    def _next(self) -> tuple[list[bytes], int]:
        pieces: list[bytes] = []
        size = 0
        for data in self._waiting:
            if size + len(data) > DATAGRAM:
                break
            pieces.append(data)
            size += len(data)
        return pieces, size

    def _send(self, datagram: bytes) -> None:
        if self._socket is None:
            kind = _socket.SOCK_DGRAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
            self._socket = _socket.socket(_socket.AF_UNIX, kind)
        # NOTE: by name each time: an observer that begins anew is a socket of its own.
        self._socket.sendto(datagram, self._path)

    def _start(self) -> None:
        if self._timer is None:
            self._timer = gevent.get_hub().loop.timer(PERIOD, ref=False)
        if not self._timer.active:
            self._timer.start(self.flush)


def _telling() -> OnResponse:
    """The hook that tells the client the trace (W3C Trace Context level 2 draft, `traceresponse`)."""

    def on_response(exchange: Exchange, response: Response) -> None:
        trace = exchange.trace
        if trace is not None:
            headers = response.headers
            if any(name.lower() == "traceresponse" for name, _ in headers):
                response.headers = headers = [pair for pair in headers if pair[0].lower() != "traceresponse"]
            sent = trace.sent
            headers.append(("traceresponse", f"{sent[:36]}{trace.kept()}{sent[52:]}"))

    return on_response
