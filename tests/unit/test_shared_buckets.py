"""The buckets of the page: one limit for all processes, over kills, and beside a page of another version."""

import logging
import os
import random
import struct
import time
from collections import Counter

import pytest

from gateway._fast.atomics import Cell, Memory
from gateway._fast.token_bucket import Buckets
from gateway.ratelimit.bucket_table import CAPACITY, CAPACITY_MAX, REGION, buckets_of, private, region_size
from gateway.state import SharedMemory
from tests.support.forks import children, ends, run_all, spin

PROCESSES = 8
SECOND = 1_000_000_000
KEYS = 64
BLOCK = 32
RACED = 100_000
RACERS = 4
KILLS = int(os.environ.get("GATEWAY_KILLS", "60"))


@pytest.fixture
def page():
    made = SharedMemory.create({REGION: region_size(BLOCK), "notes": 65_536}, workers_max=4)
    yield made
    os.close(made.fd)


class Notes:
    """What each process says: when its first and its last call were, and what was admitted of each key."""

    def __init__(self, page):
        self.memory = Memory(page.region("notes"))

    def admitted(self, process, key):
        return Cell(self.memory, 8 * (process * KEYS + key))

    def time(self, process, is_last):
        return Cell(self.memory, 65_536 - 16 * (process + 1) + 8 * is_last)

    def counts(self, processes=PROCESSES):
        found = Counter()
        for key in range(1, KEYS):
            found[key] = sum(self.admitted(process, key).load() for process in range(processes))
        return found

    def span(self, processes=PROCESSES):
        times = [self.time(process, last).load() for process in range(processes) for last in (False, True)]
        return max(times) - min(time for time in times if time)


def hammer(page, process, shape, keys, until):
    """Take again and again; what was admitted is written down after it was."""
    buckets, notes = buckets_of(SharedMemory.attach(os.dup(page.fd))), Notes(page)
    counted = {key: notes.admitted(process, key) for key in keys}
    last = notes.time(process, True)
    choose, (interval, burst) = random.Random(process), shape
    now = time.monotonic_ns()
    notes.time(process, False).store(now)
    while now < until:
        last.store(now)
        key = choose.choice(keys)
        if buckets.take(key, interval, burst * interval, 1, now) == 0:
            counted[key].add(1)
        now = time.monotonic_ns()


def entries(page):
    region = page.region(REGION)
    pairs = struct.iter_unpack("<Qq", region[len(region) - 16 * BLOCK :])
    return [(key, tat) for key, tat in pairs if key]


@pytest.mark.thorough
def test_eight_processes_get_what_one_bucket_has(page):
    """At many times the rate, for two seconds: the rate and the burst, not one more, and at most 1 % less."""
    shape, until = (20_000, 5_000), time.monotonic_ns() + 2 * SECOND
    assert run_all([lambda n=n: hammer(page, n, shape, [1], until) for n in range(PROCESSES)]) == [0] * PROCESSES
    notes = Notes(page)
    admitted, most = notes.counts()[1], notes.span() // shape[0] + shape[1]
    assert 0.99 * most - PROCESSES <= admitted <= most


def test_more_keys_than_room_in_eight_processes(page):
    """Entries go from key to key all the time; each key still has one bucket, in its entry or shared."""
    shape, until = (20_000, 3), time.monotonic_ns() + SECOND
    keys = list(range(1, KEYS))
    assert run_all([lambda n=n: hammer(page, n, shape, keys, until) for n in range(PROCESSES)]) == [0] * PROCESSES
    notes = Notes(page)
    counts, most = notes.counts(), notes.span() // shape[0] + shape[1]
    assert max(counts.values()) <= most
    assert min(counts.values()) > 0
    assert sum(counts.values()) > 10 * BLOCK


def race(page, debt, at):
    """Take every key once, at the time that is the key's: all processes but the first come too late for it."""
    buckets, memory = buckets_of(SharedMemory.attach(os.dup(page.fd))), Memory(page.region("race"))
    ready = Cell(memory, 8 * (RACED + 1))
    ready.add(1)
    while ready.load() < RACERS:
        os.sched_yield()
    for key in range(1, RACED + 1):
        at.store(key)
        if buckets.take(key, 10 * debt, 10 * debt, 1, 10 * key) == 0:
            Cell(memory, 8 * key).add(1)


def disturb(page, at):
    """Make room in the block and take it away, so that two who look at it at once choose different entries."""
    buckets, choose = buckets_of(SharedMemory.attach(os.dup(page.fd))), random.Random(1)
    while True:
        key, now = choose.randrange(1 << 40, (1 << 40) + 20), 10 * at.load()
        buckets.take(key, 10, 10, 1, now)
        buckets.give(key, 10, 1, now)
        buckets.reset(choose.randrange(1 << 40, (1 << 40) + 20))


@pytest.mark.thorough
@pytest.mark.parametrize("debt", [8, 40])
def test_a_key_that_all_want_at_once_is_taken_once(debt):
    """Entries change hands all the time; with debts that last for 40 keys most must share."""
    page = SharedMemory.create({REGION: region_size(BLOCK), "race": 8 * (RACED + 2)}, workers_max=4)
    at = Cell(Memory(page.region("race")), 0)
    racers = [lambda: race(page, debt, at)] * RACERS
    with children([lambda: disturb(page, at)] * 2), children(racers) as pids:
        assert ends(pids) == [0] * RACERS
    words = memoryview(page.region("race")).cast("q")[1 : RACED + 1]
    taken = Counter(words)
    assert set(taken) <= {0, 1}, taken
    assert taken[1] > (RACED * 0.9 if debt == 8 else RACED // 50)
    found = [key for key, tat in entries(page) if tat >= 0]
    assert len(found) == len(set(found))
    os.close(page.fd)


@pytest.mark.thorough
def test_a_storm_of_kills_leaves_every_bucket_usable(page):
    """No kill makes an entry that blocks, a key that lies twice, or a debt that is forgotten."""
    kills, shape, chance = KILLS, (30_000, 5), random.Random(1)
    keys, notes = list(range(1, 49)), Notes(page)
    never, begin = 1 << 60, time.monotonic_ns()
    for first in range(0, kills, 4):
        numbers = [number % PROCESSES for number in range(first, first + 4)]
        before = sum(notes.counts().values())
        with children([lambda n=n: hammer(page, n, shape, keys, never) for n in numbers]):
            if chance.random() < 0.8:  # else they are killed while they begin
                more = chance.randrange(1, 200)
                spin(lambda before=before, more=more: sum(notes.counts().values()) >= before + more)
    most = (time.monotonic_ns() - begin) // shape[0] + shape[1]
    assert max(notes.counts().values()) <= most
    buckets, last = buckets_of(page), time.monotonic_ns() + 10 * SECOND  # everything is full by then
    for key in range(1000, 1000 + BLOCK):
        assert [buckets.take(key, 10, 50, 1, last) for _ in range(6)] == [0, 0, 0, 0, 0, 10]
    assert sorted(key for key, _ in entries(page)) == list(range(1000, 1000 + BLOCK))
    assert sum(notes.counts().values()) > kills


@pytest.mark.thorough
def test_a_kill_forgets_no_debt(page):
    """Of all that killed processes were given, no more than they would have been given alive."""
    shape, notes = (SECOND, 2_000), Notes(page)
    started = time.monotonic_ns()
    for _ in range(20):
        before = notes.counts()[1]
        with children([lambda n=n: hammer(page, n, shape, [1], 1 << 60) for n in range(4)]):
            spin(lambda before=before: notes.counts()[1] >= min(before + 50, 1_500))
    spent = 2_000 - buckets_of(page).left(1, *_shape(shape), time.monotonic_ns())[0]
    refilled = (time.monotonic_ns() - started) // SECOND + 1
    assert notes.counts()[1] - refilled <= spent <= notes.counts()[1] + 80, "at most one for each that was killed"


def _shape(shape):
    return shape[0], shape[0] * shape[1]


def test_a_new_master_goes_on_with_what_is_owed(page):
    buckets = buckets_of(page)
    assert [buckets.take(9, SECOND, 2 * SECOND, 1, SECOND) for _ in range(3)] == [0, 0, SECOND]
    again = SharedMemory.attach(os.dup(page.fd))
    assert buckets_of(again, 500).take(9, SECOND, 2 * SECOND, 1, SECOND) == SECOND
    assert buckets_of(again, 500).capacity == BLOCK, "the page stays what it is"
    os.close(again.fd)


def test_a_page_of_before_there_were_limits(caplog):
    """Its new master limits by itself, in memory that its workers inherit, and says so."""
    old = SharedMemory.create({"traffic": 4096}, workers_max=4)
    with caplog.at_level(logging.WARNING, "gateway"):
        buckets = buckets_of(old, 100)
    (record,) = caplog.records
    assert record.getMessage() == (
        "the page has no region 'limits', only ['traffic']: limits begin anew, and until the old master has ended "
        "both it and this one admit what they say"
    )
    assert buckets.capacity == 128
    assert run_all([lambda: buckets.take(1, SECOND, SECOND, 1, SECOND)]) == [0]
    assert buckets.take(1, SECOND, SECOND, 1, SECOND) == SECOND
    os.close(old.fd)


@pytest.mark.parametrize("left", [b"\x01" + bytes(7), b"\xff" * 8])
def test_a_region_of_another_layout_is_left_alone(page, caplog, left):
    page.region(REGION)[:8] = left
    with caplog.at_level(logging.WARNING, "gateway"):
        buckets = buckets_of(page, 32)
    assert "another layout: limits begin anew" in caplog.text
    assert buckets.take(1, SECOND, SECOND, 1, SECOND) == 0
    assert entries(page) == []
    assert bytes(page.region(REGION)[:8]) == left


def test_sizes():
    assert private().capacity == CAPACITY
    assert region_size() < 1.1 * (1 << 20)
    assert region_size(1) == Buckets.bytes_for(32)
    for capacity in (0, -1, CAPACITY_MAX + 1):
        with pytest.raises(ValueError, match="there may be 1 to"):
            region_size(capacity)
