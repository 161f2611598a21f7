"""An upstream that is called by clients that speak gRPC themselves: what they say, and what they get, passes as it is.

Within the gateway an answer has the status of HTTP that its code stands for, so that log, metrics, circuits and tries
see what came of the call; towards the client it is 200, as gRPC has it (gateway/server/http2/stream.py).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Final, cast

from gateway.contracts import Fetch
from gateway.errors import (
    CLIENT_CLOSED,
    METHOD_NOT_ALLOWED,
    RPC_ERROR,
    UNSUPPORTED_MEDIA_TYPE,
    VERSION_NOT_SUPPORTED,
    GatewayError,
)
from gateway.exchange import Exchange, Headers, Response
from gateway.handlers.grpc.metadata import to_metadata
from gateway.http.grpc import (
    CLIENT,
    CODES,
    CONTENT_TYPE,
    WANTS,
    Client,
    GrpcCall,
    GrpcStatus,
    code_for,
    code_of,
    ending,
    is_call,
)
from gateway.upstream.subrequest import note, subrequest

_NONE_KEPT: Final = frozenset[str]()
#: the length of a body that comes while the answer does: longer than what anybody would wait for
OPEN: Final = 1 << 62
_ACCEPTED: Final = (("Accept", CONTENT_TYPE),)


class GrpcProxy:
    """Passes calls on to `upstream`."""

    __slots__ = ("_fetch", "_total", "_upstream")

    def __init__(self, upstream: str, fetch: Fetch, total: float) -> None:
        """`total` is the upstream's seconds."""
        self._upstream = upstream
        self._fetch = fetch
        self._total = total

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError, also for what is no call."""
        content_type = exchange.header("content-type") or ""
        _check(exchange, content_type)
        client: Client | None = exchange.environ.get(CLIENT)
        if client is not None:
            client.bound(exchange.plan.max_body)
        call = self._call(exchange, content_type)
        try:
            response = self._fetch(call)
        finally:
            note(exchange, call, self._upstream)
        return _answer(exchange, response, client)

    def _call(self, exchange: Exchange, content_type: str) -> Exchange:
        """The call; where all of it has come, it may be sent again, and otherwise follows while the answer comes."""
        body = exchange.body if exchange.body_length else None
        is_whole = body is None or getattr(body, "at_hand", False)
        data = body.read() if body is not None and is_whole else b""
        target = exchange.target if exchange.upstream_path is None else exchange.upstream_path
        call = subrequest(exchange, "POST", target, self._total, data, _NONE_KEPT)
        if not is_whole:
            # NOTE: not this body: what begins a request is waited for, and a client may want to hear something first.
            call.body, call.body_length = io.BytesIO(), OPEN
        call.headers = to_metadata(exchange, is_call=True)
        call.hurried = exchange.hurried
        call.environ = {
            WANTS: GrpcCall(None if is_whole else body, content_type),
            "gateway.channel": exchange.environ.get("gateway.channel"),
        }
        return call


def _check(exchange: Exchange, content_type: str) -> None:
    if not is_call(content_type):
        words = f"The route takes calls of gRPC, whose Content-Type is {CONTENT_TYPE}."
        raise GatewayError(UNSUPPORTED_MEDIA_TYPE, words, headers=_ACCEPTED)
    if exchange.version != "2":
        raise GatewayError(VERSION_NOT_SUPPORTED, "Calls of gRPC are taken over HTTP/2 only.")
    if exchange.method != "POST":
        raise GatewayError(METHOD_NOT_ALLOWED, "Calls of gRPC are POST.", headers=(("Allow", "POST"),))


def _answer(exchange: Exchange, response: Response, client: Client | None) -> Response:
    code = next((value for name, value in response.headers if name == "grpc-status"), None)
    if code is None:
        return Response(200, response.headers, RelayedStream(exchange, response, client))
    response.close()  # it was its end alone
    headers = response.headers
    if not any(name == "content-type" for name, _ in headers):  # clients want one, some services give none
        headers = [("content-type", CONTENT_TYPE), *headers]
    return Response(_grpc_status(exchange, code), headers, b"")


def _grpc_status(exchange: Exchange, code: str) -> int:
    """The status that a call's code stands for; the log names a failure."""
    status = CODES[code_of(code)][1]
    if status != 200:
        exchange.error = RPC_ERROR.slug
    return status


class RelayedStream:
    """An answer on its way to the client. However it ends, the client is told how."""

    __slots__ = ("_client", "_exchange", "_is_over", "_pieces", "_response")

    def __init__(self, exchange: Exchange, response: Response, client: Client | None) -> None:
        self._exchange = exchange
        self._response = response
        self._client = client
        self._pieces: Iterator[bytes] = iter(cast(Iterable[bytes], response.body))
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._is_over:
            raise StopIteration
        try:
            piece = next(self._pieces)
        except GatewayError as error:
            kind = error.kind
            if self._client is None or kind is CLIENT_CLOSED:
                raise
            self._exchange.error = kind.slug
            self._end(kind.status, ending(code_for(kind.status), error.detail or kind.title))
            raise StopIteration from None
        if isinstance(piece, GrpcStatus):
            code = next((value for name, value in piece.fields if name == "grpc-status"), "")
            self._end(_grpc_status(self._exchange, code), piece.fields)
            raise StopIteration
        return piece

    def _end(self, status: int, fields: Headers) -> None:
        self.close()
        if self._exchange.response is not None:
            self._exchange.response.status = status
        if self._client is not None:
            self._client.end(fields)

    def close(self) -> None:
        """End the call. Safe to call twice."""
        self._is_over = True
        self._response.close()
