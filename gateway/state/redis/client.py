"""Clients of redis-py that fail fast: bounded pools, short timeouts, no retries.

redis-py's own settings take 4.65 s to fail on a dead port and over 20 s on a silent one.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

import gevent
from gevent.monkey import is_module_patched
from redis import BlockingConnectionPool, Connection, Redis, RedisCluster, SSLConnection
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection

from gateway.state.redis.address import RedisAddress

#: seconds for each of: a free connection, resolving and connecting, an answer
PATIENCE: Final = 0.1
CONNECTIONS: Final = 32

Client = Redis | RedisCluster


class FailFastConnection(Connection):
    """A connection that is there in time or fails."""

    def _connect(self) -> Any:
        # NOTE: the resolver has no timeout of its own.
        seconds = PATIENCE if is_module_patched("socket") else None
        with gevent.Timeout(seconds, RedisTimeout("no connection in time")):
            return super()._connect()  # type: ignore[no-untyped-call]


class TLSConnection(SSLConnection, FailFastConnection):
    """The same over TLS. `context` is the store's, set in a subclass for it.

    PERF: redis-py makes a context for each connection, which reads all authorities of the system anew: 10 ms in which
    no other request is served.
    """

    context: ssl.SSLContext

    def _wrap_socket_with_ssl(self, sock: Any) -> ssl.SSLSocket:
        return self.context.wrap_socket(sock, server_hostname=self.host)


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the master that the sentinels name, bounded and waited for."""


def connect(address: RedisAddress) -> Client:
    """A client for `address`. A cluster is asked for its nodes at once, anything else touches no network.

    Raises OSError and ssl.SSLError for authorities that cannot be read, redis-py's errors for a cluster.
    """
    plain = connection_class(address)
    retry = Retry(NoBackoff(), 0)
    settings: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "health_check_interval": 0,
        "client_name": "gateway",
        "driver_info": None,
        "protocol": 2,  # NOTE: with 3 each connection would begin with maintenance notifications
    }
    bounds: dict[str, Any] = {"max_connections": CONNECTIONS, "timeout": PATIENCE}
    (host, port), *others = address.hosts
    if address.kind == "cluster":
        # NOTE: only with a `url` do the nodes get pools of the class that is asked for.
        nodes = [ClusterNode(*each) for each in others]  # type: ignore[no-untyped-call]
        return RedisCluster(
            url=f"redis://[{host}]:{port}" if ":" in host else f"redis://{host}:{port}",
            startup_nodes=nodes,
            retry=retry,
            connection_pool_class=BlockingConnectionPool,
            connection_class=plain,
            **bounds,
            **settings,
        )
    settings |= {"retry": retry, "db": address.database}
    if address.kind == "sentinel":
        alone = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": retry, "protocol": 2}
        sentinels = Sentinel(address.hosts, sentinel_kwargs=alone | _sentinel_tls(address))
        managed = type("SentinelConnection", (SentinelManagedConnection, plain), {})
        pool: BlockingConnectionPool = _SentinelPool(
            address.master, sentinels, connection_class=managed, **bounds, **settings
        )  # type: ignore[no-untyped-call]
    else:
        pool = BlockingConnectionPool(connection_class=plain, host=host, port=port, **bounds, **settings)  # type: ignore[no-untyped-call]
    return Redis(connection_pool=pool)


def connection_class(address: RedisAddress) -> type[Connection]:
    """What connects to a server of `address`; over TLS it verifies by the `ca` file or the system's authorities."""
    if not address.is_tls:
        return FailFastConnection
    context = ssl.create_default_context(cafile=address.ca or None)
    return type("StoreConnection", (TLSConnection,), {"context": context})


def _sentinel_tls(address: RedisAddress) -> dict[str, Any]:
    return {"ssl": True, "ssl_ca_certs": address.ca or None} if address.is_tls else {}
