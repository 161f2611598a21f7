"""Traces: what workers tell of the requests that are kept becomes spans, which go to a collector (docs/tracing.md)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import gevent
from gevent import socket

from gateway.config.model import Document
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.snapshot import Snapshot
from gateway.observability.tracing.options import Tracing
from gateway.observability.tracing.records import SOCKET, unpacked
from gateway.observability.tracing.ring import DROPPED, KEPT, REGION, Counts

if TYPE_CHECKING:
    from gateway.observability.tracing.export import SpanExporter
    from gateway.observability.tracing.span_builder import SpanBuilder

log = logging.getLogger("gateway")

#: bytes: no datagram is longer
LONGEST: Final = 1 << 17
#: bytes that may wait in the socket, of all workers
ROOM: Final = 1 << 22
#: seconds between two lines about what cannot be read
QUIET: Final = 60.0
#: seconds for what still has to be sent at the end
LAST: Final = 0.4


class Spans:
    """The part that reads the workers' socket; without `observability.tracing` it does nothing."""

    def __init__(self, world: CollectorContext) -> None:
        self._path = world.folder / SOCKET
        self._counts = Counts(world.page.region(REGION))
        self._spec: Tracing | None = None
        self._export: SpanExporter | None = None
        self._maker: SpanBuilder | None = None
        self._socket: socket.socket | None = None
        self._mine = (0, 0)
        self._reader: gevent.Greenlet[[], None] | None = None
        self._sent = self._failed = self._overflowed = self._unreadable = 0
        self._quiet_until = 0.0

    def configure(self, document: Document) -> None:
        """Begin, end, or go on to another collector."""
        spec = document.tracing
        if spec != self._spec:
            self._end(0.0)
            self._spec = spec
            if spec is not None:
                self._begin(spec)
        if self._maker is not None:
            self._maker.paths = {route.name: route.match.path for route in document.routes}

    def tick(self, now: float, figures: Snapshot) -> None:
        """Have the socket's name, should another observer have taken it and gone."""
        if self._spec is not None and self._which() != self._mine:
            self._open()

    def resources(self) -> Mapping[str, object]:
        """It serves nothing."""
        return {}

    def metrics(self) -> Iterable[Sample]:
        """Requests that were kept and dropped by workers, spans that went and those that did not."""
        if self._spec is None:
            return
        totals, export = self._counts.totals(), self._export
        for reason in KEPT:
            yield "gateway_trace_kept_total", "counter", {"reason": reason}, float(totals[reason])
        for reason in DROPPED:
            yield "gateway_trace_dropped_total", "counter", {"reason": reason}, float(totals[reason])
        yield "gateway_trace_spans_sent_total", "counter", {}, float(self._sent + (export.sent if export else 0))
        lost = {
            "collector": self._failed + (export.failed if export else 0),
            "queue": self._overflowed + (export.overflowed if export else 0),
            "unreadable": self._unreadable,
        }
        for reason, count in lost.items():
            yield "gateway_trace_spans_lost_total", "counter", {"reason": reason}, float(count)
        yield "gateway_trace_spans_waiting", "gauge", {}, float(export.waiting if export else 0)

    def close(self) -> None:
        """Send what is there."""
        self._end(LAST)

    def _begin(self, spec: Tracing) -> None:
        # NOTE: an extra, imported for configurations that ask for it.
        from gateway.observability.tracing.export import SpanExporter
        from gateway.observability.tracing.span_builder import SpanBuilder

        self._export = SpanExporter(spec)
        self._maker = SpanBuilder(spec.service, self._export.take)
        self._open()
        self._reader = gevent.spawn(self._read)

    def _end(self, patience: float) -> None:
        if self._reader is not None:
            self._reader.kill(block=False)
            self._drain()
            self._reader = None
        export, self._export, self._maker = self._export, None, None
        if export is not None:
            export.end(patience)
            self._sent += export.sent
            self._failed += export.failed
            self._overflowed += export.overflowed
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            if self._which() == self._mine:
                self._path.unlink(missing_ok=True)

    def _open(self) -> None:
        """A socket under the name, whoever had it before; it is never without a reader."""
        made = self._path.with_name(f"spans-{os.getpid()}.sock")
        made.unlink(missing_ok=True)
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        fresh.bind(str(made))
        made.chmod(0o600)
        made.rename(self._path)
        self._mine = self._which()
        former, self._socket = self._socket, fresh
        if former is not None:
            former.close()
        if self._reader is not None:  # it waits on the former one
            self._reader.kill(block=False)
            self._reader = gevent.spawn(self._read)

    def _which(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_dev, found.st_ino

    def _read(self) -> None:
        while (source := self._socket) is not None:
            self._take(source.recv(LONGEST))
            gevent.sleep(0)

    def _drain(self) -> None:
        """What has come already."""
        source = self._socket
        if source is None:
            return
        source.settimeout(0.0)
        while True:
            try:
                datagram = source.recv(LONGEST)
            except OSError:
                return
            self._take(datagram)

    def _take(self, datagram: bytes) -> None:
        maker, export = self._maker, self._export
        if maker is None or export is None:
            return
        try:
            for kept in unpacked(datagram):
                if export.is_full:
                    export.overflowed += 1
                else:
                    maker.make(kept)
        except Exception:
            self._unreadable += 1
            now = time.monotonic()
            if now >= self._quiet_until:  # a master of another version (USR2) goes on sending
                self._quiet_until = now + QUIET
                log.exception("a worker's trace cannot be read")


def components(world: CollectorContext, others: Sequence[Component]) -> list[Component]:
    """What the collector runs of it."""
    return [Spans(world)]
