"""A server behind a link that takes its time: a TCP proxy that holds back what the server says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Slowed:
    """A proxy on a loopback port of its own; `delay` is seconds for each piece of an answer, and may be changed."""

    def __init__(self, port: int, delay: float = 0.0) -> None:
        self.delay = delay
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
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
            for source, target, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, target, is_answer), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_answer and self.delay:
                    self._over.wait(self.delay)
                target.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, target):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                each.close()


@contextmanager
def slowed(port: int, delay: float = 0.0) -> Iterator[Slowed]:
    """One proxy in front of a port, ended at the end."""
    proxy = Slowed(port, delay)
    try:
        yield proxy
    finally:
        proxy.stop()
