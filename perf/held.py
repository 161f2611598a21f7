"""What a gateway's worker takes for connections that idle: opened, used once, and left alone."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

from perf.procs import NotServing, memory, session_pids

REQUEST = b"GET %s HTTP/1.1\r\nHost: perf\r\n\r\n"
#: opened and used at a time: fewer than a backlog holds
BATCH = 200
#: seconds without growth after which memory counts as idle
SETTLED = 0.5


def largest(sid: int) -> tuple[float, float]:
    """(RSS, PSS) in MB of the largest process that is not the first one, once it has stopped growing."""
    peak, since = (0.0, 0.0), time.perf_counter()
    while time.perf_counter() - since < SETTLED:
        now = max((memory(pid) for pid in session_pids(sid) if pid != sid), default=(0.0, 0.0))
        if now[0] > peak[0] + 0.1:
            peak, since = now, time.perf_counter()
        time.sleep(0.02)
    return peak


def by_connections(sid: int, port: int, path: str, count: int) -> dict[str, float]:
    """By how much the worker of the session grows with `count` idle connections, each of which was used once."""
    with ExitStack() as warm:
        # What the first requests make lasts. These stay: what they would leave behind, the next ones would use again.
        _open(warm, port, path, BATCH)
        before = largest(sid)[0]
        with ExitStack() as held:
            for opened in range(0, count, BATCH):
                _open(held, port, path, min(BATCH, count - opened))
            after, pss = largest(sid)
    return {"rss_mb": after, "pss_mb": pss, "kb_each": (after - before) * 1e3 / count}


def _open(held: ExitStack, port: int, path: str, count: int) -> None:
    """Connections that have had an answer, kept until `held` ends."""
    connections = [held.enter_context(socket.create_connection(("127.0.0.1", port), 10.0)) for _ in range(count)]
    for connection in connections:
        connection.sendall(REQUEST % path.encode())
    for connection in connections:
        with connection.makefile("rb") as stream:
            if not stream.readline().startswith(b"HTTP/1.1 2"):
                raise NotServing("the gateway did not answer on one of many connections")
