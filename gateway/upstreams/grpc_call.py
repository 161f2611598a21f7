"""One call of gRPC on a connection of the pool, and only one at a time (the protocol of gRPC over HTTP/2).

`talk` is to a gRPC target what `gateway._fast.wire.talk` is to one of HTTP/1, so that all that stands in front of it
(pools, balancing, circuits, tries) is the same.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Final

from h2.events import DataReceived
from h2.exceptions import ProtocolError

from gateway._fast.channel import Channel, Interrupted, TimedOut
from gateway._fast.wire import WireError
from gateway.exchange import Exchange, Headers
from gateway.grpc_wire import CANCELLED, DEADLINE_EXCEEDED, WANTS, Wants
from gateway.upstreams.grpc_reply import Reply
from gateway.upstreams.http2 import PIECE, Session

if TYPE_CHECKING:
    from gateway.upstreams.connection import Connection

#: milliseconds that `grpc-timeout` can say in its eight digits
_TIMEOUT_MAX: Final = 99_999_999
#: seconds for an answer when the client had closed its sending half
HALF_CLOSED: Final = 0.25
_CAUSES: Final = (TimedOut, Interrupted, OSError, ProtocolError, WireError)


class Call:
    """One call: an iterable of the frames of its answer, which has the connection until it ends or is closed."""

    #: of what is known before it ends
    length = None

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
        self._wants: Wants = exchange.environ[WANTS]
        self._client: Channel | None = exchange.environ.get("gateway.channel")
        self._stream = self._h2.get_next_available_stream_id()
        self._reply = Reply(self._stream, self._wants.most)
        self._is_written = self._is_whole = self._is_over = False
        #: whether the connection is this call's to give back
        self._is_begun = False
        #: whether more of the body was read than whoever tries again still has
        self._has_taken = False

    @property
    def status(self) -> int:
        """The status of HTTP that the call's end stands for; 200 as long as it goes on."""
        return self._reply.status

    @property
    def headers(self) -> Headers:
        """The metadata that came first."""
        return self._reply.headers

    @property
    def body(self) -> Call:
        """The frames of the answer."""
        return self

    def begin(self, exchange: Exchange, first: bytes) -> None:
        """Send the call and wait for its end, or where a stream is wanted for its first message."""
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
        self._send(b"".join(data))
        reply = self._reply
        while not reply.is_ended and not (self._wants.is_stream and reply.frames):
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
            ("content-type", "application/grpc"),
            ("grpc-timeout", f"{left}m"),
            *exchange.headers,
        ]

    def _send(self, data: bytes) -> None:
        """All of the body, as far as the target lets us; it may answer before it has all."""
        at = 0
        while not self._reply.is_ended:
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room > 0 or not data:
                piece = data[at : at + room]
                at += len(piece)
                self._is_whole = at == len(data)
                self._h2.send_data(self._stream, piece, end_stream=self._is_whole)
            if self._is_whole or room <= 0:
                self._flush()
            if self._is_whole:
                return
            if room <= 0:
                self._pump()

    def _pump(self) -> None:
        """Take what the target says next."""
        reply = self._reply
        data = self._channel.read(PIECE, self._patience())
        if not data:
            raise WireError("incomplete" if reply.has_head else "reset", "the target closed the connection")
        for event in self._session.take(data):
            reply.heed(event)
            if isinstance(event, DataReceived) and reply.is_of(event) and not reply.is_ended:
                self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
        self._flush()
        # SECURITY: the target ended it for the time that the client gave: that says nothing about the target.
        if reply.code in (CANCELLED, DEADLINE_EXCEEDED) and (self._is_hurried or monotonic() >= self._deadline):
            raise WireError("total-timeout", "the target ended the call in time")

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self._is_written = True
            self._channel.write(data, self._patience())

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
        except _CAUSES as cause:
            error = self.error(cause)
            self._finish(False)
            raise self._fail(error) from cause
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


def talk(
    exchange: Exchange,
    owner: Connection,
    read_timeout: float,
    deadline: float,
    first: bytes,
    fail: Callable[[WireError], Exception],
) -> Call:
    """Call a method; see `gateway._fast.wire.talk`. `exchange.environ[WANTS]` says what is wanted of the answer."""
    call = Call(exchange, owner, read_timeout, deadline, fail)
    try:
        call.begin(exchange, first)
    except _CAUSES as cause:
        call.unlink()
        raise call.error(cause) from cause
    except BaseException:
        call.unlink()
        raise
    return call
