"""Reply of a target to one gRPC call, made of the events of its HTTP/2 stream."""

from __future__ import annotations

from collections import deque
from typing import Final

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from gateway._fast.http1_client import WireError
from gateway.exchange import Headers
from gateway.http.grpc import CODES, COMPRESSED, HEAD, GrpcStatus, code_of, trailers

Fields = list[tuple[bytes, bytes]]

#: what is about the connection and the protocol, not about the call
_LEFT_OUT: Final = frozenset(
    (b"content-type", b"grpc-encoding", b"grpc-accept-encoding", b"grpc-status", b"grpc-message")
)
#: what the gateway says by itself where it matters
_OF_THE_GATEWAY: Final = frozenset((b"content-length",))


class Reply:
    """The answer as far as it came: `frames` are those that nobody took yet, the trailers last."""

    __slots__ = (
        "_buffer",
        "_left",
        "_most",
        "_stream",
        "code",
        "frames",
        "has_head",
        "headers",
        "is_ended",
        "status",
        "was_sent",
    )

    def __init__(self, stream: int, most: int, is_whole: bool = False) -> None:
        """`most` is the bytes of the largest message; with `is_whole`, where all are kept until the end, of all."""
        self._stream = stream
        self._most = most
        self._left = most + HEAD if is_whole else -1
        self._buffer = bytearray()
        self.frames: deque[bytes] = deque()
        self.headers: Headers = []
        self.has_head = self.is_ended = False
        #: whether the target may have seen the call
        self.was_sent = True
        #: gRPC's, and the status of HTTP that it stands for; 200 as long as the call goes on
        self.code = 0
        self.status = 200

    def is_of(self, event: Event) -> bool:
        """Whether an event is about this call."""
        return getattr(event, "stream_id", None) == self._stream

    def heed(self, event: Event) -> None:
        """Take an event of the connection. Raises WireError."""
        if isinstance(event, ConnectionTerminated):
            last = event.last_stream_id
            if not self.is_ended and last is not None and last < self._stream:
                raise self._left_out()
        elif not self.is_of(event) or self.is_ended:
            return
        elif isinstance(event, DataReceived):
            self._take(event.data)
        elif isinstance(event, ResponseReceived):
            self._take_head(event.headers)
        elif isinstance(event, TrailersReceived):
            self._end(event.headers)
        elif isinstance(event, StreamReset):
            if event.error_code == ErrorCodes.REFUSED_STREAM:
                raise self._left_out()
            raise WireError("incomplete" if self.has_head else "reset", f"the call was reset ({event.error_code})")
        elif isinstance(event, StreamEnded):
            raise WireError("bad-answer", "it ended without a status")

    def _left_out(self) -> WireError:
        """The target did nothing for this call (RFC 9113 sections 6.8 and 8.7)."""
        self.was_sent = False
        return WireError("reset", "the target takes no more calls on this connection")

    def _take_head(self, fields: Fields) -> None:
        self.has_head = True
        by_name = dict(fields)
        status = by_name.get(b":status", b"").decode("latin-1")
        if b"grpc-status" in by_name:
            self._end(fields)
        elif status != "200":
            raise WireError("bad-answer", f"it answered with the status {status} of HTTP")
        elif not by_name.get(b"content-type", b"").startswith(b"application/grpc"):
            raise WireError("bad-answer", "its answer is of another content type")
        self.headers = _lines(fields, _LEFT_OUT)

    def _take(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEAD:
            size = int.from_bytes(buffer[1:HEAD], "big")
            if size > self._most:
                raise WireError("bad-answer", f"a message has more than {self._most} bytes")
            if buffer[0] & COMPRESSED:
                raise WireError("bad-answer", "a message is compressed, which was not asked for")
            if len(buffer) < HEAD + size:
                return
            if self._left >= 0:
                self._left -= HEAD + size
                if self._left < 0:
                    raise WireError("bad-answer", f"its messages have more than {self._most} bytes together")
            self.frames.append(bytes(buffer[: HEAD + size]))
            del buffer[: HEAD + size]

    def _end(self, fields: Fields) -> None:
        """The call's own end, by its trailers."""
        if self._buffer:
            raise WireError("bad-answer", "it ended inside a message")
        self.frames.append(trailers(self._ended(fields)))

    def _ended(self, fields: Fields, left_out: frozenset[bytes] = frozenset()) -> Headers:
        lines = _lines(fields, left_out)
        self.is_ended = True
        self.code = code_of(dict(lines).get("grpc-status", ""))
        self.status = CODES[self.code][1]
        return lines


class RawReply(Reply):
    """The answer as it came: pieces of any size, an End last. Of one that is its end alone the headers are that end."""

    __slots__ = ()

    def __init__(self, stream: int) -> None:
        super().__init__(stream, 0)

    def _take_head(self, fields: Fields) -> None:
        super()._take_head(fields)
        self.frames.clear()
        self.headers = _lines(fields, _OF_THE_GATEWAY)

    def _take(self, data: bytes) -> None:
        if data:
            self.frames.append(data)

    def _end(self, fields: Fields) -> None:
        self.frames.append(GrpcStatus.of(self._ended(fields, _OF_THE_GATEWAY)))


def _lines(fields: Fields, left_out: frozenset[bytes]) -> Headers:
    """Fields as the gateway has them, but for pseudo-header fields."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in fields
        if name[:1] != b":" and name not in left_out
    ]
