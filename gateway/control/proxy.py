"""Proxy to the collector: the admin listener passes requests on to its socket, once the guard let them in."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import falcon

from gateway.admin.context import Site
from gateway.admin.resource import Endpoint
from gateway.errors import BODY_TOO_LARGE, OBSERVER_UNAVAILABLE, GatewayError

SOCKET: Final = "observer.sock"
#: bytes of a request's body, and of one piece of an answer's
LARGEST: Final = 64 << 10
PIECE: Final = 64 << 10
#: seconds: until an answer begins, and between two pieces of one that streams
BEGINS_WITHIN: Final = 10.0
SILENT_FOR: Final = 60.0

#: what the observer may want to know of a request; who asks, and by which secret, is not among it
_PASSED: Final = ("accept", "accept-encoding", "content-type", "if-none-match", "if-modified-since", "last-event-id")
#: of one connection only (RFC 9110 section 7.6.1), or made anew here
_KEPT_BACK: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
_WITHOUT_BODY: Final = frozenset({204, 304})


class CollectorProxy:
    """Every path of the observer's, with any method; which of them there are, it says itself."""

    def __init__(self, site: Site) -> None:
        self._path = Path(site.runtime.path) / SOCKET

    def on_get(self, req: falcon.Request, resp: falcon.Response, rest: str = "") -> None:
        """Ask the observer, and pass on what it says as it comes."""
        body = req.bounded_stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise GatewayError(BODY_TOO_LARGE, f"At most {LARGEST >> 10} KB are taken here.")
        if body:
            req.context.what = {"body": body.decode(errors="replace")}
        connection = _Connection(self._path)
        try:
            answer = connection.ask(req, body)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            detail = "It is being started, or the configuration does not ask for it; see the gateway's log."
            raise GatewayError(OBSERVER_UNAVAILABLE, detail, headers=(("Retry-After", "1"),), cause=error) from None
        _pass_on(req, resp, answer, connection)

    on_head = on_post = on_put = on_patch = on_delete = on_get


class _Connection(http.client.HTTPConnection):
    """HTTP over the observer's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=BEGINS_WITHIN)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def ask(self, req: falcon.Request, body: bytes) -> http.client.HTTPResponse:
        """The answer's head. Raises OSError, HTTPException."""
        fields = {name: value for name in _PASSED if (value := req.get_header(name)) is not None}
        target = req.env.get("RAW_URI", "")
        if not target.startswith("/"):  # the absolute form (RFC 9112 section 3.2.2)
            target = req.relative_uri
        self.request(req.method, target, body or None, {**fields, "Connection": "close"})
        self.sock.settimeout(SILENT_FOR)
        return self.getresponse()


def _pass_on(
    req: falcon.Request, resp: falcon.Response, answer: http.client.HTTPResponse, connection: _Connection
) -> None:
    resp.status = answer.status
    for name, value in answer.getheaders():
        if name.lower() not in _KEPT_BACK:
            resp.set_header(name, value)
    length = answer.getheader("Content-Length")
    if length is not None:
        resp.set_header("Content-Length", length)
    if req.method == "HEAD" or answer.status in _WITHOUT_BODY:
        connection.close()
    else:
        resp.stream = _Pieces(answer, connection)


class _Pieces:
    """The body as it comes. Closing it, which the listener does when the client goes away, ends the observer's work."""

    def __init__(self, answer: http.client.HTTPResponse, connection: _Connection) -> None:
        self._answer = answer
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._answer.read1(PIECE):
            yield piece

    def close(self) -> None:
        """Let go of the observer."""
        self._answer.close()
        self._connection.close()


ENDPOINTS: Final = (
    Endpoint("/dashboard", CollectorProxy, {"GET": "all of it as a page, for people"}),
    Endpoint("/dashboard/{rest:path}", CollectorProxy),
    Endpoint("/metrics", CollectorProxy, {"GET": "everything that is counted, for Prometheus"}),
    Endpoint(
        "/api/overview",
        CollectorProxy,
        {"GET": "how everything is and what happened lately, by ?range=10s, 1m, 5m, 1h, 24h or 48h"},
    ),
    Endpoint("/api/history", CollectorProxy, {"GET": "how it was over time, by ?range= and ?route="}),
    Endpoint("/api/live", CollectorProxy, {"GET": "the same each second, as a stream of events"}),
    Endpoint("/api/trends", CollectorProxy, {"GET": "errors by fault, and traffic beside that of the time before"}),
    *(
        Endpoint(path, CollectorProxy)
        for path in ("/api/alerts", "/api/alerts/{rest:path}", "/api/silences", "/api/silences/{rest:path}")
    ),
)
