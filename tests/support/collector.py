"""A collector of traces that the test starts: OTLP over HTTP, decoded by OpenTelemetry's own messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.gateway import wait_until
from tests.support.threaded import ThreadedServer

KINDS = {1: "internal", 2: "server", 3: "client"}


class Span(NamedTuple):
    """One span as it came; ids are hexadecimal, times nanoseconds since 1970."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    began: int
    ended: int
    is_error: bool
    state: str
    attributes: dict[str, Any]
    service: str


class Collector:
    """What came, and how it is answered: `status`, after `gate` is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        self.spans: list[Span] = []
        self.headers: list[dict[str, str]] = []
        self.requests = 0
        self._server = _Server(_Handler)
        self._server.collector = self
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._server.begin()

    def close(self) -> None:
        """Stop listening."""
        self.gate.set()
        self._server.end()

    def took(self, body: bytes, headers: dict[str, str]) -> None:
        """Keep what came, whole."""
        spans = list(_spans(body))
        with self._lock:
            self.headers.append(headers)
            self.spans += spans

    def trace(self, trace: str, count: int) -> list[Span]:
        """The spans of a trace, the gateway's own first, once there are `count`."""

        def found() -> list[Span]:
            spans = [span for span in self.spans if span.trace == trace]
            return spans if len(spans) >= count else []

        spans = wait_until(found, f"{count} spans of {trace}; there are {self.spans}")
        order = {"server": 0, "internal": 1, "client": 2}
        return sorted(spans, key=lambda span: (order[span.kind], span.began))


class _Server(ThreadedServer):
    collector: Collector


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        collector = self.server.collector
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with collector._lock:
            collector.requests += 1
        collector.gate.wait(20)
        status = collector.status
        if status == 200 and self.path == "/v1/traces":
            collector.took(body, dict(self.headers))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


def _spans(body: bytes) -> Iterator[Span]:
    message = ExportTraceServiceRequest.FromString(body)
    for resource in message.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                times = (span.start_time_unix_nano, span.end_time_unix_nano)
                about = (span.status.code == 2, span.trace_state, _attributes(span.attributes), service)
                yield Span(*ids, span.name, KINDS[span.kind], *times, *about)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    made = Collector()
    try:
        yield made
    finally:
        made.close()
