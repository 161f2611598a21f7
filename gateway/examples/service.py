"""A JSON API on the standard library's HTTP server, as small as the examples need it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LARGEST_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: the groups of the path's pattern, the query and the parsed JSON body."""

    args: tuple[str, ...]
    query: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back: text or, as an iterator, text that is sent piece by piece."""

    status: int
    text: str | Iterator[str]
    kind: str = "application/json"


class Refused(Exception):
    """Ends a request with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


Handler = Callable[[Ask], Answer]


def as_json(value: object, status: int = 200) -> Answer:
    """An Answer that shows `value`."""
    return Answer(status, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def data(name: str) -> str:
    """The text of a file under data/."""
    return resources.files("gateway.examples").joinpath("data", name).read_text("utf-8")


def records(name: str) -> list[dict[str, Any]]:
    """The records of data/`name`.json."""
    found: list[dict[str, Any]] = json.loads(data(f"{name}.json"))
    return found


def number(query: dict[str, str], name: str, default: int, largest: int) -> int:
    """A whole number from the query, between 0 and `largest`."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= largest):
        raise Refused(400, f"{name} must be a number from 0 to {largest}")
    return int(text)


class Service:
    """A name, a port and a table of ("METHOD", path pattern, handler)."""

    def __init__(self, name: str, table: list[tuple[str, str, Handler]]) -> None:
        self.name = name
        self.table = [(method, re.compile(pattern), handler) for method, pattern, handler in table]
        self.table.append(("GET", re.compile("/healthz"), lambda ask: as_json({"service": name, "status": "ok"})))

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Find the handler and ask it; every failure is an Answer too."""
        parts = urlsplit(target)
        try:
            for wanted, pattern, handler in self.table:
                found = pattern.fullmatch(parts.path)
                if found and (wanted == method or (wanted == "GET" and method == "HEAD")):
                    value = json.loads(body) if body else None
                    return handler(Ask(found.groups(), dict(parse_qsl(parts.query)), value))
        except Refused as refusal:
            return as_json({"error": str(refusal)}, refusal.status)
        except ValueError:
            return as_json({"error": "the body is not JSON"}, 400)
        return as_json({"error": f"{self.name} has nothing at {method} {parts.path}"}, 404)

    def start(self, host: str, port: int) -> ThreadingHTTPServer:
        """Serve in background threads until the returned server's `shutdown` is called. OSError: the port is taken."""
        handler = type("Handler", (_Handler,), {"service": self, "server_version": f"example-{self.name}"})
        server = _Server((host, port), handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    sys_version = ""
    wbufsize = -1
    timeout = 120

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        if size > LARGEST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            answer = as_json({"error": f"a body needs a length of at most {LARGEST_BODY} bytes"}, 413)
        else:
            answer = self.service.answer(self.command, self.path, self.rfile.read(size))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind + "; charset=utf-8")
        if isinstance(answer.text, str):
            self._whole(answer.text.encode())
        else:
            self._pieces(answer.text)

    do_GET = do_HEAD = do_POST = _serve

    def _whole(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pieces(self, pieces: Iterator[str]) -> None:
        self.close_connection = self.request_version == "HTTP/1.0"
        chunked = not self.close_connection
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces if self.command != "HEAD" else ():
            data = piece.encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            self.wfile.flush()
        if chunked and self.command != "HEAD":
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal for the gateway's own log."""
