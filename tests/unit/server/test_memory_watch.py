"""When a worker makes way for another, and that the master keeps one more meanwhile."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from gateway.server import memory_watchdog as memory_watch
from gateway.server.memory_master import allow_replacement
from gateway.server.memory_watchdog import EVERY, LOOKS, PATIENCE, MemoryWatchdog
from gateway.state import SharedMemory, WorkerState

MB = 1 << 20
LIMIT = 100 * MB


@pytest.fixture
def page() -> Iterator[SharedMemory]:
    made = SharedMemory.create(workers_max=8)
    yield made
    os.close(made.fd)


@pytest.fixture
def other() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


class Worker:
    """A watch with a clock and a size of its own."""

    def __init__(self, page: SharedMemory, pid: int = 1, limit: int = LIMIT) -> None:
        self.watch, self.now, self.size = MemoryWatchdog(page, pid, limit), 1000.0, 30 * MB

    def turn(self, seconds: float = 1.0) -> bool:
        self.now += seconds
        return self.watch.must_go(self.now, lambda: self.size)


def serve(page: SharedMemory, pid: int) -> None:
    page.claim_slot(pid).state.store(WorkerState.SERVING)


def asks(page: SharedMemory, worker: Worker) -> bool:
    return page.leader(page.replacing, worker.now) == worker.watch._pid


def test_it_goes_once_another_serves(page: SharedMemory, other: int, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(page)
    serve(page, os.getpid())  # one that is there already is nobody's successor
    worker.turn()
    worker.size = 120 * MB
    for _ in range(LOOKS - 1):
        assert not worker.turn()
        assert not asks(page, worker)
    assert not worker.turn()
    assert asks(page, worker)
    assert "worker 1 takes 120 MB of its own, more than 100: another one begins in its place" in caplog.text
    assert not worker.turn()
    slot = page.claim_slot(other)
    assert not worker.turn(), "it starts, and does not serve yet"
    slot.state.store(WorkerState.SERVING)
    assert worker.turn()
    assert worker.turn()
    assert page.replaced.load() == 1


def test_one_that_grew_for_a_moment_stays(page: SharedMemory) -> None:
    worker = Worker(page)
    for turn in range(20):
        worker.size = (120 if turn % LOOKS else 30) * MB
        assert not worker.turn()
        assert not asks(page, worker)


def test_looks_are_a_second_apart(page: SharedMemory) -> None:
    worker = Worker(page)
    worker.turn()
    worker.size = 120 * MB
    for _ in range(100):
        worker.turn(0.01)
    assert not asks(page, worker)


def test_one_at_a_time_and_not_soon_after(page: SharedMemory, other: int) -> None:
    first, second = Worker(page, 1), Worker(page, 2)
    for worker in (first, second):
        worker.turn()
        worker.size = 120 * MB
    for _ in range(LOOKS):
        first.turn()
        second.turn()
    assert asks(page, first)
    serve(page, other)
    assert first.turn()
    for _ in range(30):  # it answers what it has begun
        first.now += 1
        first.watch.hold(first.now)
        assert not second.turn()
        assert asks(page, first)
    for _ in range(int(EVERY) - 1):
        second.turn()
        assert asks(page, first), "it has ended, and for a while nobody else goes"
    second.turn(2.0)
    assert asks(page, second)
    second.turn()
    assert not second.watch._gives_way, "the first one's successor is not the second one's"


def test_one_that_nobody_follows_goes_all_the_same(page: SharedMemory, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(page)
    worker.turn()
    worker.size = 120 * MB
    caplog.set_level("INFO", "gateway")
    waited = 0.0
    while not worker.turn(0.5):
        waited += 0.5
        assert waited < PATIENCE + LOOKS + 5
    assert waited >= PATIENCE
    assert "worker 1 makes way, though nobody has come in its place" in caplog.text


def test_one_that_has_served_enough_goes_once_another_serves(
    page: SharedMemory, other: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gateway")
    first, second = Worker(page, 1), Worker(page, 2)
    for worker in (first, second):
        worker.watch.wear(worker.now, 500)
    assert asks(page, first)
    assert caplog.text.count("worker 1 served 500 requests and is replaced") == 1 and "worker 2" not in caplog.text
    assert not first.turn()
    serve(page, other)
    assert first.turn()
    assert not second.turn(), "one at a time"
    assert page.replaced.load() == 0, "it was not too large"


def test_who_waits_for_its_turn_for_longest_goes_first(page: SharedMemory, other: int) -> None:
    old, new = Worker(page, os.getpid()), Worker(page, other)
    waiting = {worker.watch._pid: page.claim_slot(worker.watch._pid) for worker in (old, new)}

    def wear(worker: Worker, now: float) -> None:
        waiting[worker.watch._pid].beat(now)
        waiting[worker.watch._pid].wear(now)
        worker.now = now
        worker.watch.wear(now, 500)

    page.try_lead(page.replacing, 1, 1000.0, EVERY)
    wear(old, 1001.0)
    wear(new, 1002.0)
    for now in (1009.0, 1011.0):
        waiting[os.getpid()].beat(now)
        wear(new, now)
        assert not asks(page, new), "the other one asks in a moment"
    wear(old, 1011.1)
    assert asks(page, old)
    slot = waiting.pop(os.getpid())
    slot.release()
    waiting[new.watch._pid].beat(1022.0)
    wear(new, 1022.0)
    assert asks(page, new)


def test_one_that_is_stopped_keeps_nobody_from_its_turn(page: SharedMemory, other: int) -> None:
    stopped, new = page.claim_slot(other), page.claim_slot(os.getpid())
    stopped.beat(1000.0)
    stopped.wear(1000.0)
    worker = Worker(page, os.getpid())
    for now, is_its_turn in ((1001.0, False), (1000.0 + EVERY + 0.1, True)):
        new.beat(now)
        new.wear(now)
        worker.watch.wear(now, 500)
        worker.now = now
        assert asks(page, worker) is is_its_turn


def test_a_limit_that_a_new_worker_fills_replaces_nobody(page: SharedMemory, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(page)
    worker.size = int(LIMIT * memory_watch.FULL) + MB
    worker.turn()
    worker.size = 200 * MB
    for _ in range(20):
        assert not worker.turn()
    assert not asks(page, worker)
    assert caplog.text.count("server.worker_memory is 100 MB, but a worker begins with 81 MB: nobody is replaced") == 1
    worker.watch.limit = 150 * MB
    for _ in range(LOOKS):
        worker.turn()
    assert asks(page, worker), "a reload gave it another one"


def test_without_a_limit_nobody_goes(page: SharedMemory) -> None:
    worker = Worker(page, limit=0)
    for _ in range(10):
        worker.size += 1000 * MB
        assert not worker.turn()
    assert not asks(page, worker)


class Arbiter:
    """gunicorn's, as far as it matters here."""

    def __init__(self, *pids: int) -> None:
        self.WORKERS = dict.fromkeys(pids)
        self.num_workers = len(pids)
        self.seen: list[int] = []

    def manage_workers(self) -> None:
        self.seen.append(self.num_workers)


def managed(server: Arbiter) -> int:
    server.manage_workers()
    return server.seen[-1]


def test_the_master_keeps_one_more_while_a_worker_of_its_own_makes_way(
    page: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("gateway.server.memory_master.monotonic", lambda: now)
    server = Arbiter(1, 2)
    allow_replacement(server, page)
    assert managed(server) == 2
    assert page.try_lead(page.replacing, 2, now, EVERY)
    assert managed(server) == 3
    assert server.num_workers == 2
    server.num_workers = 0
    assert managed(server) == 0, "after WINCH none shall be there"
    server.num_workers = 2
    del server.WORKERS[2]
    assert managed(server) == 2, "it has ended"
    server.WORKERS[2] = None
    now += EVERY + 1
    assert managed(server) == 2, "another one has its pid, long after"


def test_a_worker_of_another_master_is_that_ones_business(page: SharedMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.server.memory_master.monotonic", lambda: 1000.0)
    server = Arbiter(1, 2)
    allow_replacement(server, page)
    page.try_lead(page.replacing, 9, 1000.0, EVERY)
    assert managed(server) == 2
