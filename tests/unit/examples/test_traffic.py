"""Demo traffic: for this machine alone, mixed, and over when it is said to be."""

from __future__ import annotations

import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.examples.traffic import ASKS, NotHere, Traffic, place


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("127.0.0.1:81", ("127.0.0.1", 81)),
        ("http://localhost:8000/x", ("localhost", 8000)),
        ("http://[::1]:8000", ("::1", 8000)),
        ("http://127.9.9.9", ("127.9.9.9", 80)),
    ],
)
def test_places_on_loopback(url, expected):
    assert place(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:80",
        "http://0.0.0.0:8000",
        "https://127.0.0.1",
        "ftp://127.0.0.1",
        "",
        "http://",
        "http://127.0.0.1:x",
    ],
)
def test_no_other_machine_is_asked(url):
    with pytest.raises(NotHere):
        place(url)
    answer = CliRunner().invoke(main, ["demo-traffic", url])
    assert answer.exit_code == 2 and "demo-traffic" in answer.output


@pytest.mark.parametrize("length", ["0s", "soon", "25h", "-1s"])
def test_it_ends_some_time(length):
    assert CliRunner().invoke(main, ["demo-traffic", "--for", length]).exit_code == 2


def test_it_is_mixed():
    luck = random.Random(1)
    asks = [make(luck) for _, make in ASKS for _ in range(20)]
    assert {ask.method for ask in asks} == {"GET", "HEAD", "POST", "DELETE"}
    assert len({ask.target.split("?")[0] for ask in asks}) > 20
    assert all((ask.method == "POST") == bool(ask.body) for ask in asks)


@pytest.fixture
def shop():
    """What answers everything, and who asked what."""
    asked: Counter[tuple[str, str]] = Counter()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            asked[self.client_address[0], self.command] += 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(404 if self.path.startswith("/v1") else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_DELETE = answer

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_visitors_come_from_many_addresses_and_leave(shop):
    port, asked = shop
    traffic = Traffic("127.0.0.1", port, 1.5, threading.Event())
    traffic.run()
    assert traffic.counts.total() == asked.total() > 5
    assert set(traffic.counts) <= {"2xx", "4xx"}
    assert len({address for address, _ in asked}) > 2


def test_it_is_ended_at_once_and_survives_a_gateway_that_is_away():
    over = threading.Event()
    over.set()
    Traffic("127.0.0.1", 9, 3600.0, over).run()
    away = Traffic("127.0.0.1", 9, 0.5, threading.Event())
    away.run()
    assert set(away.counts) <= {"no answer"}
