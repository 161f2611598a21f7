"""A host in one process: workers that lead and follow when the test says so."""

import contextlib
import os
import pickle
import subprocess
import time
import types

import pytest

from gateway.config import generation as follower
from gateway.config import leader, reload
from gateway.config.document import load
from gateway.config.publish import PlanDirectory
from gateway.config.store import Store
from gateway.state import SharedMemory

ROUTE = "  - {{name: {0}, match: {{path: /{0}}}, respond: {{status: 200}}}}\n"


def text(*names, server="{}"):
    return f"version: 1\nserver: {server}\nroutes:\n" + "".join(ROUTE.format(name) for name in names)


def parse_here(config, timeout, waiting):
    waiting()
    return pickle.dumps(load(config))


def plan_of(document, *, pause=None):
    if pause is not None:
        pause()
    return types.SimpleNamespace(version=document.version)


class Host:
    """A master with its page, folder and configuration; `worker` gives it one more worker, all in this process."""

    def __init__(self, folder):
        self.page = SharedMemory.create(workers_max=4)
        self.folder = folder / "run"
        self.folder.mkdir()
        self.config = folder / "gateway.yaml"
        self.config.write_text(text("a"))
        self.document = reload.first_document(str(self.config))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reload, "_IMPORTED_NS", time.time_ns() + 10**9)  # the file is older than the process
            reload.publish_first(self.document, self.page, self.folder)
        self.published = PlanDirectory(self.folder)
        self.processes = contextlib.ExitStack()

    def worker(self, pid=None, **options):
        if pid is None:
            child = self.processes.enter_context(subprocess.Popen(["cat"], stdin=subprocess.PIPE))
            self.processes.callback(child.stdin.close)
            pid = child.pid
        return Worker(self, pid, **options)

    def lead(self, worker):
        with worker.in_its_process():
            worker.leader.lead()

    def close(self):
        self.processes.close()
        os.close(self.page.fd)


class Worker:
    def __init__(self, host, pid, parse=parse_here, compiler=plan_of):
        self.pid = pid
        self.host = host
        self.slot = host.page.claim_slot(pid)
        self.store = Store(compiler)
        self.store.adopt(host.document, 1)
        self.leader = leader.Leader(host.page, self.slot, host.published, self.store, None, parse)
        self.follower = follower.GenerationWatcher(host.page, self.slot, host.published, self.store, None)
        with self.in_its_process():
            self.follower.boot()

    @contextlib.contextmanager
    def in_its_process(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(leader, "os", types.SimpleNamespace(getpid=lambda: self.pid))
            yield

    @property
    def routes(self):
        return [route.name for route in self.store.document.routes]


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock(monkeypatch):
    """Time for leases and looks, moved by the test."""
    made = types.SimpleNamespace(now=1000.0, monotonic=lambda: made.now, time_ns=leader.time.time_ns)
    monkeypatch.setattr(leader, "time", made)
    monkeypatch.setattr(follower, "time", made)
    return made
