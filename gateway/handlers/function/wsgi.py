"""An upstream that is a WSGI application in the worker (PEP 3333)."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from gateway.exchange import BodyReader, Exchange, Headers, Response
from gateway.handlers.function.answer import EMPTY, check_status, checked
from gateway.handlers.function.call_limits import CallLimits

log = logging.getLogger("gateway")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: what applications must not be told by clients: the gateway knows it, or it belongs to a connection
_LEFT_OUT: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "proxy", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "content-type", "forwarded", "x-forwarded-for", "x-forwarded-host"),
        *("x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip"),
    )
)


class Wsgi:
    """Answers with what the application does; `prefix` is the part of the path in front of it, "" = none."""

    __slots__ = ("_app", "_bounds", "_prefix")

    def __init__(self, app: App, bounds: CallLimits, prefix: str) -> None:
        self._app = app
        self._bounds = bounds
        self._prefix = prefix

    def fetch(self, exchange: Exchange) -> Response:
        """The answer, once the application has begun to send it. Raises GatewayError."""
        exchange.upstream = "wsgi"
        return self._bounds.call(exchange, lambda: self._begun(exchange))

    def _begun(self, exchange: Exchange) -> Response:
        answer = _Answer()
        answer.run(self._app, environ_of(exchange, self._prefix))
        return answer.response(exchange.method)


class _Answer:
    """One call of an application."""

    def __init__(self) -> None:
        self._status = 0
        self._headers: Headers = []
        self._written: list[bytes] = []
        self._pieces: Iterable[bytes] = ()
        self._rest: Iterator[bytes] = iter(())

    def run(self, app: App, environ: dict[str, Any]) -> None:
        """Call it, and go on until it has said its status and sent the first bytes, or ended."""
        self._pieces = app(environ, self._start_response)
        self._rest = iter(self._pieces)
        try:
            self._begin()
        except BaseException:  # a killed greenlet too: PEP 3333 wants close() called however it ends
            self.close()
            raise

    def _begin(self) -> None:
        while not any(self._written):
            piece = next(self._rest, None)
            if piece is None:
                break
            self._written.append(piece)
        if not self._status:
            raise ValueError("the application did not call start_response")

    def response(self, method: str) -> Response:
        """What it answers; whole where all of it is there."""
        if method == "HEAD" or self._status in EMPTY:
            self.close()
            return Response(self._status, self._headers, b"")
        if isinstance(self._pieces, list | tuple):
            body = b"".join((*self._written, *self._rest))
            self.close()
            return Response(self._status, self._headers, body)
        return Response(self._status, self._headers, self)

    def __iter__(self) -> Iterator[bytes]:
        yield from filter(None, self._written)
        yield from filter(None, self._rest)

    def close(self) -> None:
        """PEP 3333: whatever happened, the application is told the end."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()

    def _start_response(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        try:
            if exc_info is not None and any(self._written):
                raise exc_info[1].with_traceback(exc_info[2])
            if exc_info is None and self._status:
                raise ValueError("start_response was called twice")
            number = int(status[:3])
            check_status(number)
            self._headers, self._status = checked(headers), number
        finally:
            exc_info = None  # PEP 3333: no circle through the traceback
        return self._written.append


class _Input(io.RawIOBase):
    """The body as a file, as far as it was announced."""

    def __init__(self, body: BodyReader | None, length: int) -> None:
        """`length` is bytes, -1 = until it ends. What lies behind it on the connection is another request."""
        self._body = body
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer) if self._left < 0 else min(len(buffer), self._left)
        if self._body is None or not size:
            return 0
        data = self._body.read(size)
        buffer[: len(data)] = data
        self._left -= len(data) if self._left > 0 else 0
        return len(data)


class _Errors(io.TextIOBase):
    """`wsgi.errors`: lines for the gateway's log."""

    def write(self, text: str) -> int:
        if text.strip():
            log.error("%s", text.rstrip())
        return len(text)


def environ_of(exchange: Exchange, prefix: str) -> dict[str, Any]:
    """The environ of PEP 3333. Who the client is, and how it came, is what the gateway found out."""
    path, _, query = (exchange.upstream_path or f"{exchange.path}?{exchange.query}").partition("?")
    is_below = bool(prefix) and exchange.upstream_path is None
    name, _, port = exchange.authority.rpartition(":")
    is_numbered = port.isdigit() and bool(name)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": exchange.method,
        "SCRIPT_NAME": _latin(prefix) if is_below else "",
        "PATH_INFO": _latin(path[len(prefix) :] if is_below else path),
        "QUERY_STRING": query,
        "SERVER_NAME": name if is_numbered else exchange.authority,
        "SERVER_PORT": port if is_numbered else ("443" if exchange.scheme == "https" else "80"),
        "SERVER_PROTOCOL": f"HTTP/{exchange.version}",
        "REMOTE_ADDR": exchange.client,
        "HTTP_HOST": exchange.authority,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": exchange.scheme,
        "wsgi.input": io.BufferedReader(_Input(exchange.body, exchange.body_length)),
        "wsgi.errors": _Errors(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "gateway.request_id": exchange.request_id,
    }
    if exchange.body_length > 0:
        environ["CONTENT_LENGTH"] = str(exchange.body_length)
    if exchange.caller is not None:
        environ["REMOTE_USER"] = exchange.caller.subject
    for field, value in exchange.headers if exchange.outgoing is None else exchange.outgoing:
        lower = field.lower()
        if lower == "content-type":
            environ["CONTENT_TYPE"] = value
        elif lower not in _LEFT_OUT and "_" not in lower:
            key = f"HTTP_{lower.replace('-', '_').upper()}"
            environ[key] = f"{environ[key]}{'; ' if lower == 'cookie' else ', '}{value}" if key in environ else value
    return environ


def _latin(path: str) -> str:
    """A percent-encoded path as PEP 3333 wants it: its bytes, each as the character of its number."""
    return unquote_to_bytes(path).decode("latin-1")
