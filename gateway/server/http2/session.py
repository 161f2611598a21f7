"""One HTTP/2 connection (RFC 9113): frames in, streams and their frames out. Knows no socket.

The h2 package keeps the state of streams and windows; limits, and the order in which frames go out, are here.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from gevent.pool import Group
from h2.errors import ErrorCodes
from h2.events import DataReceived, RemoteSettingsChanged, RequestReceived, StreamEnded, StreamReset, WindowUpdated
from h2.events import Event as Happened
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from gateway._fast.head_rules import Refused
from gateway.server.http2 import frames
from gateway.server.http2.frames import Budget, Frame, Frames, GoAway
from gateway.server.http2.head import Field, Malformed, read_head
from gateway.server.http2.outgoing import SendBuffer
from gateway.server.http2.protocol import HEADER_TABLE, MAX_STREAMS, make_protocol
from gateway.server.http2.sender import Sender
from gateway.server.http2.service import Service
from gateway.server.http2.stream import Stream

#: SECURITY: at once and a second: resets, whoever sends them (CVE-2023-44487), and frames that ask for work and carry
#: nothing (CVE-2019-9512 to 9518); tests/e2e/test_http2_floods.py
RESETS = (400.0, 40.0)
NUISANCES = (1000.0, 200.0)
FOREVER = 2**31 - 1


class Http2Session(Sender):
    """The streams of one connection."""

    def __init__(self, service: Service, outgoing: SendBuffer, base: dict[str, Any], idle: Callable[[], None]) -> None:
        """`base` is the environ of the connection; `idle` is called when no stream is left."""
        now = monotonic()
        super().__init__(service.server, make_protocol(), outgoing, Budget(*NUISANCES, now))
        self._service, self._base, self._idle = service, base, idle
        self._frames = Frames()
        self._running = Group()
        self._resets = Budget(*RESETS, now)
        self.streams: dict[int, Stream] = {}
        #: when the last stream ended; 0.0 before the first one
        self.idle_since = 0.0
        #: the last stream that is answered
        self.last = FOREVER
        self._flush()

    # What comes.

    def receive(self, data: bytes, now: float) -> None:
        """Bytes of the client. Raises Goodbye when there can be no more of them."""
        try:
            for frame in self._frames.feed(data, now):
                self._take(frame, now)
        except ProtocolError as error:
            self._h2.clear_outbound_data_buffer()  # the library's own GOAWAY
            raise GoAway(error.error_code, str(error)) from error
        finally:
            self._flush()

    @property
    def is_leaving(self) -> bool:
        """Whether no further stream is answered."""
        return self.last != FOREVER

    def goaway(self, code: ErrorCodes, words: str = "", last: int | None = None) -> None:
        """Tell the client which stream is the last one, by default the last that it began (RFC 9113 section 6.8)."""
        self.last = min(self.last, self._h2.highest_inbound_stream_id if last is None else last)
        frame = GoAwayFrame(0, last_stream_id=self.last, error_code=code, additional_data=words.encode())
        self._outgoing.put(frame.serialize())

    def end(self) -> None:
        """The connection is gone: nobody waits for what is on its way. Returns when all streams have ended."""
        for stream in self.streams.values():
            stream.lose()
        self._running.join()

    @property
    def head_begun(self) -> float:
        """Since when a frame or a header section is incomplete; 0.0 when none is."""
        return self._frames.begun

    def _take(self, frame: Frame, now: float) -> None:
        self._charge(frame, now)
        if frame.kind == frames.GOAWAY and frame.stream == 0 and frame.size >= 8:
            # NOTE: h2 would end the connection; what the client asked for before is still answered (RFC 9113 6.8).
            self.last = min(self.last, self._h2.highest_inbound_stream_id)
            return
        if frame.kind == frames.SETTINGS and frame.flags & frames.ACK and frame.size:
            raise GoAway(ErrorCodes.FRAME_SIZE_ERROR, "an ACK of SETTINGS says something (RFC 9113 6.5)")
        for event in self._h2.receive_data(frame.raw):
            self._happened(event, now)

    def _charge(self, frame: Frame, now: float) -> None:
        if frame.kind == frames.RST_STREAM:
            self._charge_reset(now)
        elif frame.kind not in (frames.HEADERS, frames.DATA) and (frame.kind != frames.CONTINUATION or not frame.size):
            self._charge_nuisance(now)

    def _charge_nuisance(self, now: float) -> None:
        if not self._nuisances.spend(now):
            raise GoAway(ErrorCodes.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def _charge_reset(self, now: float) -> None:
        if not self._resets.spend(now):
            raise GoAway(ErrorCodes.ENHANCE_YOUR_CALM, "too many streams are reset")

    def _happened(self, event: Happened, now: float) -> None:
        if isinstance(event, RequestReceived):
            self._requested(event, now)
        elif isinstance(event, DataReceived):
            self._delivered(event, now)
        elif isinstance(event, StreamEnded):
            stream = self.streams.get(event.stream_id or 0)
            if stream is not None and stream.body is not None:
                stream.body.end()
        elif isinstance(event, StreamReset):
            if not event.remote_reset:
                self._charge_reset(now)
            stream = self.streams.get(event.stream_id or 0)
            if stream is not None:
                stream.lose()
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            if isinstance(event, RemoteSettingsChanged):
                # SECURITY: the client may ask for a table of gigabytes, which its own requests would fill.
                self._h2.encoder.header_table_size = min(HEADER_TABLE, self._h2.encoder.header_table_size)
            self._wake(getattr(event, "stream_id", 0) or 0)

    def _wake(self, number: int) -> None:
        """More may be sent on one stream, or on all."""
        found = self.streams.get(number)
        for stream in (found,) if found is not None else self.streams.values() if number == 0 else ():
            stream.window.set()

    def _requested(self, event: RequestReceived, now: float) -> None:
        number = event.stream_id or 0
        if number > self.last or len(self.streams) >= MAX_STREAMS or self._service.is_full:
            self._charge_reset(now)
            self._h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        try:
            stream = Stream(self, number)
        except OSError:  # no descriptors are left
            self._h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        self.streams[number] = stream
        self._service.streams += 1
        self._service.requests += 1
        self._running.spawn(stream.run, self._environ(stream, event))
        if stream.is_malformed:
            self._charge_reset(now)

    def _environ(self, stream: Stream, event: RequestReceived) -> dict[str, Any]:
        """The environ of a request; one that is refused goes to the application too, to be answered and logged."""
        environ = self._base.copy()
        fields = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
        try:
            head, own = read_head(fields, event.stream_ended is not None, self.server.settings.limits)
        except Malformed as malformed:
            stream.is_malformed = True
            environ |= _refusal(fields, "malformed-request", f"The request was refused: {malformed}.")
        except Refused as refused:
            rule = refused.rule
            environ |= _refusal(fields, rule.error, f"The request was refused: {rule.words} ({rule.section}).")
        else:
            environ |= own
            environ["gateway.headers"], environ["gateway.head"] = head.headers, head
            stream.prepare(environ, head.length, head.expects)
            return environ
        stream.prepare(environ, 0, False)
        return environ

    def _delivered(self, event: DataReceived, now: float) -> None:
        number, size = event.stream_id or 0, event.flow_controlled_length or 0
        data = event.data or b""
        if not data and event.stream_ended is None:
            self._charge_nuisance(now)
        stream = self.streams.get(number)
        if stream is None or stream.body is None or stream.is_lost:
            self._h2.acknowledge_received_data(size, number)
            return
        if size > len(data):  # padding
            self._h2.acknowledge_received_data(size - len(data), number)
        stream.body.deliver(data)

    def finished(self, stream: Stream) -> None:
        """The stream needs nothing any more; what the client still sends on it is not wanted (RFC 9113 8.1)."""
        known = self._h2.streams.get(stream.number)
        if known is not None and not known.closed:
            self.reset(stream, ErrorCodes.NO_ERROR)
        if stream.body is not None:
            self._h2.acknowledge_received_data(stream.body.unread, stream.number)
        del self.streams[stream.number]
        self._service.streams -= 1
        if not self.streams:
            self.idle_since = monotonic()
            self._idle()


def _refusal(fields: list[Field], error: str, detail: str) -> dict[str, Any]:
    """The environ of a request whose head cannot be served."""
    said = dict(fields)
    method = said.get(b":method", b"GET").decode("latin-1")
    return {
        "REQUEST_METHOD": method if method.isascii() and method.isalpha() else "GET",
        "RAW_URI": said.get(b":path", b"/")[:256].decode("latin-1") or "/",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "CONTENT_TYPE": said.get(b"content-type", b"").decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/2",
        "gateway.headers": [],
        "gateway.refusal": (error, detail),
    }
