"""Receivers of alerts over HTTP, in a thread: well, down, slow, refusing or flaky, as a test says."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certs import Pair


class Receiver:
    """`bodies` are the JSON bodies that it took, `heads` (path, headers) of all that came.

    `plan` says what becomes of the next requests, one each: a status, "close" (no answer) or "hang" (none until the
    end); when it is empty they are answered 200.
    """

    def __init__(self, port: int = 0, tls: Pair | None = None, plan: tuple[Any, ...] = ()) -> None:
        self.plan = list(plan)
        self.bodies: list[Any] = []
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                receiver.heads.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                what = receiver.plan.pop(0) if receiver.plan else 200
                if what == "hang":
                    receiver.over.wait(30)
                if what in ("hang", "close"):
                    self.close_connection = True
                    return
                if 200 <= what < 300:
                    receiver.bodies.append(json.loads(body))
                self.send_response(what)
                if 300 <= what < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def do_GET(self) -> None:
                """As an upstream that is well."""
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.cert, tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._server.handle_error = lambda *arguments: None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def receiving(**options: Any) -> Iterator[Receiver]:
    """A receiver for a while."""
    made = Receiver(**options)
    try:
        yield made
    finally:
        made.close()
