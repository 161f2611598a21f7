"""Requests that the admin listener passes on to the observer's socket."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from types import MappingProxyType

import pytest

from gateway.control.proxy import LARGEST, SOCKET


class Observer(BaseHTTPRequestHandler):
    """Tells what it was asked; `/api/live` streams until the other side goes away."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/api/live"):
            return self.stream()
        length = int(self.headers.get("Content-Length") or 0)
        body = f"{self.command} {self.path} {self.rfile.read(length).decode()}".encode()
        self.send_response(418 if "teapot" in self.path else 200)
        self.send_header("Content-Type", "text/x-said")
        self.send_header("X-Seen", ",".join(sorted(name.lower() for name in self.headers)))
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return None

    do_POST = do_DELETE = do_HEAD = do_GET

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"6\r\nevent\n\r\n")
                self.wfile.flush()
                self.server.goes_on.wait(0.01)
        except OSError:
            self.server.is_gone.set()

    def log_message(self, *_):
        """Nothing."""

    def address_string(self):
        return "local"


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    goes_on, is_gone = threading.Event(), threading.Event()

    def handle_error(self, *_):
        """The other side went away."""


@contextmanager
def observing(folder):
    with Server(str(folder / SOCKET), Observer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def observer(site):
    with observing(site.runtime.path) as server:
        yield server


def test_paths_and_queries_go_through_as_they_come(site, observer):
    assert site.ask("GET", "/metrics").body == b"GET /metrics "
    assert site.ask("GET", "/dashboard/app.js").body == b"GET /dashboard/app.js "
    assert site.ask("DELETE", "/api/silences/7", x_gateway_admin="1").body == b"DELETE /api/silences/7 "
    answer = site.ask("GET", "/api/overview?teapot=1".partition("?")[0], accept="a/b", if_none_match='"1"')
    assert answer.status == 200
    assert (answer.headers["content-type"], answer.headers["etag"]) == ("text/x-said", '"1"')
    assert answer.headers["cache-control"] == "no-store"


def test_status_and_bodies_of_requests(site, observer):
    answer = site.ask("POST", "/api/alerts/teapot/ack", body=b"text", x_gateway_admin="1")
    assert (answer.status, answer.body) == (418, b"POST /api/alerts/teapot/ack text")
    refused = site.ask("POST", "/api/silences", body=b"x" * (LARGEST + 1), x_gateway_admin="1")
    assert (refused.status, refused.json["type"]) == (413, "urn:gateway:error:body-too-large")


def test_who_asks_is_not_told(site, observer):
    asked = {"authorization": "Bearer x", "cookie": "a=b", "x_forwarded_for": "192.0.2.1", "accept": "a/b"}
    seen = site.ask("GET", "/metrics", **asked).headers["x-seen"].split(",")
    assert set(seen) <= {"accept", "accept-encoding", "connection", "content-length", "content-type", "host"}
    assert "accept" in seen


def test_head_has_no_body(site, observer):
    answer = site.ask("HEAD", "/metrics")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "14")


def test_the_guard_stands_before_it(site, observer):
    assert site.ask("GET", "/metrics", host="evil.example").status == 421
    assert site.ask("POST", "/api/silences", body=b"{}").status == 403


def test_without_an_observer_there_is_a_problem_of_its_own(site):
    answer = site.ask("GET", "/metrics")
    assert (answer.status, answer.json["type"]) == (503, "urn:gateway:error:observer-unavailable")
    assert answer.headers["retry-after"] == "1"


def test_a_dead_socket_is_no_observer(site):
    with observing(site.runtime.path):
        pass
    assert site.ask("GET", "/api/overview").status == 503


def test_what_streams_comes_at_once_and_ends_with_the_client(site, observer):
    from gateway.control.proxy import CollectorProxy

    class Asked:
        env = MappingProxyType({"RAW_URI": "/api/live"})
        method = "GET"
        relative_uri = "/api/live"

        class bounded_stream:
            read = staticmethod(lambda size: b"")

        get_header = staticmethod(lambda name: None)

    class Answered:
        set_header = staticmethod(lambda name, value: None)

    behind, answered = CollectorProxy(site), Answered()
    behind.on_get(Asked(), answered)
    pieces = iter(answered.stream)
    assert next(pieces).startswith(b"event\n")
    assert not observer.is_gone.is_set()
    answered.stream.close()
    assert observer.is_gone.wait(5)
