"""An HTTP/2 client that can also say what no client should: over the h2 package, and over raw frames beside it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes

#: seconds; the machine may have much else to do
PATIENCE = 30.0
Fields = list[tuple[str, str]]


@dataclass
class Answer:
    """What came on one stream."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    hints: list[dict[str, str]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None


def head(path: str = "/up/", method: str = "GET", *more: tuple[str, str]) -> Fields:
    """The fields of a good request, and more."""
    pseudo = [(":method", method), (":scheme", "https"), (":authority", "a.example"), (":path", path)]
    return [*pseudo, *more]


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", size: int | None = None) -> bytes:
    """One frame; `size` may lie."""
    length = len(payload) if size is None else size
    return length.to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Http2Client:
    """One connection. Nothing is checked on the way out; windows are opened by hand when `is_lazy`."""

    def __init__(self, port: int, ca: Path, *, is_lazy: bool = False, window: int | None = None) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        context.check_hostname = False
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket = context.wrap_socket(plain, server_hostname="default.test")
        assert self.socket.selected_alpn_protocol() == "h2"
        config = H2Configuration(
            header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.h2 = H2Connection(config)
        self.is_lazy = is_lazy
        self.answers: dict[int, Answer] = {}
        self.goaways: list[tuple[int, int, bytes]] = []
        self.has_ended = False
        if window is not None:
            self.h2.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = window
            self.h2.local_settings.acknowledge()
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self) -> Http2Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Send what h2 has to say."""
        self.raw(self.h2.data_to_send())

    def raw(self, data: bytes) -> None:
        """Send bytes; what the other end refuses to take is not an error here."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def ask(self, fields: Iterable[tuple[str, str]] | None = None, body: bytes | None = None, end: bool = True) -> int:
        """Send a request and give its stream; with `end` it ends behind its head and `body`."""
        number = self.h2.get_next_available_stream_id()
        self.answers[number] = Answer()
        self.h2.send_headers(number, list(fields or head()), end_stream=end and body is None)
        if body is not None:
            self.h2.send_data(number, body, end_stream=end)
        self.flush()
        return number

    def read(self, seconds: float = PATIENCE) -> bool:
        """Take what comes next; whether something came. `has_ended` tells the end of the connection."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        finally:
            self.socket.settimeout(PATIENCE)
        if not data:
            self.has_ended = True
            return True
        for event in self.h2.receive_data(data):
            self._happened(event)
        if not self.goaways:
            self.flush()
        return True

    def _happened(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self.goaways.append((int(event.error_code or 0), event.last_stream_id or 0, event.additional_data or b""))
            return
        answer = self.answers.setdefault(getattr(event, "stream_id", 0) or 0, Answer())
        if isinstance(event, InformationalResponseReceived):
            answer.hints.append(dict(event.headers))
        elif isinstance(event, ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, DataReceived):
            answer.body += event.data or b""
            if not self.is_lazy:
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, StreamEnded):
            answer.ended = True
        elif isinstance(event, StreamReset):
            answer.reset = int(event.error_code or 0)

    def until(
        self, condition: Callable[[], object], what: str = "what was waited for", seconds: float = PATIENCE
    ) -> None:
        """Read until `condition`; AssertionError when it does not come."""
        until = time.monotonic() + seconds
        while not condition():
            left = until - time.monotonic()
            assert left > 0 and not self.has_ended, f"not seen: {what}; {self.goaways}"
            self.read(left)

    def answer(self, number: int) -> Answer:
        """The whole answer, or as much as came before a reset."""
        found = self.answers[number]
        self.until(lambda: found.ended or found.reset is not None, f"the end of stream {number}")
        return found

    def get(self, *fields: tuple[str, str]) -> Answer:
        """The answer to one request without a body."""
        return self.answer(self.ask(fields or None))

    def goodbye(self) -> int:
        """Read up to the end of the connection; the code of its GOAWAY."""
        while not self.has_ended:
            assert self.read(), "the connection goes on"
        assert self.goaways, "there was no GOAWAY"
        return self.goaways[-1][0]
