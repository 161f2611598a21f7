"""The page: slots, cells, regions, leases, and its way to a new master."""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state import SharedMemory, SharedMemoryError, WorkerState, process
from gateway.state import shared_memory as page
from gateway.state import worker_slots as slot

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shared():
    made = SharedMemory.create({"buckets": 10_000, "meter": 4096}, workers_max=3)
    yield made
    os.close(made.fd)


@contextlib.contextmanager
def sleeper():
    """A process that lives until the block ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child.pid


def dead_pid():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_cells_are_separate_words(shared):
    for number, name in enumerate(page.CELLS):
        getattr(shared, name).store(number + 1)
    assert [getattr(shared, name).load() for name in page.CELLS] == list(range(1, len(page.CELLS) + 1))


def test_regions_are_where_they_were_and_touch_nothing_else(shared):
    mine = shared.claim_slot(os.getpid())
    mine.requests.add(3)
    buckets, meter = shared.region("buckets"), shared.region("meter")
    assert (len(buckets), len(meter)) == (10_000, 4096)
    buckets[:] = b"b" * 10_000
    meter[:] = b"m" * 4096
    again = SharedMemory.attach(os.dup(shared.fd))
    assert bytes(again.region("buckets")) == b"b" * 10_000
    assert bytes(again.region("meter")) == b"m" * 4096
    assert again.workers()[0].requests == 3
    os.close(again.fd)


def test_an_unknown_region_is_named(shared):
    with pytest.raises(SharedMemoryError, match=re.escape("no region 'cache', only ['buckets', 'meter']")):
        shared.region("cache")


@pytest.mark.parametrize("regions", [{"": 8}, {"x" * 49: 8}, {"a": 0}, {str(number): 8 for number in range(17)}])
def test_regions_that_cannot_be_placed(regions):
    with pytest.raises(SharedMemoryError):
        SharedMemory.create(regions)


def test_a_worker_tells_what_it_does(shared):
    mine = shared.claim_slot(os.getpid())
    mine.run_plan(7, "fedcba9876543210")
    mine.state.store(WorkerState.SERVING)
    mine.connections.add(2)
    mine.connections.add(-1)
    mine.requests.add(41)
    mine.beat(12.5)
    (worker,) = shared.workers()
    assert (worker.pid, worker.generation, worker.version) == (os.getpid(), 7, "fedcba9876543210")
    assert (worker.state, worker.connections, worker.requests) == (WorkerState.SERVING, 1, 41)
    assert worker.heartbeat == 12.5
    assert worker.memory > 1 << 20


def test_it_is_served_as_long_as_one_worker_serves(shared):
    assert not shared.is_served()
    with sleeper() as pid:
        mine, other = shared.claim_slot(os.getpid()), shared.claim_slot(pid)
        mine.state.store(WorkerState.DRAINING)
        assert not shared.is_served()
        other.state.store(WorkerState.SERVING)
        assert shared.is_served()
    assert not shared.is_served(), "the dead serve nobody"


def test_a_plan_version_has_sixteen_digits(shared):
    with pytest.raises(ValueError, match="16 hex digits"):
        shared.claim_slot(os.getpid()).run_plan(1, "abc")


def test_a_process_has_one_slot(shared):
    first, second = shared.claim_slot(os.getpid()), shared.claim_slot(os.getpid())
    first.requests.add(1)
    assert second.requests.load() == 1


def test_a_process_that_is_not_there_gets_no_slot(shared):
    with pytest.raises(ProcessLookupError):
        shared.claim_slot(dead_pid())


def test_a_released_slot_is_free_again(shared):
    for _ in range(5):
        mine = shared.claim_slot(os.getpid())
        assert [worker.pid for worker in shared.workers()] == [os.getpid()]
        mine.release()
        assert shared.workers() == []


def test_the_next_owner_starts_from_nothing_and_no_request_is_forgotten(shared):
    with sleeper() as pid:
        theirs = shared.claim_slot(pid)
        theirs.requests.add(10)
        theirs.connections.add(4)
        theirs.run_plan(3, "00000000000000ff")
    assert shared.workers() == []
    assert shared.free_slot(pid)
    assert not shared.free_slot(pid)
    shared.claim_slot(os.getpid()).requests.add(1)
    (worker,) = shared.workers()
    assert (worker.requests, worker.connections, worker.generation, worker.version) == (1, 0, 0, "0" * 16)
    assert shared.requests_total() == 11


def test_a_living_worker_keeps_its_slot(shared):
    shared.claim_slot(os.getpid())
    assert not shared.free_slot(os.getpid())
    assert len(shared.workers()) == 1


def test_a_full_page_says_so_and_slots_of_the_dead_are_taken(shared):
    with sleeper() as one, sleeper() as two:
        with sleeper() as three:
            for pid in (one, two, three):
                shared.claim_slot(pid)
            with pytest.raises(SharedMemoryError, match="all 3 worker slots"):
                shared.claim_slot(os.getpid())
        shared.claim_slot(os.getpid())
        assert {worker.pid for worker in shared.workers()} == {one, two, os.getpid()}


def test_a_recycled_pid_is_another_process(shared):
    mine = shared.claim_slot(os.getpid())
    earlier = mine.owner.load() - (1 << 22)  # the same pid, started one tick before
    mine.owner.store(earlier)
    mine.ready.store(earlier)
    assert not process.is_alive(earlier)
    assert shared.workers() == []
    assert shared.free_slot(os.getpid())


def test_a_half_opened_slot_is_not_believed(shared):
    mine = shared.claim_slot(os.getpid())
    mine.ready.store(0)
    assert shared.workers() == []


def test_a_process_that_may_not_be_seen_is_alive(monkeypatch):
    """/proc mounted with hidepid shows no process of another user."""

    def hidden(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_bytes", hidden)
    assert process.is_alive(process.identity(1))
    assert process.is_alive(12345 << 22 | 1)
    assert not process.is_alive(12345 << 22 | dead_pid())
    assert process.resident_bytes(1) == 0


def test_a_zombie_is_dead():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    try:
        with pytest.raises(ProcessLookupError):
            process.identity(child)
    finally:
        os.waitpid(child, 0)


def test_one_leads_until_its_lease_ends(shared):
    role = shared.reload_leader
    assert shared.try_lead(role, 10, now=100.0, ttl=5.0)
    assert not shared.try_lead(role, 11, now=104.9, ttl=5.0)
    assert shared.try_lead(role, 10, now=104.9, ttl=5.0)
    assert not shared.try_lead(role, 11, now=109.8, ttl=5.0)
    assert shared.try_lead(role, 11, now=109.9, ttl=5.0)
    assert not shared.try_lead(role, 10, now=110.0, ttl=5.0)
    assert shared.try_lead(shared.sweep_leader, 10, now=110.0, ttl=5.0)


def test_only_the_holder_resigns(shared):
    role = shared.reload_leader
    assert shared.try_lead(role, 10, now=100.0, ttl=5.0)
    shared.resign(role, 11)
    assert not shared.try_lead(role, 11, now=101.0, ttl=5.0)
    shared.resign(role, 10)
    assert shared.try_lead(role, 11, now=101.0, ttl=5.0)


NEW_MASTER = """
import os, sys
from gateway.state import SharedMemory
page = SharedMemory.from_env(os.environ)
assert not os.get_inheritable(page.fd)
page.generation.add(1)
page.region("meter")[0] = 9
page.claim_slot(os.getpid()).run_plan(2, "a" * 16)
print(sorted(worker.pid for worker in page.workers()), flush=True)
input()
"""


def test_a_new_master_maps_the_same_page(shared):
    shared.claim_slot(os.getpid())
    shared.generation.store(41)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **shared.handover_env()}
    with subprocess.Popen(
        [sys.executable, "-c", NEW_MASTER],
        env=environ, pass_fds=[shared.fd], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout.readline() == f"{sorted([os.getpid(), child.pid])}\n"
        assert {worker.version for worker in shared.workers()} == {"a" * 16, "0" * 16}
        child.communicate("\n")
    assert child.returncode == 0
    assert shared.generation.load() == 42
    assert shared.region("meter")[0] == 9
    assert [worker.pid for worker in shared.workers()] == [os.getpid()]


def test_no_page_is_handed_over():
    assert SharedMemory.from_env({}) is None


@pytest.mark.parametrize("number", ["", "-1", "x", "٣"])
def test_a_handover_that_is_no_number(number):
    with pytest.raises(SharedMemoryError, match="GATEWAY_PAGE_FD is not the number"):
        SharedMemory.from_env({page.HANDOVER: number})


def test_a_handover_of_a_closed_descriptor(shared):
    closed = os.dup(shared.fd)
    os.close(closed)
    with pytest.raises(SharedMemoryError, match=f"descriptor {closed} holds no page"):
        SharedMemory.from_env({page.HANDOVER: str(closed)})


def test_another_layout_is_refused(shared):
    os.pwrite(shared.fd, (page.LAYOUT + 1).to_bytes(8, "little"), 8)
    with pytest.raises(
        SharedMemoryError, match=f"layout {page.LAYOUT + 1}, this gateway speaks layout {page.LAYOUT}: restart"
    ):
        SharedMemory.attach(shared.fd)


def test_another_size_is_refused(shared):
    os.pwrite(shared.fd, (8192).to_bytes(8, "little"), 16)
    with pytest.raises(SharedMemoryError, match="says 8192 bytes"):
        SharedMemory.attach(shared.fd)


@pytest.mark.parametrize("content", [b"", b"gw-page", b"x" * 9000])
def test_what_is_no_page_is_refused(content, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(content)
    with other.open("r+b") as file, pytest.raises(SharedMemoryError, match="holds no page"):
        SharedMemory.attach(file.fileno())


def test_nobody_shrinks_the_page_under_the_others(shared):
    with pytest.raises(PermissionError):
        os.ftruncate(shared.fd, 0)


def test_a_changed_layout_has_a_new_version():
    """When this fails, raise LAYOUT and write down the new sum: a new master must not misread an old page.

    Without raising it: further names at the end of CELLS, for an old page has zeros there.
    """
    parts = (page._HEADER.format, page._REGION.format, page._REGIONS_AT, page._CELLS_AT, page._SLOTS_AT)
    rest = (page.CELLS, page._CELL_SIZE, page._EXPIRY_BITS, slot.SLOT_SIZE, slot.SLOT_CELLS, process._PID_BITS)
    assert (page.LAYOUT, hashlib.sha256(repr((parts, rest)).encode()).hexdigest()[:12]) == (4, "9732402d6394")


def test_living_owners_of_slots_are_known():
    page = SharedMemory.create(workers_max=4)
    slot = page.claim_slot(os.getpid())
    assert page.owners() == {slot.index: os.getpid()}
    with subprocess.Popen(["sleep", "60"]) as gone:
        other = page.claim_slot(gone.pid)
        assert page.owners()[other.index] == gone.pid
        gone.kill()
    assert page.owners() == {slot.index: os.getpid()}
    os.close(page.fd)
