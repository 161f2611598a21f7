"""`gateway health`: what a container's health check asks."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from gateway.cli.group import main

ANSWERS = {"/healthz": (200, b'{"status":\n "alive"}'), "/readyz": (503, b'{"status": "draining"}')}


class Probes(BaseHTTPRequestHandler):
    """An admin API that lives and drains."""

    def do_GET(self):
        status, said = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def admin():
    server = HTTPServer(("127.0.0.1", 0), Probes)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def health(*arguments, env=None):
    return CliRunner().invoke(main, ["health", *arguments], env=env)


def test_one_that_drains_is_not_ready_and_lives(admin):
    ready = health("--admin", admin)
    assert (ready.exit_code, ready.stdout, ready.stderr) == (1, "", '{"status": "draining"}\n')
    live = health("--admin", admin, "--live")
    assert (live.exit_code, live.stdout) == (0, '{"status": "alive"}\n')


def test_the_environment_names_it(admin):
    assert health("--live", env={"GATEWAY_ADMIN": admin}).exit_code == 0


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("127.0.0.1:1", "does not answer (Connection refused)"),
        ("unix:/nowhere/admin.sock", "does not answer"),
        ("nowhere", "is no address"),
        ("127.0.0.1:x", "is no address"),
        ("127.0.0.1:99999", "does not answer"),
    ],
)
def test_nobody_there_is_said_in_one_line(address, word):
    done = health("--admin", address)
    assert done.exit_code == 1
    assert word in done.stderr and done.stderr.count("\n") == 1
