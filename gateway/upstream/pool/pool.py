"""The pool of connections to one target: urllib3's, with the bytes exchanged by `_fast.http1_client`.

urllib3's seams are `ConnectionCls` and `QueueCls`.
"""

from __future__ import annotations

import queue
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Final, cast

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import EmptyPoolError

from gateway.upstream.pool.connection import Connection, PlainConnection, TLSConnection
from gateway.upstream.pool.slots import Slots

#: schemes over TLS
TLS_SCHEMES: Final = ("https", "grpcs")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target listens. `scheme` is http, https, grpc, grpcs or unix, which has a path in `socket`."""

    scheme: str
    host: str
    port: int
    socket: str = ""

    def __str__(self) -> str:
        if self.socket:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """What Host says when the client said nothing (RFC 9110 section 7.2); "localhost" on a unix socket."""
        if self.socket:
            return "localhost"
        default = 443 if self.scheme in TLS_SCHEMES else 80
        return str(self).removesuffix(f":{default}") if self.port == default else str(self)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """At most `max_connections` at once; one that was idle for `idle` seconds is closed."""

    max_connections: int = 256
    idle: float = 60.0


def _nobody_asks() -> None:
    """For a pool that is in no registry."""


class TargetPool:
    """What the gateway adds to urllib3's pools."""

    pool: Slots
    address: Address
    idle: float
    default_host: str
    is_draining = False
    is_grpc = False
    #: called when a connection was opened: the registry looks after its age from here on
    opened: Callable[[], None] = staticmethod(_nobody_asks)

    def checkout(self, now: float, timeout: float, until: float = inf) -> Connection:
        """A connected connection, reused or fresh, that is given back with `Connection.release`.

        `now` is monotonic, `timeout` bounds each of waiting for a slot and connecting, in seconds, `until` (monotonic)
        both of them.  Raises EmptyPoolError, urllib3's and ssl's errors of connecting, OSError.
        """
        return self.reuse(now) or self.open(timeout, may_reuse=True, until=until)

    def reuse(self, now: float) -> Connection | None:
        """An idle connection that still can be used, the one used last of them. `now` is monotonic."""
        idle = self.pool.idle
        oldest = now - self.idle
        while idle:
            connection = idle.pop()
            if connection.idle_since >= oldest and not connection.is_stale():
                connection.uses += 1
                return connection
            self.discard(connection)
        return None

    def open(self, timeout: float, may_reuse: bool = False, until: float = inf) -> Connection:
        """A fresh connection, as `checkout` does; an idle one gives up its place.

        With `may_reuse` also one that was just given back.
        """
        try:
            connection = self.pool.get(True, timeout)
        except queue.Empty:
            raise EmptyPoolError(cast(HTTPConnectionPool, self), "every connection is in use") from None
        if connection is not None:
            if may_reuse and not connection.is_stale():
                connection.uses += 1
                return connection
            connection.close()
        left = min(timeout, until - monotonic())
        if left <= 0.0:
            self.pool.put(None)
            raise EmptyPoolError(cast(HTTPConnectionPool, self), "a place came free too late")
        return self._connect(left)

    def _connect(self, timeout: float) -> Connection:
        try:
            connection = self._connected(self, timeout)
        except BaseException:
            self.pool.put(None)
            raise
        connection.uses = 1
        self.opened()
        return connection

    def extra(self, timeout: float) -> Connection:
        """A connection beside the pool, which does not count: for a health check. To be closed, not released."""
        return self._connected(_Nowhere(), timeout)

    def _connected(self, pool: TargetPool, timeout: float) -> Connection:
        connection = cast(Connection, self._new_conn())  # type: ignore[attr-defined]
        connection.pool = pool
        connection.default_host = self.default_host
        try:
            connection.open(timeout)
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, connection: Connection) -> None:
        """Take back a connection that may be used again."""
        if self.is_draining:
            self.discard(connection)
            return
        connection.idle_since = monotonic()
        slots = self.pool
        if slots.waiting:
            slots.put(connection)
        else:  # PERF: perf scenario `bare`
            slots.idle.append(connection)

    def discard(self, connection: Connection) -> None:
        """Close a connection that was checked out; its place is free."""
        connection.close()
        self.pool.put(None)

    def close_older(self, than: float) -> int:
        """Close what is idle since before `than` (monotonic); gives how many idle ones are left."""
        for connection in self.pool.take_older(than):
            connection.close()
        return len(self.pool.idle)

    def drain(self) -> None:
        """Close what is idle now, the others when they come back. Checking out still works, for last exchanges."""
        self.is_draining = True
        self.close_older(float("inf"))


class _Nowhere(TargetPool):
    """Where connections go that belong to no pool."""

    def give_back(self, connection: Connection) -> None:
        """It is not kept."""
        connection.close()

    discard = give_back


class PlainPool(TargetPool, HTTPConnectionPool):  # type: ignore[misc]
    """The connections to a target over TCP or a unix socket."""

    ConnectionCls = PlainConnection
    QueueCls = Slots  # type: ignore[assignment]

    def __init__(self, address: Address, settings: PoolSettings) -> None:
        HTTPConnectionPool.__init__(
            self,
            address.host or "localhost",
            address.port or None,
            maxsize=settings.max_connections,
            block=True,
            socket_path=address.socket,
        )
        self.idle = settings.idle
        self.address = address
        self.default_host = address.authority
        self.is_grpc = address.scheme in ("grpc", "grpcs")


class TLSPool(TargetPool, HTTPSConnectionPool):  # type: ignore[misc]
    """The connections to a target over TLS."""

    ConnectionCls = TLSConnection
    QueueCls = Slots  # type: ignore[assignment]

    def __init__(
        self, address: Address, settings: PoolSettings, context: ssl.SSLContext, server_name: str = ""
    ) -> None:
        HTTPSConnectionPool.__init__(
            self,
            address.host,
            address.port,
            maxsize=settings.max_connections,
            block=True,
            ssl_context=context,
            server_hostname=server_name or None,
        )
        self.idle = settings.idle
        self.address = address
        self.default_host = address.authority
        self.is_grpc = address.scheme in ("grpc", "grpcs")
