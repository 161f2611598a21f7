"""Several processes that share a page come to run the same plan, whoever leads, whoever is killed."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.config import reload
from gateway.config.publish import PlanDirectory
from gateway.state import SharedMemory
from tests.support.gateway import wait_until
from tests.unit.config.reload_host import text

ROOT = Path(__file__).parents[3]


class Gateway:
    """A master's page and folder, and real worker processes."""

    def __init__(self, folder):
        self.page = SharedMemory.create(workers_max=8)
        self.folder = folder / "run"
        self.folder.mkdir()
        self.config = folder / "gateway.yaml"
        self.config.write_text(text("first"))
        document = reload.first_document(str(self.config))
        self.first = folder / "first.pickle"
        self.first.write_bytes(pickle.dumps(document))
        reload.publish_first(document, self.page, self.folder)
        self.running = contextlib.ExitStack()

    def start(self, count):
        return [self.ready(worker) for worker in [self._spawn() for _ in range(count)]]

    def _spawn(self):
        script = Path(__file__).with_name("reload_worker.py")
        command = [sys.executable, "-m", "gevent.monkey", script, str(self.page.fd), self.folder, self.first]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        os.set_inheritable(self.page.fd, True)
        worker = subprocess.Popen(command, **pipes, pass_fds=[self.page.fd], env=environ)
        self.running.enter_context(worker)
        self.running.callback(worker.kill)
        return worker

    def ready(self, worker):
        assert worker.stdout.readline() == "ready\n"
        return worker

    def write(self, *names):
        """Replace the configuration in one step, as an editor or a volume does."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text(*names))
        fresh.replace(self.config)

    def reload(self):
        number = reload.request_reload(self.page)
        assert reload.wait_until_served(self.page, number, 20)
        outcome = PlanDirectory(self.folder).outcome()
        assert reload.wait_until_converged(self.page, outcome.generation, 20)
        return outcome


def serves(worker):
    """The routes of a worker, and how long it held its hub at most, in ms."""
    worker.stdin.write("?\n")
    *routes, late = worker.stdout.readline().split()
    return routes, int(late)


@pytest.fixture
def gateway(tmp_path):
    made = Gateway(tmp_path)
    with made.running:
        yield made
    os.close(made.page.fd)


def test_workers_converge_refuse_and_watch(gateway):
    workers = gateway.start(2)
    assert [serves(worker)[0] for worker in workers] == [["first"], ["first"]]

    gateway.write("wished")
    outcome = gateway.reload()
    assert [serves(worker)[0] for worker in workers] == [["wished"], ["wished"]]
    assert {w.version for w in gateway.page.workers()} == {outcome.version}

    gateway.config.write_text("version: 1\nroutes: {}\n")
    assert gateway.reload().complaints
    assert [serves(worker)[0] for worker in workers] == [["wished"], ["wished"]]

    late = gateway.start(1)[0]
    assert serves(late)[0] == ["wished"]

    gateway.write("watched")
    wait_until(lambda: all(serves(worker)[0] == ["watched"] for worker in [*workers, late]), "all serve it")


@pytest.mark.thorough
def test_a_leader_killed_while_it_leads_is_replaced(gateway):
    workers = gateway.start(2)
    gateway.write("wanted")
    number = reload.request_reload(gateway.page)
    wait_until(gateway.page.reload_leader.load, "one leads")
    leader = gateway.page.reload_leader.load() >> 41
    (victim,) = [worker for worker in workers if worker.pid == leader]
    victim.kill()
    victim.wait()
    workers.remove(victim)
    workers += gateway.start(1)
    assert reload.wait_until_served(gateway.page, number, 20)
    assert reload.wait_until_converged(gateway.page, gateway.page.generation.load(), 20)
    assert [serves(worker)[0] for worker in workers] == [["wanted"]] * 2


@pytest.mark.thorough
def test_a_leader_that_was_stopped_goes_on_without_harm(gateway):
    workers = gateway.start(2)
    gateway.reload()
    leader = gateway.page.reload_leader.load() >> 41
    os.kill(leader, signal.SIGSTOP)
    gateway.write("meanwhile")
    wanted = reload.request_reload(gateway.page)
    assert reload.wait_until_served(gateway.page, wanted, 20)
    os.kill(leader, signal.SIGCONT)
    wait_until(lambda: all(serves(worker)[0] == ["meanwhile"] for worker in workers), "all serve it")


@pytest.mark.thorough
def test_wishes_faster_than_readings_end_at_the_last_content(gateway):
    workers = gateway.start(2)
    for number in range(100):
        gateway.write(f"route{number}", "other")
        reload.request_reload(gateway.page)
        time.sleep(0.01)
    gateway.reload()
    assert [serves(worker)[0] for worker in workers] == [["other", "route99"]] * 2
    assert 2 <= gateway.page.generation.load() <= 101


@pytest.mark.thorough
def test_a_large_configuration_does_not_hold_the_hub(gateway):
    workers = gateway.start(2)
    for worker in workers:
        serves(worker)
    names = [f"r{number}" for number in range(2000)]
    gateway.write(*names)
    gateway.reload()
    found = [serves(worker) for worker in workers]
    assert [routes for routes, _ in found] == [sorted(names)] * 2
    assert max(late for _, late in found) < 100
