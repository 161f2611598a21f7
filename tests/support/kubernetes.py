"""The part of a Kubernetes API server that serves EndpointSlices: list and watch, over TLS, for a bearer token.

It keeps a history as etcd does: a watch begins at a resourceVersion, and one that was compacted away is answered 410.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.support.certs import authority, issue
from tests.support.threaded import ThreadedServer, serving_context

TOKEN = "token-of-the-pod"
GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
Slice = dict[str, Any]


class Expired(Exception):
    """The page asked for was of a list that is forgotten."""


class Cut(Exception):
    """The connection ends here; what is said before it does."""


class Moment(NamedTuple):
    """What held when a request came: whoever sees the request may change it at once."""

    valid: str
    status: int
    refuses_old: bool
    epoch: int
    cuts: int


def endpoint_slice(
    name: str, *addresses: str, service: str = "catalog", port: int = 8080, port_name: str = "http", **more: Any
) -> Slice:
    """A slice with ready endpoints at `addresses`; `more` replaces keys of it."""
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
    } | more


class KubernetesApi:
    """An API server; `folder` becomes a pod's service account. `requests` are the targets asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.account = folder
        pair = issue(folder, authority(folder), "api", "IP:127.0.0.1")
        (folder / "token").write_text(TOKEN)
        (folder / "namespace").write_text("shop")
        self.requests: list[str] = []
        self.tokens: list[str] = []
        self.status = 200
        #: the one token that is let in; "": the one in the account's folder
        self.valid = ""
        #: how watches end on their own: after so many seconds
        self.watch_seconds = 60.0
        self._changed = threading.Condition()
        self._version = 100
        self._oldest = 0
        self._slices: dict[str, Slice] = {}
        self._history: list[tuple[int, str, Slice]] = []
        self._lists: dict[str, list[Slice]] = {}
        self._epoch = 0
        self._cuts = 0
        self._half = b""
        #: whether a watch from too long ago is refused at once by 410, or told so by its first event: both happen
        self.refuses_old = False
        self._context = serving_context(pair)
        self.start()

    def start(self, port: int = 0) -> None:
        """Serve, after `stop` at the port that it had."""
        self._server = _Server(self, port, self._context)
        self._server.begin()

    def stop(self) -> int:
        """Be gone, watches and all, as when the node is lost; the port."""
        with self._changed:
            self._server.is_gone = True
        self.cut()
        self._server.end()
        return self._server.port

    @property
    def environ(self) -> dict[str, str]:
        """What a pod has in its environment."""
        return {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self._server.port),
            "GATEWAY_SERVICE_ACCOUNT": str(self.account),
        }

    def renew(self, token: str) -> None:
        """Give the pod another token, at once as the kubelet does."""
        fresh = self.account / "token.fresh"
        fresh.write_text(token)
        fresh.replace(self.account / "token")

    def put(self, item: Slice) -> None:
        """Add a slice or change it."""
        name = item["metadata"]["name"]
        with self._changed:
            self._event("MODIFIED" if name in self._slices else "ADDED", item)
            self._slices[name] = item

    def delete(self, name: str) -> None:
        """Take a slice away."""
        with self._changed:
            self._event("DELETED", self._slices.pop(name))

    def bookmark(self) -> None:
        """Tell the watches how far things are; nothing of a slice has changed."""
        with self._changed:
            self._event("BOOKMARK", {"metadata": {}})

    def compact(self) -> None:
        """Forget the history: whoever watches from before now gets 410."""
        with self._changed:
            self._version += 1
            self._oldest = self._version

    def end_watches(self) -> None:
        """End every watch, in order, as the server does now and then."""
        with self._changed:
            self._epoch += 1
            self._changed.notify_all()

    def cut(self, half: bytes = b"") -> None:
        """Cut the connection of every watch, in the middle of what is said: after `half`."""
        with self._changed:
            self._cuts, self._half = self._cuts + 1, half
            self._changed.notify_all()

    def fail_watches(self, code: int, message: str) -> None:
        """Tell the watches of trouble that is not theirs."""
        with self._changed:
            self._event("ERROR", {"kind": "Status", "code": code, "message": message, "metadata": {}})

    def watches(self) -> list[str]:
        """The resourceVersions that were watched from."""
        return [query["resourceVersion"][0] for query in self._queries() if "watch" in query]

    def lists(self) -> int:
        """How often a list was asked for."""
        return sum("watch" not in query for query in self._queries())

    def _queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(target).query) for target in tuple(self.requests)]

    def close(self) -> None:
        """Stop, and end what is watched."""
        self.end_watches()
        self._server.end()

    def came(self, target: str, token: str, server: _Server) -> Moment | None:
        """Note a request; None when the server is gone."""
        with self._changed:
            if server.is_gone:
                return None
            valid = self.valid or (self.account / "token").read_text().strip()
            moment = Moment(valid, self.status, self.refuses_old, self._epoch, self._cuts)
            self.tokens.append(token)
            self.requests.append(target)
            return moment

    def _event(self, kind: str, item: Slice) -> None:
        self._version += 1
        item = json.loads(json.dumps(item))
        item["metadata"]["resourceVersion"] = str(self._version)
        self._history.append((self._version, kind, item))
        self._changed.notify_all()

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of what there is."""
        with self._changed:
            wanted = query["labelSelector"].partition("=")[2]
            names = sorted(
                n for n, s in self._slices.items() if s["metadata"]["labels"]["kubernetes.io/service-name"] == wanted
            )
            version, _, place = query.get("continue", f"{self._version} 0").partition(" ")
            if int(version) < self._oldest:
                raise Expired
            start, limit = int(place), min(int(query["limit"]), 2)
            # NOTE: all pages are of the moment of the first one.
            items = self._lists.setdefault(f"{version} {wanted}", [self._slices[name] for name in names])
            metadata = {"resourceVersion": version}
            if start + limit < len(items):
                metadata["continue"] = f"{version} {start + limit}"
            return {"metadata": metadata, "items": items[start : start + limit]}

    def is_old(self, since: int) -> bool:
        """Whether what came after `since` is forgotten."""
        return since < self._oldest

    def watch(self, since: int, seconds: float, moment: Moment, handler: _Handler) -> None:
        """Send the events after `since` until the watch ends."""
        until = time.monotonic() + min(seconds, self.watch_seconds)
        while True:
            with self._changed:
                if moment.cuts != self._cuts:
                    raise Cut(self._half)
                if self.is_old(since):
                    handler.line({"type": "ERROR", "object": GONE})
                    return
                fresh = [event for event in self._history if event[0] > since]
                if not fresh:
                    left = until - time.monotonic()
                    if left <= 0 or moment.epoch != self._epoch:
                        return
                    self._changed.wait(left)
                    continue
            for _, kind, item in fresh:
                handler.line({"type": kind, "object": item})
            since = fresh[-1][0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        api = self.server.api
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        moment = api.came(self.path, token, self.server)
        if moment is None:
            self.close_connection = True
            return None
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if token != moment.valid:
            return self._answer(401, {"kind": "Status", "code": 401})
        if moment.status != 200:
            return self._answer(moment.status, {"kind": "Status", "code": moment.status})
        if parts.path != "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices":
            return self._answer(404, {"kind": "Status", "code": 404})
        if "watch" not in query:
            try:
                return self._answer(200, api.list(query))
            except Expired:
                return self._answer(410, GONE)
        if moment.refuses_old and api.is_old(int(query["resourceVersion"])):
            return self._answer(410, GONE)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            api.watch(int(query["resourceVersion"]), float(query["timeoutSeconds"]), moment, self)
        except Cut as cut:
            self.chunk(cut.args[0])
            self.connection.shutdown(socket.SHUT_RDWR)
            raise
        self.wfile.write(b"0\r\n\r\n")
        return None

    def line(self, event: dict[str, Any]) -> None:
        """One event, as a chunk of its own."""
        self.chunk(json.dumps(event).encode() + b"\n")

    def chunk(self, data: bytes) -> None:
        """A piece of a stream; none says nothing."""
        if not data:
            return
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class _Server(ThreadedServer):
    def __init__(self, api: KubernetesApi, port: int, context: ssl.SSLContext) -> None:
        self.api = api
        #: what is still asked of it gets no answer
        self.is_gone = False
        super().__init__(_Handler, port, context)

    def handle_error(self, *_: Any) -> None:
        """A client went away: that is part of the tests."""
