"""What gRPC says on the wire beside HTTP/2: codes, frames, and how a call and its end travel within the gateway.

The body of a call, and of an answer, is a row of frames: a byte of flags, four bytes of length, and so many bytes. The
last frame of an answer has TRAILERS among its flags and header lines in it, as gRPC-Web has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

#: where in `environ` of a call stands what is wanted of its answer
WANTS: Final = "gateway.grpc"
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
UNIMPLEMENTED: Final = 12


class Wants(NamedTuple):
    """What is wanted of an answer: a stream, or one message, and the bytes of the largest one."""

    is_stream: bool
    most: int


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
