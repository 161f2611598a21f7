"""From what a worker told of a request to spans, by OpenTelemetry's conventions for HTTP (docs/tracing.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from gateway import __version__
from gateway.errors import KINDS
from gateway.observe.kept import Kept

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"))
_OURS: Final = frozenset(kind.slug for kind in KINDS if kind.source in ("gateway", "upstream"))
_PORTS: Final = {"http": 80, "https": 443}

Attributes = dict[str, str | int]


class Call(NamedTuple):
    """One try with a target; seconds are monotonic, `ended` 0.0 where it was broken off."""

    span: str
    upstream: str
    address: str
    began: float
    ended: float
    status: int
    error: str


class _Ids(IdGenerator):
    """The ids that the worker chose: the upstream knows them already."""

    def __init__(self) -> None:
        self.trace = self.span = ""

    def generate_trace_id(self) -> int:
        return int(self.trace, 16)

    def generate_span_id(self) -> int:
        return int(self.span, 16)


class Maker:
    """Hands the spans of each request to a processor; `paths` are the templates of routes, by name."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        self.paths: Mapping[str, str] = {}
        self._ids = _Ids()
        resource = Resource({SERVICE_NAME: service, SERVICE_VERSION: __version__})
        provider = TracerProvider(ALWAYS_ON, resource, False, None, self._ids, SpanLimits())
        provider.add_span_processor(processor)
        self._tracer = provider.get_tracer("gateway", __version__)

    def make(self, kept: Kept) -> None:
        """All spans of a request: its own, one for each step that asked somebody, one for each try."""
        self._ids.trace = kept.trace
        method = kept.method if kept.method in METHODS else "HTTP"
        path = self.paths.get(kept.route)
        parent = _parent(kept, kept.parent) if kept.parent else Context()
        name = f"{method} {path}" if path else method
        attributes = _request(kept, path)
        self._span(kept, kept.span, name, parent, SpanKind.SERVER, (kept.began, kept.ended), attributes)
        below = _parent(kept, kept.span)
        for number, (step, began, ended, operations) in enumerate(kept.steps or ()):
            about: Attributes = {"gateway.step": step, "gateway.operations": operations}
            span = _derived(kept.span, number)
            self._span(kept, span, step, below, SpanKind.INTERNAL, (began, ended), about)
        for number, call in enumerate(_calls(kept)):
            about = _call(kept, call, number)
            times = (call.began, call.ended or kept.ended)
            self._span(kept, call.span, method, below, SpanKind.CLIENT, times, about)

    def _span(
        self,
        kept: Kept,
        span: str,
        name: str,
        parent: Context,
        kind: SpanKind,
        times: tuple[float, float],
        attributes: Attributes,
    ) -> None:
        self._ids.span = span
        begun = self._tracer.start_span(name, parent, kind, attributes, start_time=_nanoseconds(kept, times[0]))
        if "error.type" in attributes:
            begun.set_status(Status(StatusCode.ERROR))
        begun.end(_nanoseconds(kept, times[1]))


def _parent(kept: Kept, span: str) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if kept.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([kept.state]) if kept.state else None
    is_remote = span != kept.span
    context = SpanContext(int(kept.trace, 16), int(span, 16), is_remote, flags, state)
    return set_span_in_context(NonRecordingSpan(context), Context())


def _derived(span: str, number: int) -> str:
    """An id for a step: nobody was told it, so it need not be drawn."""
    return f"{(int(span, 16) + (number + 1) * 0x9E3779B97F4A7C15) % 2**64 or 1:016x}"


def _nanoseconds(kept: Kept, moment: float) -> int:
    return int((kept.started + (moment - kept.began)) * 1e9)


def _request(kept: Kept, path: str | None) -> Attributes:
    found: Attributes = {
        "http.request.method": kept.method if kept.method in METHODS else "_OTHER",
        "url.path": kept.path,
        "url.scheme": kept.scheme,
        "network.protocol.name": "http",
        "network.protocol.version": kept.version,
        "gateway.request_id": kept.request_id,
        "gateway.kept": kept.reason,
    }
    if kept.method not in METHODS:
        found["http.request.method_original"] = kept.method
    if path:
        found |= {"http.route": path, "gateway.route": kept.route}
    if kept.status:
        found["http.response.status_code"] = kept.status
    if kept.status >= 500 or kept.error in _OURS:
        found["error.type"] = kept.error or str(kept.status)
    elif kept.error:
        found["gateway.error"] = kept.error
    found |= _address(kept.authority, kept.scheme)
    words = {"client.address": kept.client, "network.peer.address": kept.peer, "user_agent.original": kept.agent}
    return found | {name: word for name, word in (words | {"gateway.upstream": kept.upstream}).items() if word}


def _calls(kept: Kept) -> Iterator[Call]:
    """The tries; of a request that was not sampled only the last one is known, and stands for all of them."""
    if kept.calls is not None:
        yield from (Call(*call) for call in kept.calls)
    elif kept.attempts and kept.address:
        ended = min(kept.upstream_started + kept.upstream_time, kept.ended)
        failed = kept.error if kept.error.startswith("upstream-") else ""
        status = 0 if failed else kept.status
        yield Call(kept.sent, kept.upstream, kept.address, kept.upstream_started, ended, status, failed)


def _call(kept: Kept, call: Call, number: int) -> Attributes:
    found: Attributes = {
        "http.request.method": kept.method if kept.method in METHODS else "_OTHER",
        "gateway.upstream": call.upstream,
        **_address(call.address, "http"),
    }
    again = number if kept.calls is not None else kept.attempts - 1
    if again:
        found["http.request.resend_count"] = again
    if call.status:
        found["http.response.status_code"] = call.status
    if call.error or call.status >= 400 or not call.ended:
        found["error.type"] = call.error or (str(call.status) if call.status else "cancelled")
    return found


def _address(authority: str, scheme: str) -> Attributes:
    """server.address and server.port of "host", "host:8080", "[::1]:80" or "unix:/path"."""
    if not authority:
        return {}
    if authority.startswith("unix:"):
        return {"server.address": authority.removeprefix("unix:"), "network.transport": "unix"}
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or authority.endswith("]"):
        return {"server.address": authority.strip("[]"), "server.port": _PORTS.get(scheme, 80)}
    return {"server.address": host.strip("[]"), "server.port": int(port)}
