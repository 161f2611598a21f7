"""Demo traffic: for this machine alone, mixed, and over when it is said to be."""

from __future__ import annotations

import random
import threading
from http.server import BaseHTTPRequestHandler

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from gateway.examples.traffic import ASKS, NotHere, Traffic, place
from tests.support.threaded import ThreadedServer


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
    """What answers everything, and the addresses of those who asked."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            asked.append(self.client_address[0])
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(404 if self.path.startswith("/v1") else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_DELETE = answer

        def log_message(self, *words):
            pass

    server = ThreadedServer(Answer)
    server.begin()
    yield server.port, asked
    server.end()


def test_visitors_come_from_many_addresses_and_leave(shop):
    port, asked = shop
    traffic = Traffic("127.0.0.1", port, 1.5, threading.Event())
    traffic.run()
    assert traffic.counts.total() == len(asked) > 5
    assert set(traffic.counts) <= {"2xx", "4xx"}
    assert len(set(asked)) > 2


def test_it_is_ended_at_once_and_survives_a_gateway_that_is_away():
    over = threading.Event()
    over.set()
    Traffic("127.0.0.1", 9, 3600.0, over).run()
    away = Traffic("127.0.0.1", 9, 0.5, threading.Event())
    away.run()
    assert set(away.counts) <= {"no answer"}
