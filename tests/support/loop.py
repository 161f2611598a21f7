"""The connection loop in this process: a WSGI app on one end of a socket pair, a test on the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent import socket

from gateway._fast.channel import Channel
from gateway._fast.http1_head import Limits
from gateway._fast.http1_server import Connection, Server, Settings
from gateway.errors import KINDS, GatewayError

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
BY_SLUG = {kind.slug: kind for kind in KINDS}


def failure(slug: str, detail: str) -> GatewayError:
    """What the worker makes of a body that cannot be read."""
    return GatewayError(BY_SLUG[slug], detail)


def server(app: App, limits: Limits | None = None, body: int = 1 << 20, patience: float = 5.0) -> Server:
    """The loop's server, with one timeout for all."""
    return Server(app, Settings(limits or Limits(), patience, patience, patience, body), failure)


@contextmanager
def connected(to: Server) -> Iterator[Any]:
    """The client's end of a connection that is being served; once left, the serving has ended."""
    ours, theirs = socket.socketpair()
    base = {"REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "http"}
    connection = Connection(to, Channel(theirs), base, time.monotonic() + to.settings.header_timeout)
    serving = gevent.spawn(connection.serve)
    ours.settimeout(10)
    try:
        yield ours
    finally:
        ours.close()
        serving.get(timeout=10)


def converse(to: Server, pieces: Iterable[bytes]) -> bytes:
    """Send `pieces` one by one, then no more; everything that was answered."""
    with connected(to) as client:
        for piece in pieces:
            client.sendall(piece)
            gevent.sleep(0)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))
