"""WebSockets for tests: by hand where the bytes matter, by a library where the protocol does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from tests.support.gateway import Gateway
from tests.support.raw import Client

FIELDS = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def asking(path: str, *more: str, fields: tuple[str, ...] = FIELDS, version: str = "1.1", method: str = "GET") -> bytes:
    """A request for a WebSocket."""
    lines = [f"{method} {path} HTTP/{version}", "Host: a.example", *fields, *more, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def opened(gateway: Gateway, path: str, behind: bytes = b"") -> Client:
    """A client without opinions for which the protocol has changed; `behind` follows the request in the same send."""
    client = Client(gateway.port).send(asking(path) + behind)
    head = client.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return client


@contextlib.contextmanager
def service(play: Callable[[ServerConnection], None], **options: Any) -> Iterator[int]:
    """A WebSocket server whose every connection is handled by `play` in a thread; gives its port."""
    with serve(play, "127.0.0.1", 0, **{"max_size": None, "close_timeout": 5, **options}) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(5)


def talking(
    gateway: Gateway, path: str, scheme: str = "ws", **options: Any
) -> AbstractContextManager[ClientConnection]:
    """A client of the library's, through the gateway."""
    options = {"max_size": None, "proxy": None, "close_timeout": 5, "open_timeout": 30, **options}
    return connect(f"{scheme}://127.0.0.1:{gateway.port}{path}", **options)


class Switchboard:
    """An upstream that changes the protocol for everyone who asks, and then says nothing. One thread for all.

    A line is in `lines` before it is answered.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.lines: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._switch(line)

    def _switch(self, line: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            data = line.recv(65536)
            if not data:
                return line.close()
            asked += data
        self.lines.append(line)
        return line.sendall(SWITCHED)

    def close(self) -> None:
        """Stop accepting and close what is open."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self.lines:
            line.close()
