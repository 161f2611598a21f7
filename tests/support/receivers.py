"""Receivers of alerts over HTTP, in a thread: well, down, slow, refusing or flaky, as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.certs import Pair
from tests.support.threaded import ThreadedServer, serving_context


class Receiver:
    """`bodies` are the JSON bodies that it took, `heads` (path, headers) of all that came. Kept before it answers.

    `plan` says what becomes of the next requests, one each: a status, "close" (no answer) or "hang" (none until the
    end); when it is empty they are answered 200.
    """

    def __init__(self, port: int = 0, tls: Pair | None = None, plan: tuple[Any, ...] = ()) -> None:
        self.plan = list(plan)
        self.bodies: list[Any] = []
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                what = receiver._take((self.path, {name.lower(): value for name, value in self.headers.items()}), body)
                if what == "hang":
                    receiver.over.wait(30)
                if what in ("hang", "close"):
                    self.close_connection = True
                    return
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

        self._server = ThreadedServer(Handler, port, serving_context(tls) if tls else None)
        self.port = self._server.port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        if tls is not None:
            self._server.handle_error = lambda *arguments: None
        self._server.begin()

    def _take(self, head: tuple[str, dict[str, str]], body: bytes) -> Any:
        """Keep what came; what becomes of it."""
        with self._lock:  # what a test finds in one list goes with what it finds in the others
            what = self.plan.pop(0) if self.plan else 200
            taken = [json.loads(body)] if isinstance(what, int) and 200 <= what < 300 else []
            self.heads.append(head)
            self.bodies += taken
        return what

    def close(self) -> None:
        """Stop listening."""
        self.over.set()
        self._server.end()


@contextmanager
def receiving(**options: Any) -> Iterator[Receiver]:
    """A receiver for a while."""
    made = Receiver(**options)
    try:
        yield made
    finally:
        made.close()
