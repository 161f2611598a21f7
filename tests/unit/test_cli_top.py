"""`gateway top`: the overview in a terminal of any size, whatever names are in it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.control.top_view import ms, share, view

ROUTE = {
    "name": "items", "requests": 10, "requests_per_second": 2.5, "errors": 1, "error_rate": 0.1, "in_flight": 3,
    "bytes_per_second": 9.0, "p50_ms": 0.25, "p95_ms": 12.0, "p99_ms": 2500.0,
    "classes": {"2xx": 8, "4xx": 1, "5xx": 1},
    "cache_hit_rate": None, "limited": 4,
}  # fmt: skip
TARGET = {
    "address": "127.0.0.1:9",
    "state": "down",
    "tries_per_second": 1.0,
    "error_rate": 1.0,
    "p50_ms": None,
    "p99_ms": None,
    "in_flight": 0,
}
FOUND = {
    "at": 1_800_000_000.0,
    "range": "5m",
    "gateway": {"version": "0.1.0", "plan": "0123456789abcdef", "config_mistakes": 2},
    "now": ROUTE,
    "total": ROUTE,
    "routes": [ROUTE, {**ROUTE, "name": ""}, {**ROUTE, "name": "\x1b[2Jevil"}],
    "upstreams": [{"name": "catalog", "circuit": {"state": "open"}, "targets": [TARGET]}],
    "workers": [{"pid": 7, "state": "serving", "connections": 1, "requests": 2, "memory": 2**26, "generation": 3}],
    "failures": [
        {"at": 1_800_000_000.0, "status": 502, "method": "GET", "route": "items", "error": None, "request_id": "abc"}
    ],
    "clients": [{"address": "192.0.2.7", "requests": 6}],
    "alerts": [],
}
ALERT = {
    "key": "slow", "state": "pending", "severity": "warn", "since": "2027-01-15T08:00:00Z", "acknowledged_by": None,
    "summary": "", "expression": "p99(5m) > 1s", "muted_by": None,
}  # fmt: skip
FIRING = {**ALERT, "key": "errors", "state": "firing", "acknowledged_by": "alice", "summary": "\x1b[Hmany fail"}


def test_all_of_it_is_told():
    text = view(FOUND, (200, 80))
    for word in (
        *("2 mistakes", "2.5/s", "10.00%", "250 us", "12.0 ms", "2.50 s", "items", "(no route)", "catalog 127.0.0.1:9"),
        *("down (circuit open)", "64 MB", "502", "GET items", "of the upstream", "abc", "cache hits -", "limited 4"),
    ):
        assert word in text, word


def test_alerts_that_matter_come_first_and_clients_where_there_is_room():
    alerts = [ALERT, {**FIRING, "muted_by": "silence 1"}, {**ALERT, "key": "well", "state": "inactive"}]
    text = view({**FOUND, "alerts": alerts}, (200, 80))
    shown = text[text.index("ALERTS") : text.index("ROUTES")].splitlines()
    assert [line.split()[0] for line in shown if line] == ["ALERTS", "alert", "errors", "slow"]
    assert "firing (muted)" in shown[2] and "alice" in shown[2] and "many fail" in shown[2] and "\x1b" not in text
    assert "p99(5m) > 1s" in shown[3]
    assert "ALERTS" not in view(FOUND, (200, 80))
    assert "192.0.2.7" in text and "192.0.2.7" not in view(FOUND, (80, 24))


def test_no_name_moves_the_cursor():
    text = view(FOUND, (200, 80))
    assert "\x1b" not in text and "?[2Jevil" in text


@pytest.mark.parametrize("size", [(200, 80), (80, 24), (40, 10), (1, 1)])
def test_it_fits(size):
    many = {
        **FOUND,
        "routes": [{**ROUTE, "name": f"r{number}"} for number in range(100)],
        "alerts": [{**FIRING, "key": f"a{number}"} for number in range(100)],
    }
    lines = view(many, size).split("\n")
    assert max(map(len, lines)) <= size[0]
    assert size[1] < 24 or len(lines) <= size[1]
    for title in ("ALERTS", "ROUTES", "UPSTREAMS", "WORKERS", "LAST FAILURES"):
        assert any(line == title[: size[0]] for line in lines)


def test_units():
    assert [ms(value) for value in (None, 0.5, 1.0, 999.0, 1500.0)] == ["-", "500 us", "1.0 ms", "999.0 ms", "1.50 s"]
    assert [share(value) for value in (None, 0.0, 0.5)] == ["-", "0.00%", "50.00%"]


@pytest.fixture
def admin(tmp_path):
    """An admin listener that knows the overview, and the configuration that names it."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps({**FOUND, "at": FOUND["at"] + len(asked)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    config = tmp_path / "gateway.yaml"
    route = "{name: a, match: {path: /}, respond: {status: 200}}"
    config.write_text(f'version: 1\nserver: {{admin: "127.0.0.1:{server.server_port}"}}\nroutes: [{route}]\n')
    yield config, asked
    server.shutdown()
    thread.join()
    server.server_close()


def command(config, *words):
    return [sys.executable, "-m", "gateway.cli", "top", "-c", str(config), *words]


def test_once(admin):
    config, asked = admin
    done = subprocess.run(command(config, "--once", "--range", "1h"), capture_output=True, text=True, check=True)
    assert "ROUTES" in done.stdout and "\x1b" not in done.stdout
    assert asked == ["/api/overview?range=1h", "/api/alerts"]
    done = subprocess.run(command(config, "--once", "--format", "json"), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["total"]["requests"] == 10


def test_a_gateway_that_does_not_answer_is_a_problem(admin, tmp_path):
    away = tmp_path / "away.yaml"
    away.write_text(re.sub(r"127.0.0.1:\d+", "127.0.0.1:9", admin[0].read_text()))
    done = subprocess.run(command(away, "--once"), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "does not answer" in done.stderr


def test_in_a_terminal_it_is_drawn_again_until_q_is_pressed(admin):
    config, asked = admin
    master, slave = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(command(config), stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    seen = b""
    until = time.monotonic() + 20
    while (len(asked) < 2 or seen.count(b"ROUTES") < 2) and time.monotonic() < until:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    assert seen.startswith(b"\x1b[?1049h") and seen.count(b"ROUTES") >= 2
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 30, 0, 0))
    drawn = seen
    while drawn.count(b"\n") > 8 and time.monotonic() < until:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
            drawn = seen.split(b"\x1b[J")[-2].rpartition(b"\x1b[H")[2]
    assert drawn.count(b"\n") == 7
    assert max(map(len, drawn.replace(b"\x1b[K", b"").split(b"\r\n"))) <= 30
    os.write(master, b"q")
    while time.monotonic() < until:
        try:
            seen += os.read(master, 65536)
        except OSError:  # it has ended
            break
    os.close(master)
    assert process.wait(10) == 0
    assert seen.rstrip().endswith(b"\x1b[?1049l")
