"""The state machine of the h2 package, set up as a server of ours (RFC 9113)."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

from gateway.server.http2.frames import PREFACE

#: SETTINGS_MAX_CONCURRENT_STREAMS; those that come before the client knows of it are refused one by one
MAX_STREAMS = 100
UNAWARE = 10_000
#: bytes of one upload that may wait here unread; the connection's window lets each stream have as much
STREAM_WINDOW = 65_535
CONNECTION_WINDOW = MAX_STREAMS * STREAM_WINDOW
#: of the table that answers' fields are compressed with, bytes (RFC 7541 section 4.2)
HEADER_TABLE = 4096
#: SETTINGS_MAX_HEADER_LIST_SIZE, bytes
HEADER_LIST = 65_536


class _Protocol(H2Connection):
    #: a connection lives long: what is remembered of streams that ended must not grow with it
    MAX_CLOSED_STREAMS = 1024


def make_protocol() -> H2Connection:
    """The h2 state machine, its SETTINGS written. Heads are checked by our own rules, each for its stream alone."""
    config = H2Configuration(client_side=False, validate_inbound_headers=False, validate_outbound_headers=False)
    made = _Protocol(config)
    made.initiate_connection()
    made.receive_data(PREFACE)  # looked at by Frames
    made.increment_flow_control_window(CONNECTION_WINDOW - STREAM_WINDOW)
    # NOTE: to h2 a stream too many is an error of the whole connection, so the limit that was told is held by us.
    values = {SettingCodes.MAX_CONCURRENT_STREAMS: UNAWARE, SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST}
    made.local_settings = Settings(client=False, initial_values=values)
    return made
