"""An upstream that is called by gRPC behind plain HTTP, as the google.api.http rules of its methods say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gateway.contracts import Fetch
from gateway.errors import METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND, GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.grpc.bindings import Binding, Table, find
from gateway.handlers.grpc.metadata import to_headers, to_metadata
from gateway.handlers.grpc.request import HTTP_BODY, serialized
from gateway.handlers.grpc.response import ResponseEncoder, error_line
from gateway.http.grpc import TRAILERS, WANTS, GrpcAccept, frame, frames
from gateway.http.path import canonical_path
from gateway.upstream.subrequest import note, subrequest

NONE_KEPT: Final = frozenset[str]()
LINES: Final = "application/x-ndjson"
EVENTS: Final = "text/event-stream"


class Transcoder:
    """Calls methods of `upstream`, whose messages have at most `most` bytes; `table` gives what there is to call."""

    __slots__ = ("_defaults", "_fetch", "_most", "_table", "_total", "_upstream")

    def __init__(
        self, upstream: str, fetch: Fetch, total: float, table: Callable[[], Table], most: int, defaults: bool
    ) -> None:
        """`table` may raise GatewayError; `total` is the upstream's seconds."""
        self._upstream = upstream
        self._fetch = fetch
        self._total = total
        self._table = table
        self._most = most
        self._defaults = defaults

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError."""
        table = self._table()
        binding, values = _bound(table, exchange)
        method, pool = binding.method, table.schema.pool
        data = serialized(exchange, binding, values, pool, self._most)
        call = subrequest(exchange, "POST", method.path, self._total, frame(data), NONE_KEPT)
        call.headers = to_metadata(exchange)
        call.hurried = exchange.hurried
        call.environ = {
            WANTS: GrpcAccept(method.gives_stream, self._most),
            "gateway.channel": exchange.environ.get("gateway.channel"),
        }
        try:
            response = self._fetch(call)
        finally:
            note(exchange, call, self._upstream)
        writer = ResponseEncoder(self._upstream, pool, self._defaults)
        if method.gives_stream:
            return _streamed(exchange, binding, response, writer)
        try:
            return _single(binding, response, writer)
        finally:
            response.close()


def _bound(table: Table, exchange: Exchange) -> tuple[Binding, dict[str, str]]:
    """The method that a request calls, with what its path says. Raises GatewayError."""
    found = find(table.bindings, exchange.method, _segments(exchange.target.partition("?")[0]))
    if len(found) == 2 and isinstance(found[0], Binding):
        return found
    if not found:
        raise GatewayError(ROUTE_NOT_FOUND, "No method of the service has this path.")
    allowed = ", ".join(sorted({*found, *(("HEAD",) if "GET" in found else ())}))
    raise GatewayError(METHOD_NOT_ALLOWED, f"This path takes {allowed}.", headers=(("Allow", allowed),))


def _segments(path: str) -> tuple[str, ...]:
    """The raw segments of the canonical path; an encoded slash is text inside its segment."""
    reading = canonical_path(path)
    if reading.alternative is not None:
        return reading.alternative_raw or tuple(reading.alternative.split("/")[1:])
    return reading.raw or tuple(reading.path.split("/")[1:])


def _single(binding: Binding, response: Response, writer: ResponseEncoder) -> Response:
    messages, end = [], b""
    for flags, data in frames(response.body):
        if flags & TRAILERS:
            end = data
        else:
            messages.append(data)
    if (error := writer.failure(end)) is not None:
        raise error
    if len(messages) != 1:
        raise writer.unfit()
    message = writer.message(binding, messages[0])
    headers = to_headers(response.headers)
    if binding.method.output.full_name == HTTP_BODY:
        kind = message.content_type
        kind = kind if kind.isascii() and kind.isprintable() else ""
        return Response(200, [("Content-Type", kind or "application/octet-stream"), *headers], message.data)
    return Response(200, [("Content-Type", "application/json"), *headers], writer.json(binding, message))


def _streamed(exchange: Exchange, binding: Binding, response: Response, writer: ResponseEncoder) -> Response:
    accept = ",".join(value for name, value in exchange.headers if name.lower() == "accept")
    stream = Stream(binding, response, writer, is_events=EVENTS in accept.lower())
    try:
        stream.begin()
    except BaseException:
        response.close()
        raise
    headers = to_headers(response.headers)
    if stream.is_events:
        return Response(200, [("Content-Type", EVENTS), ("Cache-Control", "no-cache"), *headers], stream)
    return Response(200, [("Content-Type", LINES), *headers], stream)


class Stream:
    """The messages of a call as they come, each a line of JSON or an event."""

    def __init__(self, binding: Binding, response: Response, writer: ResponseEncoder, is_events: bool) -> None:
        self.is_events = is_events
        self._binding = binding
        self._response = response
        self._writer = writer
        self._frames = frames(response.body)
        self._first: tuple[int, bytes] | None = None

    def begin(self) -> None:
        """Wait for what comes first. Raises GatewayError where that is an error."""
        self._first = next(self._frames, None)
        if self._first is not None and self._first[0] & TRAILERS:
            error = self._writer.failure(self._first[1])
            if error is not None:
                raise error

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        found, self._first = self._first or next(self._frames), None
        flags, data = found
        if not flags & TRAILERS:
            return self._piece(self._writer.json(self._binding, self._writer.message(self._binding, data)))
        error = self._writer.failure(data)
        self.close()
        if error is None:
            raise StopIteration
        return self._piece(error_line(error), b"event: error\n")

    def _piece(self, data: bytes, name: bytes = b"") -> bytes:
        return name + b"data: " + data + b"\n\n" if self.is_events else data + b"\n"

    def close(self) -> None:
        """End the call. Safe to call twice."""
        self._response.close()
