"""Spans on their way out: a bounded queue, and one greenlet that hands them to OpenTelemetry's exporter."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final

import gevent
from gevent.event import Event
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from gateway.observability.tracing.options import Tracing

log = logging.getLogger("gateway")

#: spans that wait, and those of one request to the collector
QUEUE: Final = 4096
BATCH: Final = 512
#: seconds that spans wait for others to go with them
PERIOD: Final = 0.5
#: seconds that one batch is tried for
PATIENCE: Final = 10.0
#: seconds between two sentences about a collector that does not answer
QUIET: Final = 60.0
#: what the exporter itself says of each failure, which is told once here
_NOISE: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class SpanExporter:
    """Where ended spans go. Nothing but its own greenlet waits for the collector."""

    def __init__(self, spec: Tracing) -> None:
        self.sent = self.overflowed = self.failed = 0
        self._otlp = spec.otlp
        headers = {name.lower(): value for name, value in spec.headers}
        self._exporter = OTLPSpanExporter(spec.otlp, headers=headers, timeout=PATIENCE)
        self._queue: deque[ReadableSpan] = deque()
        self._is_over = False
        self._due = Event()
        self._quiet_until = 0.0
        logging.getLogger(_NOISE).setLevel(logging.CRITICAL)
        self._greenlet = gevent.spawn(self._run)

    @property
    def waiting(self) -> int:
        """Spans that have not been sent."""
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether the next span would be lost."""
        return len(self._queue) >= QUEUE

    def take(self, span: ReadableSpan) -> None:
        """Have an ended span go out with the next batch."""
        if self.is_full:
            self.overflowed += 1
            return
        self._queue.append(span)
        if len(self._queue) >= BATCH:
            self._due.set()

    def end(self, patience: float) -> None:
        """Send what waits, for `patience` seconds; what is left then is lost."""
        self._is_over = True
        self._due.set()
        self._greenlet.join(timeout=patience)
        self._greenlet.kill(block=False)
        self.failed += len(self._queue)
        self._queue.clear()
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _run(self) -> None:
        while not (self._is_over and not self._queue):
            if len(self._queue) < BATCH and not self._is_over:
                self._due.wait(PERIOD)
            self._due.clear()
            if self._queue:
                self._send()

    def _send(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        try:
            is_sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception:
            log.exception("sending spans failed")
            is_sent = False
        if is_sent:
            self.sent += len(batch)
            self._quiet_until = 0.0
            return
        self.failed += len(batch)
        now = gevent.get_hub().loop.now()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning("spans are lost: %s does not take them", self._otlp)
