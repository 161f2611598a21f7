"""A million requests over four workers that are killed again and again: the meter says what the clients saw."""

import os
import random
import signal
import time

import pytest

from tests.soak.figures import keep
from tests.support.gateway import wait_until
from tests.support.metered import reader, requests, settled
from tests.support.operations import Wrk, children, respond, running, server

REQUESTS = 1_000_000
CONNECTIONS = 32
WORKERS = 4
SECONDS = 900
KILLS_EVERY = 5.0
pytestmark = pytest.mark.soak


def test_a_million_requests(tmp_path):
    chance, kills = random.Random(3), 0
    with running(tmp_path, server(WORKERS) + "routes:\n" + respond(0)) as gateway:
        wait_until(lambda: len(gateway.workers()) == WORKERS, "all workers are there")
        read = reader(gateway)
        wrk = Wrk(tmp_path, f"{gateway.url}/plan", SECONDS, connections=CONNECTIONS)
        began = kill_at = time.monotonic()
        while requests(read().routes.get("plan")) < REQUESTS:
            assert time.monotonic() < began + SECONDS - 5, "the load is too slow"
            if time.monotonic() >= kill_at:
                kill_at = time.monotonic() + KILLS_EVERY
                os.kill(chance.choice(gateway.workers()), signal.SIGKILL)
                kills += 1
                gateway.write(server(WORKERS) + "routes:\n" + respond(kills))
                gateway.send(signal.SIGHUP)
            time.sleep(0.05)
        counts = wrk.interrupt()
        took = time.monotonic() - began
        plan = settled(read, lambda now: now.routes["plan"].in_flight == 0, "nothing is on its way").routes["plan"]
        assert len(children(gateway.pid)) >= WORKERS
    counted, seen = requests(plan), counts["requests"]
    keep(
        "meter",
        "A million counted requests",
        {
            "workers": WORKERS,
            "kill -9, each with a reload": kills,
            "requests that the clients saw answered": f"{seen:,}",
            "requests counted": f"{counted:,}",
            f"connections that broke ({CONNECTIONS} a kill at most)": counts["read"],
            "durations counted": f"{plan.duration.count:,}",
            "seconds": f"{took:.0f}",
        },
    )
    assert kills >= 2
    assert counts["wrong"] == 0
    assert abs(counted - seen) <= counts["read"] + CONNECTIONS
    assert 0 <= plan.duration.count - counted <= kills
