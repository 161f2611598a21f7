"""Workers killed one after the other for two minutes, with load and reloads: the gateway is there all the time."""

import os
import random
import signal
import time

import pytest

from tests.soak.figures import keep
from tests.support.gateway import wait_until
from tests.support.operations import Wrk, children, get, page_of, respond, running, runtime_folder, server

SECONDS = 120
WORKERS = 3
pytestmark = pytest.mark.soak


def config(version):
    return server(WORKERS) + "routes:\n" + respond(version)


def test_a_storm_of_kills(tmp_path):
    chance = random.Random(7)
    kills = reloads = 0
    with running(tmp_path, config(0)) as gateway:
        wait_until(lambda: len(gateway.workers()) == WORKERS, "all workers are there")
        page = page_of(gateway.pid)
        wrk = Wrk(tmp_path, f"{gateway.url}/plan", SECONDS, connections=16, check='headers["X-Plan"] == body')
        until = time.monotonic() + SECONDS - 5
        while time.monotonic() < until:
            pids = children(gateway.pid)
            if len(pids) > 1:
                os.kill(chance.choice(pids), signal.SIGKILL)
                kills += 1
            if kills % 5 == 0:
                reloads += 1
                gateway.write(config(reloads))
                gateway.send(signal.SIGHUP)
            time.sleep(chance.uniform(0.05, 0.6))
        counts = wrk.result()
        wait_until(lambda: len(page.workers()) == WORKERS, "all workers are there again")
        wait_until(lambda: get(gateway, "/plan")[2] == b"%d" % reloads, "the last configuration is served")
        generation = page.generation.load()
        wait_until(lambda: {worker.generation for worker in page.workers()} == {generation}, "by all of them")
        left = sorted(path.name.partition("-")[0] for path in runtime_folder(gateway.pid).iterdir())
    requests = counts.pop("requests")
    keep(
        "kills",
        "Two minutes of killed workers",
        {
            "workers": WORKERS,
            "kill -9": kills,
            "reloads meanwhile": reloads,
            "requests answered": f"{requests:,}",
            "connections that broke with their worker (16 a kill at most)": counts["read"],
            "wrong or mixed answers": counts["wrong"],
            "files left in the runtime directory": " ".join(left),
        },
    )
    assert counts["wrong"] == counts["status"] == 0
    assert counts["read"] <= kills * 16
    assert left.count("plan") == 1
    assert requests > 10_000
