"""Scripts asked by many at once of a Redis that dies, hangs, is slow, and comes back: under gevent, as in a worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certs import authority, issue
from tests.support.gateway import free_port, wait_until
from tests.support.redis import redis, sentinel
from tests.support.slowed import slowed
from tests.support.tries import first_quick

ROOT = Path(__file__).parents[2]

# A process like a worker: a line on its stdin asks once, or `crowd` asks 200 at once; it says what came of it.  Who
# asks while another is `late` must not wait for that one, who waits for two seconds then, on a busy machine as well.
WORKER = """
from gevent import monkey; monkey.patch_all()
import sys, time, gevent
from gateway.state.redis import client as redis_client, scripts as redis_scripts
from gateway.state.redis.address import parse
from gateway.state.redis.scripts import SUSPECT, Call, Scripts
from gateway.state.redis.store import Script
from gateway.state.store import StoreError
if len(sys.argv) > 2:
    redis_client.PATIENCE = redis_scripts.PATIENCE = float(sys.argv[2])
scripts = Scripts(parse(sys.argv[1]))
ADD = Script("return redis.call('INCR', KEYS[1])")

def ask(number=0, is_patient=True):
    began = time.monotonic()
    try:
        answer = scripts.run([Call(ADD, (b"k{%d}" % (number % 7),), ())], is_patient=is_patient)[0]
    except StoreError as error:
        answer = "failed"
    return answer, time.monotonic() - began

for line in sys.stdin:
    if line.strip() == "late":
        first = gevent.spawn(ask)
        while not scripts._sent_at or time.monotonic() - scripts._sent_at <= SUSPECT:
            gevent.sleep(0.01)
        answers = [ask(is_patient=False) for _ in range(100)]
        is_before = not first.ready()
        first.join()
        print(sum(answer == "failed" for answer, _ in answers), float(is_before), 0, scripts.failures, flush=True)
        continue
    jobs = [gevent.spawn(ask, number) for number in range(200 if line.strip() == "crowd" else 1)]
    gevent.joinall(jobs, raise_error=True)
    failed = sum(job.value[0] == "failed" for job in jobs)
    print(failed, max(job.value[1] for job in jobs), int(scripts.is_down), scripts.failures, flush=True)
"""


class Worker:
    """The process; `ask` gives (how many failed, seconds of the slowest, whether the store is down, failures)."""

    def __init__(self, url: str, *patience: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, url, *patience], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, line: str = "one") -> tuple[int, float, bool, int]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        failed, seconds, is_down, failures = self.process.stdout.readline().split()
        return int(failed), float(seconds), is_down == "1", int(failures)

    def end(self) -> str:
        """End it; what it wrote to stderr."""
        return self.process.communicate()[1]


@pytest.fixture
def worker():
    """worker(url) -> a process, ended after the test, which may not have failed itself."""
    made = []

    def start(*words: str) -> Worker:
        made.append(Worker(*words))
        return made[-1]

    yield start
    for each in made:
        errors = each.end()
        assert "Traceback" not in errors, errors


def is_well(worker: Worker) -> bool:
    return worker.ask("crowd")[0] == 0


def test_what_dies_fails_at_once_and_comes_back_empty(tmp_path, worker):
    with redis(tmp_path) as server:
        asker = worker(f"redis://127.0.0.1:{server.port}")
        wait_until(lambda: is_well(asker), "it answers")
        server.stop()
        assert asker.ask("crowd")[0] == 200
        crowds = [asker.ask("crowd") for _ in range(5)]
        assert [crowd[0] for crowd in crowds] == [200] * 5
        assert all(is_down for _, _, is_down, _ in crowds) and crowds[0][3] >= 400
        quickest = min(seconds for _, seconds, _, _ in crowds)  # a busy machine holds up one of them, not each
        assert quickest < 0.1, "nobody is sent to a store that is down"
        server.start()
        wait_until(lambda: is_well(asker), "it is found by itself")
        wait_until(lambda: asker.ask()[2] is False, "it is not down")


def test_what_is_silent_is_found_out_in_a_tenth_of_a_second_by_all_at_once(tmp_path, worker):
    with redis(tmp_path) as server:
        asker = worker(f"redis://127.0.0.1:{server.port}")
        wait_until(lambda: is_well(asker), "it answers")

        def silence() -> tuple[int, float]:
            """How many failed while it says nothing, and seconds of the slowest."""
            server.pause()
            failed, seconds, _, _ = asker.ask("crowd")
            wait_until(lambda: asker.ask()[2], "it is known to be down")
            server.resume()
            wait_until(lambda: is_well(asker), "it is found by itself")
            return failed, seconds

        failed, seconds = first_quick(silence, lambda found: found[1] < 1.0)
        assert failed == 200 and seconds < 1.0, "all of them wait together"


def test_who_has_another_way_does_not_wait_behind_what_is_late(tmp_path, worker):
    with redis(tmp_path) as server:
        asker = worker(f"redis://127.0.0.1:{server.port}", "2")
        wait_until(lambda: is_well(asker), "it answers")
        server.pause()
        failed, is_before, _, _ = asker.ask("late")
        assert (failed, is_before) == (100, 1.0), "they went on while the first one still waited"
        server.resume()
        wait_until(lambda: is_well(asker), "it is found by itself")


def test_what_is_slow_is_as_good_as_down(tmp_path, worker):
    with redis(tmp_path) as server, slowed(server.port) as proxy:
        asker = worker(f"redis://127.0.0.1:{proxy.port}")
        wait_until(lambda: is_well(asker), "it answers")
        proxy.delay = 5.0  # who is held up does not take it for quick
        assert asker.ask("crowd")[0] == 200
        wait_until(lambda: asker.ask()[2], "it is known to be down")
        slowest = first_quick(lambda: asker.ask("crowd")[1], lambda seconds: seconds < 0.3)
        assert slowest < 0.3, "nobody waits for what is known to be slow"
        proxy.delay = 0.0
        wait_until(lambda: is_well(asker), "it is found by itself")


def test_over_tls(tmp_path, worker):
    ca = authority(tmp_path)
    pair = issue(tmp_path, ca, "store", "DNS:localhost")
    with redis(tmp_path, tls=(ca, pair)) as server:
        asker = worker(f"rediss://localhost:{server.port}/0?ca={ca.cert}")
        wait_until(lambda: is_well(asker), "it answers")


def test_behind_a_sentinel(tmp_path, worker):
    with redis(tmp_path) as master, sentinel(tmp_path, master, "main") as watch:
        asker = worker(f"redis+sentinel://127.0.0.1:{watch.port}/main")
        wait_until(lambda: is_well(asker), "it answers")


def test_nobody_there_at_all(worker):
    asker = worker(f"redis://127.0.0.1:{free_port()}")
    assert asker.ask()[0] == 1
    found = first_quick(lambda: asker.ask()[:3], lambda found: found[1] < 0.1)
    assert found == (1, pytest.approx(0, abs=0.1), True)
