"""The standard library's HTTP server as tests need it: a thread for each connection, and room for many at once."""

from __future__ import annotations

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certs import Pair
from tests.support.ports import free_port


class ThreadedServer(ThreadingHTTPServer):
    """It serves on a port of its own, over TLS where there is a context, from `begin` to `end`."""

    daemon_threads = True
    # Who finds no room in the backlog tries again after a second.
    request_queue_size = 1024

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        self._context = context
        super().__init__(("127.0.0.1", port or free_port()), handler)
        self.port: int = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def begin(self) -> None:
        """Serve."""
        self._thread.start()

    def end(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection; its handshake is its own thread's: nobody who is slow at it holds up the others."""
        plain, address = self.socket.accept()
        if self._context is None:
            return plain, address
        try:
            plain.getpeername()
        except OSError:  # NOTE: the ssl module forgets to close one whose client has gone before it is wrapped
            plain.close()
            raise
        return self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address


def serving_context(pair: Pair) -> ssl.SSLContext:
    """TLS with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    return context
