"""gRPC above HTTP/2: codes, frames, and how a call and its end travel within the gateway.

The body of a call, and of an answer, is a row of frames: a byte of flags, four bytes of length, and so many bytes. The
last frame of an answer has TRAILERS among its flags and header lines in it, as gRPC-Web has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote

from gateway.exchange import BodyReader, Headers

#: where in `environ` of a call stands what is wanted of its answer: Wants, or a Passage
WANTS: Final = "gateway.grpc"
#: where in `environ` of a request stands who made it, a Client, if it is a call of gRPC
CLIENT: Final = "gateway.call"
CONTENT_TYPE: Final = "application/grpc"
MESSAGE: Final = 0
COMPRESSED: Final = 1
TRAILERS: Final = 0x80
HEAD: Final = 5

#: google.rpc.Code: the name, and the status of HTTP that it stands for
CODES: Final = (
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
)
CANCELLED: Final = 1
UNKNOWN: Final = 2
DEADLINE_EXCEEDED: Final = 4
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
#: the code for a status of the gateway's own. As clients read answers without a code (gRPC's "HTTP to gRPC Status Code
#: Mapping"), but where that knows too little: a rate that is used up, or time that is, is no UNAVAILABLE, after which
#: clients may call again at once.
_OF_STATUS: Final = MappingProxyType(
    {
        400: INTERNAL, 401: 16, 403: 7, 404: UNIMPLEMENTED, 405: UNIMPLEMENTED, 408: DEADLINE_EXCEEDED,
        413: RESOURCE_EXHAUSTED, 414: RESOURCE_EXHAUSTED, 429: RESOURCE_EXHAUSTED, 431: RESOURCE_EXHAUSTED,
        499: CANCELLED, 500: INTERNAL, 501: UNIMPLEMENTED, 502: UNAVAILABLE, 503: UNAVAILABLE, 504: DEADLINE_EXCEEDED,
    }
)  # fmt: skip


class GrpcAccept(NamedTuple):
    """What is wanted of an answer: a stream, or one message, and the bytes of the largest one."""

    is_stream: bool
    most: int


class GrpcCall(NamedTuple):
    """A call that a client makes itself: its answer is wanted as it comes. `body`: what the client still sends."""

    body: BodyReader | None
    content_type: str


class Client(Protocol):
    """Who made a call, as whoever answers it has them."""

    def bound(self, most: int) -> None:
        """From here on each message is bounded, by `most` bytes, not all of them; the client may pause for long."""

    def end(self, fields: Headers) -> None:
        """What the answer ends with."""


class GrpcStatus(bytes):
    """The last piece of an answer that is passed on: nothing, but for the `fields` that the call ends with."""

    fields: Headers

    @classmethod
    def of(cls, fields: Headers) -> GrpcStatus:
        """One with these."""
        made = cls()
        made.fields = fields
        return made


class Sizes:
    """Looks at how large the messages are that pass, in pieces of any size."""

    __slots__ = ("_head", "_left", "_most")

    def __init__(self, most: int) -> None:
        """`most` is bytes of a message."""
        self._most = most
        self._head = b""
        self._left = 0

    def fits(self, data: bytes) -> bool:
        """Whether no message that begins in the next piece is too large."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(HEAD - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) == HEAD:
                    self._left, self._head = int.from_bytes(self._head[1:], "big"), b""
                    if self._left > self._most:
                        return False
            at += step
        return True


def is_call(content_type: str) -> bool:
    """Whether a Content-Type is gRPC's own, in any coding of messages; that of gRPC-Web is not."""
    return content_type[:16].lower() == CONTENT_TYPE and content_type[16:17] in ("", "+", ";", " ")


def code_for(status: int) -> int:
    """The code that stands for a status of the gateway's own."""
    return _OF_STATUS.get(status, UNKNOWN)


def ending(code: int, words: str) -> Headers:
    """What a call ends with that ends badly; `words` in any characters (percent-encoded, as gRPC has it)."""
    return [("grpc-status", str(code)), ("grpc-message", quote(words, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}~"))]


def code_of(text: str) -> int:
    """The number of a `grpc-status`; what is none of gRPC's is UNKNOWN."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 and int(text) < len(CODES) else UNKNOWN


def frame(data: bytes, flags: int = MESSAGE) -> bytes:
    """One frame."""
    return bytes((flags,)) + len(data).to_bytes(4, "big") + data


def frames(body: bytes | Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(flags, content) of each frame of an answer."""
    rest = b""
    for piece in (body,) if isinstance(body, bytes) else body:
        rest = rest + piece if rest else piece
        at = 0
        while len(rest) >= at + HEAD:
            end = at + HEAD + int.from_bytes(rest[at + 1 : at + HEAD], "big")
            if len(rest) < end:
                break
            yield rest[at], rest[at + HEAD : end]
            at = end
        rest = rest[at:]


def trailers(lines: Iterable[tuple[str, str]]) -> bytes:
    """The frame of an answer's end."""
    return frame("".join(f"{name}: {value}\r\n" for name, value in lines).encode("latin-1"), TRAILERS)


def read_trailers(data: bytes) -> dict[str, str]:
    """The lines of such a frame, the last of each name."""
    pairs = (line.partition(": ") for line in data.decode("latin-1").split("\r\n") if line)
    return {name: value for name, _, value in pairs}
