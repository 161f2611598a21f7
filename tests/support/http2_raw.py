"""HTTP/2 frames out and in, by hand: for what no library would send."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hpack import Decoder, Encoder

from tests.support.http2 import PATIENCE, Fields, frame, head

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK, END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL, INTERNAL, FLOW_CONTROL, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE = range(7)
REFUSED, CANCEL, COMPRESSION, _, ENHANCE_YOUR_CALM = range(7, 12)


class Seen(NamedTuple):
    """One frame that came; `fields` of HEADERS."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    fields: dict[str, str]


class RawClient:
    """One connection; sends the preface and SETTINGS unless told otherwise."""

    def __init__(self, port: int, ca: Path, start: bytes = PREFACE + frame(SETTINGS)) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), PATIENCE), server_hostname="default.test"
        )
        self.encoder, self._decoder = Encoder(), Decoder()
        self._received = b""
        self.send(start)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes; what the other end refuses to take is not an error here."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def request(self, stream: int = 1, fields: Fields | None = None, flags: int = END_STREAM | END_HEADERS) -> bytes:
        """A HEADERS frame of a request."""
        return frame(HEADERS, flags, stream, self.block(fields or head()))

    def block(self, fields: Fields) -> bytes:
        """A header section, compressed."""
        return self.encoder.encode([(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields])

    def frames(self) -> Iterator[Seen]:
        """What comes, up to the end of the connection."""
        while True:
            while len(self._received) < 9 or len(self._received) < 9 + int.from_bytes(self._received[:3], "big"):
                try:
                    data = self.socket.recv(65536)
                except TimeoutError:
                    raise
                except OSError:
                    data = b""
                if not data:
                    return
                self._received += data
            size = int.from_bytes(self._received[:3], "big")
            first, payload = self._received[:9], self._received[9 : 9 + size]
            self._received = self._received[9 + size :]
            fields = dict(self._decoder.decode(payload)) if first[3] == HEADERS else {}
            yield Seen(first[3], first[4], int.from_bytes(first[5:9], "big"), payload, fields)

    def until(self, kind: int, stream: int | None = None, flags: int = 0) -> Seen:
        """The next frame of a kind; AssertionError when the connection ends before."""
        seen = []
        for each in self.frames():
            if each.kind == kind and stream in (None, each.stream) and each.flags & flags == flags:
                return each
            seen.append(each)
        raise AssertionError(f"no frame {kind} in {seen}")

    def outcome(self, stream: int = 1) -> tuple[str, int]:
        """What became of a stream, or of all: ("goaway" | "reset", code), ("status", n), ("closed", 0)."""
        status = 0
        for each in self.frames():
            if each.kind == GOAWAY:
                return "goaway", int.from_bytes(each.payload[4:8], "big")
            if each.kind == RST_STREAM and each.stream == stream:
                return "reset", int.from_bytes(each.payload[:4], "big")
            if each.kind == HEADERS and each.stream == stream:
                status = int(each.fields[":status"])
            if each.kind in (HEADERS, DATA) and each.stream == stream and each.flags & END_STREAM:
                return "status", status
        return "closed", 0

    def serves(self, stream: int = 101) -> bool:
        """Whether the connection still answers."""
        self.send(self.request(stream))
        return self.outcome(stream) == ("status", 200)
