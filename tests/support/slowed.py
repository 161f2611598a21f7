"""A server behind a link that takes its time: a TCP proxy that holds back what the server says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.ports import free_port


class Slowed:
    """A proxy on a loopback port of its own; `delay` is seconds for each piece of an answer, and may be changed."""

    def __init__(self, port: int, delay: float = 0.0) -> None:
        self.delay = delay
        self._target = port
        self.port = free_port()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more connections, and hold none back any longer."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            threading.Thread(target=self._join, args=(client, server), daemon=True).start()

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        # NOTE: closed once nobody reads from them: their numbers are another connection's then.
        with client, server:
            answers = threading.Thread(target=self._pump, args=(server, client, True), daemon=True)
            answers.start()
            self._pump(client, server, False)
            answers.join()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_answer and self.delay:
                    self._over.wait(self.delay)
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def slowed(port: int, delay: float = 0.0) -> Iterator[Slowed]:
    """One proxy in front of a port, ended at the end."""
    proxy = Slowed(port, delay)
    try:
        yield proxy
    finally:
        proxy.stop()
