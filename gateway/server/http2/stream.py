"""One stream of an HTTP/2 connection: one request through the application, and its answer (RFC 9113 section 8)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any, Protocol

from gevent.event import Event
from h2.errors import ErrorCodes

from gateway._fast.channel import Channel, Interrupted, TimedOut
from gateway._fast.http1_server import Server
from gateway.exchange import Headers
from gateway.http.grpc import CLIENT, Sizes, is_call
from gateway.server.http2.body import Body, NoBody

log = logging.getLogger("gateway")

#: fields of an answer that belong to a connection of HTTP/1 (RFC 9113 section 8.2.2)
_DROPPED = frozenset(("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"))


class StreamTransport(Protocol):
    """What a stream needs of its connection."""

    server: Server

    def send_head(self, stream: Stream, fields: list[tuple[bytes, bytes]], is_last: bool) -> None:
        """Send a header section."""

    def send_data(self, stream: Stream, data: bytes, is_last: bool) -> None:
        """Send `data` as far as windows let it; waits. Raises TimedOut, or OSError for a stream that is gone."""

    def credit(self, stream: Stream, size: int) -> None:
        """So many bytes of the body were read."""

    def reset(self, stream: Stream, code: ErrorCodes) -> None:
        """End the stream without the rest of its answer."""

    def finished(self, stream: Stream) -> None:
        """The stream needs nothing any more."""


class Stream:
    """A request, its answer, and the greenlet that `run` is."""

    def __init__(self, carrier: StreamTransport, number: int) -> None:
        """Takes two descriptors; raises OSError when there are none."""
        self.number = number
        self.carrier = carrier
        self.server = carrier.server
        ours, self.bell = socket.socketpair()
        # NOTE: never read there, so that closing the bell is a reset to the channel: it ends what waits at once.
        ours.send(b"!")
        self.channel = Channel(ours)
        #: set whenever more may be sent
        self.window = Event()
        self.body: Body | None = None
        self.is_lost = False
        self.is_malformed = False
        self._is_head = self._is_call = False
        self._status: str | None = None
        self._headers: Headers = []
        self._trailers: Headers = []

    def prepare(self, environ: dict[str, Any], length: int, expects: bool) -> None:
        """Give `environ` what a request has by its stream; `length` is the body's, -1 for an unknown one."""
        settings = self.server.settings
        if length:
            limit = settings.max_body if length < 0 else length
            self.body = Body(self, limit=limit, timeout=settings.body_timeout, expects=expects)
        environ["wsgi.input"] = self.body or NoBody()
        environ["wsgi.early_hints"] = self.early_hints
        environ["gateway.channel"] = self.channel
        self._is_head = environ["REQUEST_METHOD"] == "HEAD"
        if is_call(environ.get("CONTENT_TYPE", "")):
            environ[CLIENT] = self
            self._is_call = True

    def run(self, environ: dict[str, Any]) -> None:
        """Answer the request. Never raises."""
        try:
            self._answer(environ)
        except Exception:  # a stream's greenlet ends here: the other streams of the connection go on
            log.exception("a stream failed")
            self.carrier.reset(self, ErrorCodes.INTERNAL_ERROR)
        finally:
            self.carrier.finished(self)
            self.channel.close()
            self.bell.close()
            environ.clear()

    def lose(self) -> None:
        """The client wants no answer any more, or is gone: whoever works for it stops."""
        self.is_lost = True
        if self.body is not None:
            self.body.lose()
        self.bell.close()
        self.window.set()

    # What the body needs.

    def consumed(self, size: int) -> None:
        """So many bytes of the body were read."""
        self.carrier.credit(self, size)

    def go_on(self) -> None:
        """100 Continue (RFC 9110 section 10.1.1)."""
        self.carrier.send_head(self, [(b":status", b"100")], False)

    def fail(self, slug: str, detail: str) -> Exception:
        """The exception for a body that cannot be read to its end."""
        return self.server.fail(slug, detail)

    # What the answer to a call of gRPC needs (gateway.http.grpc.Client).

    def bound(self, most: int) -> None:
        """From here on each message of the body is bounded, by `most` bytes, not all of it."""
        if self.body is not None:
            self.body.bound(Sizes(most).fits)

    def end(self, fields: Headers) -> None:
        """What stands behind the body: trailers."""
        self._trailers = fields

    # What the application needs (PEP 3333).

    def start_response(self, status: str, headers: Headers, exc_info: Any = None) -> None:
        """Keep status and headers until the first piece of the body is there."""
        self._status, self._headers = status, headers
        if self._is_call and any(name.lower() == "grpc-status" for name, _ in headers):
            self._status = "200"  # what came of the call is said by the field

    def early_hints(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send a 103 (RFC 8297)."""
        if self._status is None:
            self.carrier.send_head(self, [(b":status", b"103"), *map(_encoded, headers)], False)

    def _answer(self, environ: dict[str, Any]) -> None:
        result: Any
        try:
            result = self.server.app(environ, self.start_response)
        except Exception:  # what PEP 3333 asks of a server: an application may raise anything
            log.exception("the application failed")
            self._status, self._headers = "500", []
            result = [b""]
        try:
            self._send(result)
        except (OSError, TimedOut, Interrupted):
            broken: Callable[[], None] | None = getattr(result, "broken", None)
            if broken is not None:
                broken()
            self.carrier.reset(self, ErrorCodes.CANCEL)
        except Exception as error:
            # The rest of the answer cannot come: the client must see that it is cut.
            log.debug("an answer was cut short: %s", error)
            self.carrier.reset(self, ErrorCodes.INTERNAL_ERROR)
        finally:
            close: Callable[[], None] | None = getattr(result, "close", None)
            if close is not None:
                close()

    def _send(self, result: Any) -> None:
        if isinstance(result, list) and len(result) == 1:
            self._send_whole(result[0])
        else:
            self._send_pieces(result)

    @property
    def _has_no_body(self) -> bool:
        return self._is_head or (self._status or "").startswith(("204", "304"))

    def _send_whole(self, body: bytes) -> None:
        if self.is_malformed:  # an answer may come before the reset that RFC 9113 section 8.1.1 asks for
            self._send_head(len(body), False)
            self.carrier.send_data(self, body, False)
            self.carrier.reset(self, ErrorCodes.PROTOCOL_ERROR)
            return
        if self._has_no_body or (self._is_call and not body):
            self._send_head(None, True)
            return
        self._send_head(len(body), not body)
        if body:
            self.carrier.send_data(self, body, True)

    def _send_pieces(self, result: Iterable[bytes]) -> None:
        """A body piece by piece, each as it comes."""
        length = next((int(value) for name, value in self._headers if name.lower() == "content-length"), -1)
        if self._has_no_body:
            self._send_head(None, True)
            return
        self._send_head(None, False)
        sent = 0
        for piece in result:
            sent += len(piece)
            if 0 <= length < sent:
                raise ValueError(f"more than the {length} bytes that were announced")
            if piece:
                self.carrier.send_data(self, piece, False)
        if 0 <= length != sent:
            raise ValueError(f"{sent} of {length} bytes")
        if self._trailers:
            self.carrier.send_head(self, [_encoded(field) for field in self._trailers], True)
        else:
            self.carrier.send_data(self, b"", True)

    def _send_head(self, length: int | None, is_last: bool) -> None:
        """The head of the answer; `length` is the body's where the headers do not say it."""
        fields = [(b":status", (self._status or "500")[:3].encode())]
        is_dated = False
        for name, value in self._headers:
            low = name.lower()
            if low in _DROPPED or (low == "content-length" and length is not None):
                continue
            is_dated = is_dated or low == "date"
            fields.append(_encoded((low, value)))
        if length is not None:
            fields.append((b"content-length", b"%d" % length))
        if not is_dated:
            fields.append((b"date", formatdate(usegmt=True).encode()))
        self.carrier.send_head(self, fields, is_last)


def _encoded(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return pair[0].lower().encode("latin-1"), pair[1].encode("latin-1")
