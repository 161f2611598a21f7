"""Ending: what was begun or waits is answered, what is idle is closed, and nothing takes longer than agreed."""

import os
import signal
import socket
import threading
import time

import pytest

from tests.support.gateway import wait_until
from tests.support.operations import SHM, Wrk, children, is_alive, respond, running, runtime_folder, server
from tests.support.raw import Client, Upstream

pytestmark = pytest.mark.timed

GET = b"GET /plan HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"


class Held:
    """An upstream whose answers wait until they are let go."""

    def __init__(self):
        self.gate = threading.Event()
        self.upstream = Upstream(self._play)

    def _play(self, connection):
        while True:
            connection.request()
            assert self.gate.wait(15)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    def has(self, count):
        wait_until(lambda: self.upstream.received().count(b"\r\n\r\n") == count, f"{count} requests at the upstream")


@pytest.fixture
def held():
    held = Held()
    yield held
    held.gate.set()
    held.upstream.close()


def config(held, workers=1):
    return (
        server(workers)
        + f"upstreams: {{held: {{targets: ['http://127.0.0.1:{held.upstream.port}']}}}}\n"
        + "routes:\n"
        + respond("ok")
        + "  - {name: slow, match: {path: '/slow'}, upstream: held}\n"
    )


def connect(gateway, data=b""):
    return Client(gateway.port).send(data)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_begun_is_answered_and_what_is_idle_is_closed(tmp_path, held, workers):
    with running(tmp_path, config(held, workers)) as gateway:
        idle = [connect(gateway, GET) for _ in range(6)]
        assert [client.answer()[0] for client in idle] == [200] * 6
        busy = [connect(gateway, SLOW) for _ in range(6)]
        held.has(6)
        pids = [gateway.pid, *gateway.workers()]
        began = time.monotonic()
        gateway.send(signal.SIGTERM)
        for client in idle:
            assert client.rest() == b""
            client.close()
        wait_until(lambda: refused(gateway.port), "no new connections")
        held.gate.set()
        for client in busy:
            status, headers, body = client.answer()
            assert (status, headers["connection"], body) == (200, "close", b"late")
            assert client.rest() == b""
            client.close()
        wait_until(lambda: not any(map(is_alive, pids)), "all processes ended")
        assert time.monotonic() - began < 5.0, "before graceful_timeout"
        assert gateway.process.wait() == 0


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        return False  # it is shut but not closed yet: the handshake was dropped, and is refused when it comes again
    return False


def test_readiness_says_so_while_it_drains(tmp_path, held):
    with running(tmp_path, config(held)) as gateway:
        client = connect(gateway, SLOW)
        held.has(1)
        probe = Client(gateway.admin_port)
        gateway.send(signal.SIGTERM)
        wait_until(lambda: refused(gateway.port), "it drains")
        for path, status, word in ((b"/readyz", 503, b"draining"), (b"/healthz", 200, b"alive")):
            told = probe.send(b"GET %s HTTP/1.1\r\nHost: probe\r\n\r\n" % path).answer()
            assert told[0] == status and word in told[2]
        held.gate.set()
        assert client.answer()[0] == 200
        client.close()
        probe.close()


def test_a_probe_that_connects_while_it_drains(tmp_path, held):
    with running(tmp_path, config(held, 2)) as gateway:
        client = connect(gateway, SLOW)
        held.has(1)
        gateway.send(signal.SIGTERM)
        wait_until(lambda: refused(gateway.port), "it drains")
        assert gateway.admin("/readyz")[0] == 503
        held.gate.set()
        client.close()


def test_the_backlog_is_answered(tmp_path, held):
    """Workers that are stopped accept nothing; SIGTERM comes before the first of them is accepted."""
    with running(tmp_path, config(held, 2)) as gateway:
        workers = gateway.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        waiting = [connect(gateway, GET) for _ in range(50)]
        gateway.send(signal.SIGTERM)
        wait_until(lambda: "Handling signal: term" in gateway.output(), "the master ends")
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        for client in waiting:
            status, _, body = client.answer()
            assert (status, body) == (200, b"ok")
            assert client.rest() == b""
            client.close()
        assert gateway.process.wait(5) == 0


def test_pipelined_requests_are_answered_to_the_last(tmp_path, held):
    with running(tmp_path, config(held)) as gateway:
        client = connect(gateway, SLOW + GET + GET)
        half = connect(gateway, SLOW + GET + GET[:20])
        held.has(2)
        gateway.send(signal.SIGTERM)
        wait_until(lambda: refused(gateway.port), "it drains")
        held.gate.set()
        half.send(GET[20:])
        for one in (client, half):
            answers = [one.answer() for _ in range(3)]
            assert [(status, body) for status, _, body in answers] == [(200, b"late"), (200, b"ok"), (200, b"ok")]
            assert [headers.get("connection") for _, headers, _ in answers] == [None, None, "close"]
            assert one.rest() == b""
            one.close()


def test_a_request_that_is_half_there_is_answered(tmp_path, held):
    with running(tmp_path, config(held)) as gateway:
        fresh = connect(gateway, GET[:10])
        used = connect(gateway, GET)
        used.answer()
        used.send(GET[:10])
        body = connect(gateway, b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        wait_until(lambda: b"POST" in held.upstream.received(), "its head is at the upstream")
        held.gate.set()
        gateway.send(signal.SIGTERM)
        wait_until(lambda: refused(gateway.port), "it drains")
        for client, rest in ((fresh, GET[10:]), (used, GET[10:]), (body, b"cd")):
            status, headers, _ = client.send(rest).answer()
            assert (status, headers["connection"]) == (200, "close")
            client.close()
        assert gateway.process.wait(5) == 0


def test_a_worker_that_was_just_forked_ends_too(tmp_path, held):
    """gunicorn sends SIGTERM once, and a worker that has no handler yet loses it."""
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        (tmp_path / "gateway.log").unlink(missing_ok=True)
        with running(tmp_path, config(held, 2), ready=False) as gateway:
            wait_until(lambda at=gateway: "Booting worker" in at.output(), "the first worker is forked")
            began = time.monotonic()
            gateway.send(signal_number)
            gateway.process.wait(10)
            assert time.monotonic() - began < 3.0


def test_a_worker_ends_once_its_one_long_request_has(tmp_path, held):
    with running(tmp_path, config(held, 2)) as gateway:
        client = connect(gateway, SLOW)
        held.has(1)
        workers = wait_until(lambda: found if len(found := gateway.workers()) == 2 else None, "two workers")
        gateway.send(signal.SIGTERM)
        wait_until(lambda: len([pid for pid in workers if is_alive(pid)]) == 1, "the worker without work ended", 2.0)
        began = time.monotonic()
        held.gate.set()
        assert client.answer()[2] == b"late"
        client.close()
        gateway.process.wait(5)
        assert time.monotonic() - began < 2.0


def test_at_graceful_timeout_the_rest_is_cut(tmp_path, held):
    with running(tmp_path, config(held, 2).replace("graceful_timeout: 5s", "graceful_timeout: 2s")) as gateway:
        client = connect(gateway, SLOW)
        held.has(1)
        gateway.send(signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            client.rest()
        client.close()
        assert gateway.process.wait(3) == 0
        assert "cuts 1 connection" in gateway.output()
        assert "SIGKILL" not in gateway.output()


def test_sigquit_ends_at_once(tmp_path, held):
    with running(tmp_path, config(held)) as gateway:
        client = connect(gateway, SLOW)
        held.has(1)
        began = time.monotonic()
        gateway.send(signal.SIGQUIT)
        assert gateway.process.wait(4) == 0
        assert time.monotonic() - began < 3.0
        client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_while_wrk_runs(tmp_path, workers):
    """A request that was sent is answered, or its connection was never taken: no answer is lost, none is wrong."""
    with running(tmp_path, server(workers) + "routes:\n" + respond("ok")) as gateway:
        # NOTE: a worker waits half a second for the next request of an idle connection, and no longer.
        wrk = Wrk(tmp_path, f"{gateway.url}/plan", 30, connections=32, check='body == "ok"', is_prompt=True)
        wait_until(lambda: sum(w["requests"] for w in gateway.admin("/api/workers")[1]) > 500, "wrk is at work")
        gateway.send(signal.SIGTERM)
        assert gateway.process.wait(5) == 0
        counts = wrk.interrupt()
        del counts["write"], counts["connect"]  # connections that were refused, which wrk tries without end
        assert counts.pop("requests") > 500
        assert counts == dict.fromkeys(("wrong", "read", "status", "timeout"), 0)


def test_nothing_is_left_behind(tmp_path, held):
    before = set(tmp_path.iterdir())
    home = tmp_path / "home"
    home.mkdir()
    with running(tmp_path, config(held, 2), env={"HOME": str(home)}) as gateway:
        folder = runtime_folder(gateway.pid)
        assert folder.parent == SHM and folder.is_dir()
        started = children(gateway.pid)
        assert gateway.stop() == 0
        assert not folder.exists()
        assert not any(map(is_alive, started))
        left = {path.name for path in set(tmp_path.iterdir()) - before}
        assert left <= {"gateway.yaml", "gateway.log", "home"}
        assert list(home.iterdir()) == []
