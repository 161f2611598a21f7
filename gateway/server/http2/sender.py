"""The frames of streams on their way out: as windows let them, one stream after the other (RFC 9113 section 5.2)."""

from __future__ import annotations

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from gateway._fast.channel import TimedOut
from gateway._fast.http1_server import Server
from gateway.server.http2.frames import MAX_FRAME, Budget
from gateway.server.http2.outgoing import SendBuffer
from gateway.server.http2.stream import Stream

#: frames that carry nothing which a client may send for each byte, and each frame, of DATA that it was sent: clients of
#: gRPC open two windows for each message, and ask by a PING how fast it came
FOR_BYTE, FOR_FRAME = 4 / 1024, 4.0


class Sender:
    """Sends what streams have to say."""

    def __init__(self, server: Server, h2: H2Connection, outgoing: SendBuffer, nuisances: Budget) -> None:
        self.server = server
        self._h2, self._outgoing, self._nuisances = h2, outgoing, nuisances

    def _flush(self) -> None:
        self._outgoing.put(self._h2.data_to_send())

    def send_head(self, stream: Stream, fields: list[tuple[bytes, bytes]], is_last: bool) -> None:
        """Send a header section."""
        self._outgoing.wait_for_room(self.server.settings.body_timeout)
        try:
            self._check(stream)
            self._h2.send_headers(stream.number, fields, end_stream=is_last)
        except ProtocolError as error:
            raise ConnectionResetError(str(error)) from error
        finally:
            self._outgoing.pass_on()
        self._flush()

    def send_data(self, stream: Stream, data: bytes, is_last: bool) -> None:
        """Send `data` as far as windows let it; waits. Raises TimedOut, or OSError for a stream that is gone."""
        rest = memoryview(data)
        while rest or is_last:
            size = self._room(stream, len(rest))
            piece, rest = rest[:size], rest[size:]
            try:
                self._h2.send_data(stream.number, bytes(piece), end_stream=is_last and not rest)
            except ProtocolError as error:
                raise ConnectionResetError(str(error)) from error
            self._nuisances.earn(size * FOR_BYTE + FOR_FRAME)
            self._flush()
            if not rest:
                return

    def _room(self, stream: Stream, size: int) -> int:
        """How much of `size` bytes may be sent now; waits until it is some, or all of nothing."""
        timeout = self.server.settings.body_timeout
        while True:
            self._outgoing.wait_for_room(timeout)
            try:
                self._check(stream)
                window = self._h2.local_flow_control_window(stream.number) if size else 0
            except (OSError, ProtocolError) as error:
                self._outgoing.pass_on()
                raise ConnectionResetError(str(error)) from error
            if window > 0 or not size:
                return min(size, window, MAX_FRAME)
            self._outgoing.pass_on()
            stream.window.clear()
            if not stream.window.wait(timeout):
                raise TimedOut

    def _check(self, stream: Stream) -> None:
        if stream.is_lost:
            raise ConnectionResetError("the stream was reset")

    def credit(self, stream: Stream, size: int) -> None:
        """So many bytes of the body were read: the client may send as many more."""
        if size and not self._outgoing.is_broken:
            try:
                self._h2.acknowledge_received_data(size, stream.number)
            except ProtocolError as error:
                raise ConnectionResetError(str(error)) from error
            self._flush()

    def reset(self, stream: Stream, code: ErrorCodes) -> None:
        """End the stream without the rest of its answer."""
        if not stream.is_lost:
            stream.lose()
            try:
                self._h2.reset_stream(stream.number, code)
            except ProtocolError:
                return  # it has ended meanwhile, or all of the connection has
            self._flush()
