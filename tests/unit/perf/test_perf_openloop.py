"""The open-loop generator against servers whose delays are known."""

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from perf.openloop import Generator
from tests.support import tries
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#: each takes about a second, in which nobody may be held up
first_quick = partial(tries.first_quick, tries=12)


class KnownServer:
    """Answers each request `delay` seconds after it came; all of them wait while a stall lasts."""

    def __init__(self, delay=0.0, stall=None, answer=ANSWER, close_after=None):
        self.delay, self.stall, self.answer, self.close_after = delay, stall, answer, close_after
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = self.listener.getsockname()
        self.began = None

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        served = 0
        with connection, suppress(OSError):  # who measures goes away when its time is over, answered or not
            while connection.recv(4096):
                now = time.perf_counter()
                self.began = self.began or now
                wait = self.delay
                if self.stall and self.stall[0] <= now - self.began < self.stall[1]:
                    wait = max(wait, self.began + self.stall[1] - now)
                time.sleep(wait)
                connection.sendall(self.answer)
                served += 1
                if served == self.close_after:
                    return


@contextmanager
def serving(**kind):
    server = KnownServer(**kind)
    threading.Thread(target=server.accept, daemon=True).start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


def run(server, rate, seconds, connections, **more):
    generator = Generator(server.address, "/", connections)
    try:
        return generator.run(rate, seconds, **more), sorted(generator.latencies)
    finally:
        generator.close()


def asked(rate, seconds, connections, **kind):
    """Ask a server of this kind."""
    with serving(**kind) as server:
        return run(server, rate=rate, seconds=seconds, connections=connections)


def test_percentiles_of_a_fixed_delay():
    found, took = first_quick(lambda: asked(200, 0.8, 32, delay=0.03), lambda each: each[0].p50_ms < 40)
    assert (found.sent, found.answered, found.failed) == (160, 160, 0)
    assert took[0] >= 0.03
    assert 30 <= found.p50_ms < 40
    assert found.p50_ms <= found.p90_ms <= found.p99_ms <= found.p999_ms <= found.max_ms


def test_the_rate_is_kept_whatever_the_server_does():
    def measured():
        start = time.perf_counter()
        found, _ = asked(300, 0.6, 64, delay=0.05)
        return time.perf_counter() - start, found

    seconds, found = first_quick(measured, lambda each: each[0] < 0.9)
    assert 0.6 <= seconds < 0.9
    assert found.sent == 180


def test_a_stall_is_seen_in_every_request_that_waited():
    # 200 requests a second, 0.3 s of silence: 60 requests were due in it and waited 300, 295, 290 ... ms.
    # Two connections only, so that nearly all of them queue in the generator: a closed loop would see 2 slow ones.
    found, took = first_quick(
        lambda: asked(200, 0.8, 2, stall=(0.2, 0.5)),
        lambda each: (
            each[0].max_ms < 450 and sum(t >= 0.1 for t in each[1]) <= 60 and sum(t < 0.05 for t in each[1]) >= 70
        ),
    )
    assert found.failed == 0 and found.answered == 160
    assert 280 <= found.max_ms < 450
    assert 35 <= sum(t >= 0.1 for t in took) <= 60  # 40 by the schedule
    assert sum(t < 0.05 for t in took) >= 70


def test_overload_grows_with_the_queue():
    # One connection at 50 ms an answer serves 20 a second; twice that is asked, so the wait grows to half the duration.
    # Few and long: on a busy machine each takes some milliseconds more, and they add up.
    found, _ = first_quick(lambda: asked(40, 0.5, 1, delay=0.05), lambda each: each[0].max_ms < 900)
    assert found.answered == 20
    assert 480 <= found.max_ms < 900 and found.p50_ms > 200


def test_what_is_never_answered_is_failed():
    with serving(delay=0.0, stall=(0.1, 9)) as server:
        server.began = time.perf_counter()  # not when a thread that may be held up first serves
        found, _ = run(server, rate=100, seconds=0.3, connections=2, patience=0.1)
    assert found.failed >= 15 and found.answered + found.failed == found.sent == 30


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b"rubbish\r\n\r\n"])
def test_errors_and_rubbish_are_failed(answer):
    with serving(answer=answer) as server, pytest.raises(SystemExit, match="none of 10"):
        run(server, rate=100, seconds=0.1, connections=4)


def test_closed_connections_are_replaced():
    with serving(close_after=3) as server:
        found, _ = run(server, rate=200, seconds=0.4, connections=4)
    assert found.answered + found.failed == 80 and found.answered >= 60


def test_the_command_prints_one_line_of_json():
    with serving(delay=0.001) as server:
        command = [sys.executable, "-m", "perf.openloop", "--port", str(server.address[1]), "--rate", "200"]
        done = subprocess.run([*command, "--seconds", "0.2"], capture_output=True, text=True, cwd=ROOT)
    found = json.loads(done.stdout)
    assert found["answered"] == 40 and found["p50_ms"] >= 1


def test_nobody_listening_is_one_line():
    command = [sys.executable, "-m", "perf.openloop", "--port", str(free_port()), "--rate", "10"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "refused" in done.stderr


def test_a_closed_loop_does_not_see_what_an_open_one_sees():
    # the same server stops for 0.3 of 0.8 s: who asks at a fixed rate finds a quarter of the requests slow or more,
    # who waits with the server finds one on each connection
    def slow_share(closed):
        with serving(delay=0.002, stall=(0.2, 0.5)) as server:
            generator = Generator(server.address, "/", 2)
            try:
                generator.run_closed(0.8) if closed else generator.run(200, 0.8)
                return sum(took >= 0.1 for took in generator.latencies) / len(generator.latencies)
            finally:
                generator.close()

    assert first_quick(lambda: slow_share(closed=False), lambda share: share < 0.4) >= 0.2
    assert first_quick(lambda: slow_share(closed=True), lambda share: share < 0.05) < 0.05


def test_the_token_of_a_file_is_sent(tmp_path):
    (tmp_path / "tokens").write_text("first\nsecond\n")
    heads = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                heads.append(connection.recv(4096))
                connection.sendall(ANSWER)

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "perf.openloop", "--port", str(port), "--rate", "10", "--seconds", "0.1"]
        command += ["--connections", "1", "--tokens", str(tmp_path / "tokens")]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout)["answered"] == 1
    assert b"\r\nAuthorization: Bearer first\r\n" in heads[0] and b"second" not in heads[0]
