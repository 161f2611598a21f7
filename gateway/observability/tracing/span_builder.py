"""From what a worker told of a request to spans, by OpenTelemetry's conventions for HTTP (docs/tracing.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway import __version__
from gateway.errors import KINDS
from gateway.observability.tracing.records import TraceRecord

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"))
_OURS: Final = frozenset(kind.slug for kind in KINDS if kind.source in ("gateway", "upstream"))
_PORTS: Final = {"http": 80, "https": 443}

_FAILED: Final = Status(StatusCode.ERROR)
_UNSET: Final = Status(StatusCode.UNSET)

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


class SpanBuilder:
    """Hands the spans of each request to `take`; `paths` are the templates of routes, by name.

    PERF: ended spans are made as such; a TracerProvider's take twice as long, and half of that is for ids, sampling and
    limits, which are decided already.  In the observer a kept request takes about 120 us, most of it the exporter's.
    """

    def __init__(self, service: str, take: Callable[[ReadableSpan], None]) -> None:
        self.paths: Mapping[str, str] = {}
        self._take = take
        self._resource = Resource({SERVICE_NAME: service, SERVICE_VERSION: __version__})
        self._scope = InstrumentationScope("gateway", __version__)

    def make(self, kept: TraceRecord) -> None:
        """All spans of a request: its own, one for each step that asked somebody, one for each try."""
        method = kept.method if kept.method in METHODS else "HTTP"
        path = self.paths.get(kept.route)
        trace = _Trace(int(kept.trace, 16), TraceState.from_header([kept.state]) if kept.state else None, kept.sampled)
        parent = trace.context(kept.parent, is_remote=True) if kept.parent else None
        name = f"{method} {path}" if path else method
        attributes = _request(kept, path)
        own = trace.context(kept.span)
        self._span(kept, own, name, parent, SpanKind.SERVER, (kept.began, kept.ended), attributes)
        for number, (step, began, ended, operations) in enumerate(kept.steps or ()):
            about: Attributes = {"gateway.step": step, "gateway.operations": operations}
            span = trace.context(_derived(kept.span, number))
            self._span(kept, span, step, own, SpanKind.INTERNAL, (began, ended), about)
        for number, call in enumerate(_calls(kept)):
            about = _call(kept, call, number)
            times = (call.began, call.ended or kept.ended)
            self._span(kept, trace.context(call.span), method, own, SpanKind.CLIENT, times, about)

    def _span(
        self,
        kept: TraceRecord,
        span: SpanContext,
        name: str,
        parent: SpanContext | None,
        kind: SpanKind,
        times: tuple[float, float],
        attributes: Attributes,
    ) -> None:
        made = ReadableSpan(
            name,
            context=span,
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            kind=kind,
            status=_FAILED if "error.type" in attributes else _UNSET,
            start_time=_nanoseconds(kept, times[0]),
            end_time=_nanoseconds(kept, times[1]),
            instrumentation_scope=self._scope,
        )
        self._take(made)


class _Trace(NamedTuple):
    """What the spans of one request have in common."""

    number: int
    state: TraceState | None
    sampled: bool

    def context(self, span: str, *, is_remote: bool = False) -> SpanContext:
        """That of a span; whoever called says whether it is sampled, what is kept here is."""
        flags = TraceFlags.SAMPLED if self.sampled or not is_remote else TraceFlags.DEFAULT
        return SpanContext(self.number, int(span, 16), is_remote, TraceFlags(flags), self.state)


def _derived(span: str, number: int) -> str:
    """An id for a step: nobody was told it, so it need not be drawn."""
    return f"{(int(span, 16) + (number + 1) * 0x9E3779B97F4A7C15) % 2**64 or 1:016x}"


def _nanoseconds(kept: TraceRecord, moment: float) -> int:
    return int((kept.started + (moment - kept.began)) * 1e9)


def _request(kept: TraceRecord, path: str | None) -> Attributes:
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


def _calls(kept: TraceRecord) -> Iterator[Call]:
    """The tries; of a request that was not sampled only the last one is known, and stands for all of them."""
    if kept.calls is not None:
        yield from (Call(*call) for call in kept.calls)
    elif kept.attempts and kept.address:
        ended = min(kept.upstream_started + kept.upstream_time, kept.ended)
        failed = kept.error if kept.error.startswith("upstream-") else ""
        status = 0 if failed else kept.status
        yield Call(kept.sent, kept.upstream, kept.address, kept.upstream_started, ended, status, failed)


def _call(kept: TraceRecord, call: Call, number: int) -> Attributes:
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
