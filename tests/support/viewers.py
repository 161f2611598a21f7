"""Those who watch a dashboard without a browser: streams that are read, or not."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from tests.support.gateway import Gateway

ASK = b"GET /api/live?range=%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class Viewer:
    """One stream; `events` counts what came."""

    def __init__(self, gateway: Gateway, shows: str = "5m", *, reads: bool = True) -> None:
        self._socket = socket.socket()
        if not reads:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", gateway.admin_port))
        self._socket.sendall(ASK % shows.encode())
        self.events = self.size = 0
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        if reads:
            self._thread.start()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._thread.is_alive():
            self._thread.join(5)

    def _read(self) -> None:
        mark, end = b"data: ", b""
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65536):
                self.size += len(data)
                self.events += (end + data).count(mark)
                end = (end + data)[1 - len(mark) :]  # it may come in two pieces
        self.ended.set()
