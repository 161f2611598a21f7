"""HTTP/2 (RFC 9113) on a connection to a target, from its first request to its last."""

from __future__ import annotations

from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, Event
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame

from gateway._fast.channel import Channel, TimedOut

PIECE: Final = 65536
#: bytes that a target may send ahead of being read
WINDOW: Final = 1 << 18


class _Protocol(H2Connection):
    #: a connection has one call after the other: what is remembered of those that ended must not grow with it
    MAX_CLOSED_STREAMS = 64

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        """NOTE: h2 would end the connection; a call that had begun goes on (RFC 9113 section 6.8)."""
        told = ConnectionTerminated()
        told.last_stream_id = frame.last_stream_id
        return [], [told]


class Session:
    """HTTP/2 on one connection, from its first call to its last."""

    __slots__ = ("_is_met", "h2", "is_over")

    def __init__(self) -> None:
        # What is sent was checked where it was made of the client's fields.
        config = H2Configuration(
            client_side=True,
            header_encoding=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2: H2Connection = _Protocol(config)
        settings = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: WINDOW}
        self.h2.local_settings = Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(WINDOW)
        #: whether the target wants no more calls on it
        self.is_over = False
        self._is_met = False

    def take(self, data: bytes) -> list[Event]:
        """What `data` says. Raises ProtocolError."""
        if not self._is_met and data.startswith(b"HTTP/"):  # else it would look like the start of a large frame
            raise ProtocolError("HTTP/1")
        self._is_met = True
        events: list[Event] = self.h2.receive_data(data)
        self.is_over = self.is_over or any(isinstance(event, ConnectionTerminated) for event in events)
        return events

    def is_stale(self, channel: Channel) -> bool:
        """Whether an idle connection can no longer be used. A target may ping, or say its settings, at any time."""
        if channel.closed or channel.gone:
            return True
        if channel.unread:
            try:
                data = channel.read(PIECE, 0.001)
                self.take(data)
                channel.write(self.h2.data_to_send(), 0.001)
            except (TimedOut, OSError, ProtocolError):
                return True
            if not data:
                return True
        return self.is_over
