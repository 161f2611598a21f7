"""Base of all gRPC calls: a connection of the pool for one call alone, and the bytes that go over it."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Final

from h2.events import DataReceived
from h2.exceptions import ProtocolError

from gateway._fast.channel import Channel, Interrupted, TimedOut
from gateway._fast.http1_client import WireError
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Headers
from gateway.http.grpc import CONTENT_TYPE
from gateway.upstream.grpc.reply import Reply
from gateway.upstream.pool.http2 import PIECE, Session

if TYPE_CHECKING:
    from gateway.upstream.pool.connection import Connection

#: milliseconds that `grpc-timeout` can say in its eight digits
_TIMEOUT_MAX: Final = 99_999_999
#: seconds for an answer when the client had closed its sending half
HALF_CLOSED: Final = 0.25
#: what may go wrong on the wire
CAUSES: Final = (TimedOut, Interrupted, OSError, ProtocolError, WireError)


class BaseCall(ABC):
    """One call: an iterable of the pieces of its answer, which has the connection until it ends or is closed."""

    #: of what is known before it ends
    length = None
    content_type = CONTENT_TYPE

    def __init__(
        self,
        exchange: Exchange,
        owner: Connection,
        read: float,
        deadline: float,
        fail: Callable[[WireError], Exception],
    ) -> None:
        assert owner.channel is not None
        if owner.session is None:
            owner.session = Session()
        self._owner = owner
        self._channel = owner.channel
        self._session = owner.session
        self._h2 = owner.session.h2
        self._read = read
        self._deadline = deadline
        self._fail = fail
        self._is_hurried = exchange.hurried
        self._client: Channel | None = exchange.environ.get("gateway.channel")
        self._stream = self._h2.get_next_available_stream_id()
        self._reply = self._reply_to(exchange)
        self._is_written = self._is_whole = self._is_over = False
        #: whether the connection is this call's to give back
        self._is_begun = False
        #: whether more of the body was read than whoever tries again still has
        self._has_taken = False

    # What kinds of calls differ in.

    @abstractmethod
    def _reply_to(self, exchange: Exchange) -> Reply:
        """What the answer is read into; keeps what this kind of call needs of the request."""

    @property
    @abstractmethod
    def _is_answered(self) -> bool:
        """Whether there is enough of the answer for whoever waits for one."""

    # The answer, as it is known when the call has begun.

    @property
    def status(self) -> int:
        """The status of HTTP that the call's end stands for; 200 as long as it goes on."""
        return self._reply.status

    @property
    def headers(self) -> Headers:
        """The metadata that came first."""
        return self._reply.headers

    @property
    def body(self) -> BaseCall:
        """The pieces of the answer."""
        return self

    def begin(self, exchange: Exchange, first: bytes) -> None:
        """Send the call and wait for its answer, or the beginning of it where that will do."""
        self._link()
        data = [first]
        left = exchange.body_length - len(first)
        while exchange.body is not None and left > 0:
            self._has_taken = True
            data.append(exchange.body.read(min(left, PIECE)))
            left -= len(data[-1])
            if not data[-1]:
                raise WireError("unsendable", "the body ended early")
        self._h2.send_headers(self._stream, self._head(exchange))
        self._send(b"".join(data), True)
        while not self._is_answered:
            self._pump()
        self._is_begun = True

    def _head(self, exchange: Exchange) -> list[tuple[str, str]]:
        left = max(1, min(_TIMEOUT_MAX, int((self._deadline - monotonic()) * 1000)))
        return [
            (":method", "POST"),
            (":scheme", "https" if self._channel.tls else "http"),
            (":path", exchange.target),
            (":authority", self._owner.default_host),
            ("te", "trailers"),
            ("content-type", self.content_type),
            ("grpc-timeout", f"{left}m"),
            *exchange.headers,
        ]

    def _send(self, data: bytes, is_last: bool) -> None:
        """All of it, as far as the target lets us; it may answer before it has all. `is_last`: no more comes."""
        at = 0
        while not (self._reply.is_ended or self._is_over):
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room > 0 or not data:
                piece = data[at : at + room]
                at += len(piece)
                self._is_whole = is_last and at == len(data)
                self._h2.send_data(self._stream, piece, end_stream=self._is_whole)
            if at == len(data) or room <= 0:
                self._flush()
            if at == len(data):
                return
            if room <= 0:
                self._wait_for_room()

    def _wait_for_room(self) -> None:
        """Until the target may have opened the window."""
        self._pump()

    def _pump(self) -> None:
        """Take what the target says next."""
        self._take(self._channel.read(PIECE, self._patience()))

    def _take(self, data: bytes) -> None:
        """What the target said, b"" at its end."""
        reply = self._reply
        if not data:
            raise WireError("incomplete" if reply.has_head else "reset", "the target closed the connection")
        for event in self._session.take(data):
            reply.heed(event)
            if isinstance(event, DataReceived) and reply.is_of(event) and not reply.is_ended:
                self._credit(event)
        self._flush()

    def _credit(self, event: DataReceived) -> None:
        """So much more may come: what is here is read on demand only."""
        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, self._stream)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if not data:
            return
        self._is_written = True
        try:
            self._channel.write(data, self._patience())
        except OSError:
            if not self._is_whole:
                raise
            self._session.is_over = True  # NOTE: a target may close once it has said all, and that is still read

    def _patience(self) -> float:
        return min(self._read, self._deadline - monotonic())

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        reply = self._reply
        try:
            while not reply.frames:
                if reply.is_ended or self._is_over:
                    self.close()
                    raise StopIteration
                self._pump()
        except CAUSES as cause:
            error = self.error(cause)
            self._finish(False)
            raise self._fail(error) from cause
        except GatewayError:  # what the client still sends cannot be had
            self._finish(False)
            raise
        return reply.frames.popleft()

    def close(self) -> None:
        """End the call: one that has not ended itself costs the connection. Safe to call twice."""
        if not self._is_over:
            self._finish(self._reply.is_ended and self._is_whole and not self._session.is_over)

    def __del__(self) -> None:
        if self._is_begun and not self._is_over:  # nobody closed it: that costs the connection, but not its place
            self._finish(False)

    def _finish(self, keep: bool) -> None:
        self._is_over = True
        self.unlink()
        if keep:
            self._channel.rest_idle()
        self._owner.release(keep)

    def _link(self) -> None:
        """From here on the client's going away ends what we wait for."""
        if self._client is None:
            return
        self._client.linked = self._channel
        if self._is_gone:
            self._read = min(self._read, HALF_CLOSED)

    @property
    def _is_gone(self) -> bool:
        return self._client is not None and self._client.gone

    def unlink(self) -> None:
        """The client's going away is no longer this call's."""
        if self._client is not None:
            self._client.linked = None

    def error(self, cause: BaseException) -> WireError:
        """The WireError for what was raised inside a call."""
        reply, detail = self._reply, str(cause)
        if isinstance(cause, WireError):
            reason, detail = cause.reason, cause.detail
        elif isinstance(cause, Interrupted) or (isinstance(cause, TimedOut) and self._is_gone):
            reason, detail = "client-closed", "the client went away"
        elif isinstance(cause, TimedOut):
            reason = "total-timeout" if monotonic() >= self._deadline else "read-timeout"
        elif isinstance(cause, ProtocolError):
            reason, detail = "bad-answer", "it does not speak HTTP/2"
        elif isinstance(cause, ssl.SSLError):
            reason = "tls"
        else:
            reason = "incomplete" if reply.has_head else "reset"
        was_sent = (self._is_written and reply.was_sent) or self._has_taken
        return WireError(reason, detail, was_sent, not reply.has_head and not self._has_taken)
