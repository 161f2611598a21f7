"""A pair of gateways behind haproxy, in short, and how one says goodbye (docs/availability.md)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.drill import COMMAND, drill, serving
from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.haproxy import ADDRESSES, Haproxy
from tests.support.operations import children, get, is_alive, respond, running, server
from tests.support.raw import Client

pytestmark = pytest.mark.timed
RATE = 150.0
DELAY = 1.0


def plan(delay: str) -> str:
    return server(2, f", drain_delay: {delay}") + "routes:\n" + respond("ok")


def is_ready(gateway: Gateway) -> bool:
    try:
        return bool(gateway.admin("/readyz")[0] == 200)
    except OSError:
        return False


def both(gateway: Gateway) -> tuple[int, int] | None:
    """The statuses of a request and of /readyz; None when there is no answer any more."""
    try:
        return get(gateway, "/plan")[0], int(gateway.admin("/readyz")[0])
    except (OSError, AssertionError):
        return None


def test_no_idempotent_request_fails(tmp_path: Path) -> None:
    """One is killed and started again, the other rolled, upgraded and taken back; the Redis is gone for a while."""
    with drill(tmp_path, "http", 0.0, is_whole=False) as made:
        calls = made.run(RATE)
        assert all("Traceback" not in gateway.output() for gateway in made.gateways.values())
        assert made.balancer.counted("chkdown") == 2, "killed, and rolled: no upgrade shows at /readyz"
    failed = [call for call in calls if call.status != 200]
    assert [call for call in failed if call.is_idempotent] == []
    assert failed == made.broken(failed), "a POST on its way to what was killed is all that may be lost"
    assert len(calls) > 5 * RATE


def test_gateways_that_fail_their_checks_are_asked_all_the_same(tmp_path: Path) -> None:
    """As under too much load, when both answer their checks too late: nobody is turned away for that."""
    with running(tmp_path, plan("0s")) as gateway:
        dead = SimpleNamespace(port=gateway.port, admin_port=free_port())
        (tmp_path / "haproxy").mkdir()
        balancer = Haproxy(tmp_path / "haproxy", "http", [dead, dead])
        try:
            for name in ADDRESSES:
                balancer.until(name, up=False)
            client = Client(balancer.port)
            for _ in range(3):
                assert client.send(b"GET /plan HTTP/1.1\r\nHost: a\r\n\r\n").answer()[0] == 200
            client.close()
            assert not any(balancer.is_up(name) for name in ADDRESSES)
        finally:
            balancer.stop()


def test_everybody_is_served_while_the_balancer_hears_of_it(tmp_path: Path) -> None:
    delay = 3.0
    with running(tmp_path, plan("3s")) as gateway:
        wait_until(lambda: len(serving(gateway)) == 2, "both workers serve")
        began = time.monotonic()
        gateway.send(signal.SIGTERM)
        wait_until(lambda: not is_ready(gateway), "it says that it ends", delay / 2)
        while (found := both(gateway)) is not None:
            assert found == (200, 503), "it serves, and says that it ends"
        assert time.monotonic() - began >= delay, "nobody was turned away before"
        assert gateway.process is not None and gateway.process.wait(5) == 0
        assert time.monotonic() - began < delay + 3.0


def test_requests_may_take_all_of_graceful_timeout_after_it(tmp_path: Path) -> None:
    with running(tmp_path, plan("1s").replace("graceful_timeout: 5s", "graceful_timeout: 2s")) as gateway:
        client = Client(gateway.port).send(b"GET /plan HT")
        wait_until(lambda: any(each["connections"] for each in gateway.admin("/api/workers")[1]), "it is accepted")
        began = time.monotonic()
        gateway.send(signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            client.rest()
        client.close()
        assert time.monotonic() - began > DELAY + 0.9, "graceful_timeout less a second, after the delay"
        assert gateway.process is not None and gateway.process.wait(5) == 0
        assert "SIGKILL" not in gateway.output()


@pytest.fixture
def upgraded(tmp_path: Path) -> Any:
    """A gateway with a long delay, and the pid of a second master beside it."""
    with running(tmp_path, plan("30s"), command=COMMAND) as gateway:
        wait_until(lambda: len(serving(gateway)) == 2, "both workers serve")
        before = set(children(gateway.pid))
        gateway.send(signal.SIGUSR2)
        wait_until(lambda: len(serving(gateway)) == 4, "four workers serve", 60.0)
        (new,) = set(children(gateway.pid)) - before
        yield gateway, new
        os.kill(new, signal.SIGKILL)


def test_an_upgrade_does_not_wait_and_stays_ready(upgraded: tuple[Gateway, int]) -> None:
    gateway, new = upgraded
    old = [*children(gateway.pid)]
    gateway.send(signal.SIGTERM)
    probes = []

    def is_over() -> bool:
        probes.append(is_ready(gateway))
        return not any(is_alive(pid) for pid in old if pid != new)

    wait_until(is_over, "the old workers have ended, long before the delay has", 8.0)
    assert all(probes) and is_alive(new)
    assert get(gateway, "/plan")[0] == 200
