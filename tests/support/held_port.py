"""A port that nobody listens on yet, and nobody else gets meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.raw import Upstream, echo


@contextmanager
def held_port() -> Iterator[int]:
    """The number of the port."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def listening(port: int) -> Upstream:
    """An upstream on the port that is held."""
    made = Upstream(echo)
    made.close()
    made._listener = socket.socket()
    made._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made._listener.bind(("127.0.0.1", port))
    made._listener.listen(1024)
    threading.Thread(target=made._accept, daemon=True).start()
    return made
