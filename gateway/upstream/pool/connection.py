"""Connections to a target: urllib3's, with their sockets handed over to a Channel.

urllib3 keeps what it is good at: names, connecting, TLS and its verification.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import gevent
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from gateway._fast.channel import Channel

if TYPE_CHECKING:
    from gateway.upstream.pool.http2 import Session
    from gateway.upstream.pool.pool import TargetPool


class Connection:
    """What the gateway adds to urllib3's connections."""

    pool: TargetPool
    default_host: str
    channel: Channel | None = None
    #: what HTTP/2 knows of the connection; None on one of HTTP/1
    session: Session | None = None
    #: monotonic seconds; how often it was handed out
    idle_since = 0.0
    uses = 0
    #: called when the exchange that has the connection is over: its target has one request less
    leave: Callable[[], object] = int

    def open(self, timeout: float) -> None:
        """Connect, TLS included, within `timeout` seconds. Raises urllib3's and ssl's errors, OSError."""
        connection = cast(HTTPConnection, self)
        connection.timeout = timeout
        # NOTE: neither the resolver nor the TLS handshake has a timeout of its own.
        limit = gevent.Timeout(timeout)
        with limit:
            try:
                connection.connect()
            except gevent.Timeout as error:
                if error is not limit:
                    raise
                raise ConnectTimeoutError(connection, "no connection in time") from None
        self.channel = Channel(connection.sock)

    def is_stale(self) -> bool:
        """Whether an idle connection can no longer be used."""
        assert self.channel is not None
        return self.channel.stale() if self.session is None else self.session.is_stale(self.channel)

    def close(self) -> None:
        """Close the socket. Safe to call twice."""
        if self.channel is not None:
            self.channel.close()
        super().close()  # type: ignore[misc]

    def release(self, keep: bool) -> None:
        """Give the connection back to its pool, which closes it unless it may be used again."""
        self.leave()
        self.leave = int
        if keep:
            self.pool.give_back(self)
        else:
            self.pool.discard(self)


class PlainConnection(Connection, HTTPConnection):
    """A connection over TCP or a unix socket."""

    def __init__(self, *args: Any, socket_path: str = "", **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.socket_path = socket_path

    def _new_conn(self) -> socket.socket:
        if not self.socket_path:
            return super()._new_conn()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(cast(float, self.timeout))
            sock.connect(self.socket_path)
        except TimeoutError as error:
            sock.close()
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            sock.close()
            raise NewConnectionError(self, str(error)) from error
        return sock


class TLSConnection(Connection, HTTPSConnection):
    """A connection over TLS; the context says what is verified."""
