"""State that the HTTP/2 connections of one listener in one worker share."""

from __future__ import annotations

from typing import Any, Protocol

from gateway._fast.http1_server import Server


class ListenerConnections(Protocol):
    """A connection, for whoever ends it."""

    def drain(self) -> None:
        """Tell the client to begin no more; what it began is answered."""

    def close_idle(self) -> None:
        """Close it as soon as what has begun is answered."""

    def abort(self) -> None:
        """Cut it off."""


class Service:
    """Counts the requests of all connections, bounds those that are on their way, and ends connections."""

    def __init__(self, server: Server, most: int) -> None:
        """`most`: streams at a time on all connections, as many as HTTP/1 could have requests."""
        self.server = server
        self.requests = 0
        self.connections: set[ListenerConnections] = set()
        self.streams = 0
        self._most = most

    @property
    def is_full(self) -> bool:
        """Whether no further stream is taken now."""
        return self.streams >= self._most

    def serve(self, sock: Any, base: dict[str, Any], until: float) -> None:
        """Serve a connection whose TLS handshake agreed on h2 until it ends; the first request must come by `until`."""
        # NOTE: here, so that the library is loaded only where HTTP/2 is spoken.
        from gateway.server.http2.connection import Connection

        connection = Connection(self, sock, base, until)
        self.connections.add(connection)
        try:
            connection.serve()
        finally:
            self.connections.discard(connection)

    def drain(self) -> None:
        """From now on clients are told to begin no more."""
        for connection in list(self.connections):
            connection.drain()

    def close_idle(self) -> None:
        """Close connections once what has begun on them is answered."""
        for connection in list(self.connections):
            connection.close_idle()

    def stop(self) -> None:
        """Cut off what is still there."""
        for connection in list(self.connections):
            connection.abort()
