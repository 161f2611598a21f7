"""The Falcon application: every request, whatever its method and path, is one exchange that walks the pipeline."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any

import falcon

from gateway import pipeline
from gateway._fast.tunnel import Tunnel
from gateway.config.store import Store
from gateway.errors import CLIENT_CLOSED, INTERNAL, UPSTREAM_INCOMPLETE, GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.routing.ingress import decide

StartResponse = Callable[..., Any]
#: methods that Falcon finds at once
USUAL = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
log = logging.getLogger("gateway")


class BufferedBody(list[bytes]):
    """An answer whose body is there, as PEP 3333 takes it: a list of one piece, with a close()."""

    __slots__ = ("exchange",)

    def __init__(self, exchange: Exchange, body: bytes) -> None:
        self.append(body)
        self.exchange: Exchange | None = exchange
        exchange.sent = len(body)

    def broken(self) -> None:
        """The client went away before it had all of it."""
        if self.exchange is not None:
            _client_gone(self.exchange)

    def close(self) -> None:
        """After the last byte, by whoever sent it; runs the closing steps once."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            pipeline.finish(exchange)


class StreamedBody(Iterator[bytes]):
    """An answer whose body comes piece by piece; `ready` says that the first piece is there already."""

    __slots__ = ("_next", "exchange", "ready")

    def __init__(self, exchange: Exchange, body: Iterable[bytes]) -> None:
        self.exchange: Exchange | None = exchange
        self.ready = bool(getattr(body, "ready", False))
        self._next = iter(body).__next__

    def __next__(self) -> bytes:
        exchange = self.exchange
        if exchange is None:
            raise StopIteration
        asked = monotonic()
        try:
            piece = self._next()
        except StopIteration:
            raise
        except Exception as error:
            kind = error.kind if isinstance(error, GatewayError) else UPSTREAM_INCOMPLETE
            if kind is CLIENT_CLOSED:
                _client_gone(exchange)
            exchange.error = kind.slug
            raise
        finally:
            exchange.upstream_time += monotonic() - asked
        exchange.sent += len(piece)
        return piece

    def broken(self) -> None:
        """The client went away before it had all of it."""
        if self.exchange is not None and self.exchange.error is None:
            _client_gone(self.exchange)

    def close(self) -> None:
        """After the last byte, by whoever sent it; frees the upstream's connection, runs the closing steps once."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            pipeline.finish(exchange)


class UpgradedConnection:
    """The answer to a client that changed the protocol: the loop joins it with `tunnel` until one of them is done."""

    __slots__ = ("exchange", "tunnel")

    def __init__(self, exchange: Exchange, tunnel: Tunnel) -> None:
        self.exchange: Exchange | None = exchange
        self.tunnel = tunnel

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def broken(self) -> None:
        """The client went away before it had the head."""
        if self.exchange is not None:
            _client_gone(self.exchange)

    def close(self) -> None:
        """After the last byte either way; gives the upstream's connection up and runs the closing steps once."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.sent, exchange.received = self.tunnel.sent, self.tunnel.received
            pipeline.finish(exchange)


def _client_gone(exchange: Exchange) -> None:
    exchange.error = CLIENT_CLOSED.slug
    if exchange.response is not None:
        exchange.response.status = CLIENT_CLOSED.status


class _Request(falcon.Request):
    """What Falcon carries to the router and the responder, which read nothing of the request from here."""

    __slots__ = ("exchange",)
    exchange: Exchange
    is_websocket = False
    path = "/"


class _Response(falcon.Response):
    """Carries the pipeline's answer through Falcon, past its dict: repeated header fields stay apart."""

    __slots__ = ("answer", "lines")
    answer: BufferedBody | StreamedBody | UpgradedConnection
    lines: Headers

    def _wsgi_headers(self, media_type: str | None = None) -> Headers:
        return self.lines


def _request(env: dict[str, Any], options: Any = None, new: Any = _Request.__new__) -> _Request:
    """PERF: Falcon's own __init__ parses the query and the content type, and a class is called more slowly."""
    made: _Request = new(_Request)
    made.env = env
    made.method = env["REQUEST_METHOD"]
    return made


def _response(options: Any = None, new: Any = _Response.__new__) -> _Response:
    made: _Response = new(_Response)
    made.status = 500
    return made


class _AnyMethod(dict[str, Any]):
    """Falcon's method map; the pipeline answers any method token, if only with a 405."""

    def __missing__(self, method: str) -> Any:
        return self["GET"]


class _Router:
    """Falcon's router seam: matching is ours, and it reads the current plan once per request."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: tuple[Any, ...] = (self, _AnyMethod(dict.fromkeys(USUAL, self.serve)), {}, None)

    def find(self, uri: str, req: _Request) -> tuple[Any, ...]:
        """The one resource; the route is found and kept in the exchange."""
        req.exchange = decide(self._store.current, req.env, monotonic())
        return self._found

    def serve(self, req: _Request, resp: _Response) -> None:
        """Falcon's responder: walk the line and hand over the answer."""
        exchange = req.exchange
        response = pipeline.run(exchange, exchange.route)
        response.headers.append(("X-Request-ID", exchange.request_id))
        resp.status = response.status
        resp.lines = response.headers
        req.env["gateway.answer"] = resp.answer = _answer(exchange, response)


def _answer(exchange: Exchange, response: Response) -> BufferedBody | StreamedBody | UpgradedConnection:
    body = response.body
    if exchange.method == "HEAD" or response.status in (204, 304):
        response.close()
        return BufferedBody(exchange, b"")
    if isinstance(body, bytes):
        if "gateway.channel" not in exchange.environ:
            _say_length(response, len(body))
        return BufferedBody(exchange, body)
    if isinstance(body, Tunnel):
        return UpgradedConnection(exchange, body)
    return StreamedBody(exchange, body)


def _say_length(response: Response, length: int) -> None:
    """A worker that is not ours frames by the headers alone."""
    if not any(name.lower() == "content-length" for name, _ in response.headers):
        response.headers.append(("Content-Length", str(length)))


class GatewayApp(falcon.App[Any, Any]):
    """Falcon's App around the pipeline; a WSGI application like any other."""

    _META_METHODS = frozenset()  # "WEBSOCKET" is a method token like any other here

    def __init__(self, store: Store) -> None:
        super().__init__(router=_Router(store), request_type=_request, response_type=_response)  # type: ignore[call-overload]

        self.add_error_handler(Exception, self._failed)

    def _get_body(self, resp: Any, wsgi_file_wrapper: Any = None) -> tuple[Any, None]:
        return resp.answer, None

    def _failed(self, req: Any, resp: Any, error: Exception, params: dict[str, Any]) -> None:
        """What goes wrong outside of the pipeline is a fault of ours that has no exchange to be logged with."""
        log.error("a request failed before it reached the pipeline", exc_info=error)
        body = json.dumps({"type": INTERNAL.type, "title": INTERNAL.title, "status": INTERNAL.status}).encode()
        resp.status = INTERNAL.status
        resp.lines = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
        req.env["gateway.answer"] = resp.answer = [body]

    def __call__(self, env: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """PEP 3333. The result's close() must be called after the last byte, as the PEP asks."""
        super().__call__(env, start_response)
        # NOTE: Falcon gives an empty list of its own for HEAD, whose close() would never reach the exchange.
        answer: Iterable[bytes] = env["gateway.answer"]
        return answer
