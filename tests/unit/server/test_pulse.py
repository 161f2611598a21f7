"""What a worker tells of itself, and what it costs."""

import gc
import os
from time import monotonic, perf_counter

import gevent
import pytest

from gateway.observability.metrics.worker_stats import LAGS, REGION, VitalsRegion
from gateway.server.loop_monitor import LoopMonitor
from gateway.state import SharedMemory


@pytest.fixture
def page():
    made = SharedMemory.create({REGION: VitalsRegion.size(4)}, workers_max=4)
    yield made
    os.close(made.fd)


@pytest.fixture
def pulse(page):
    made = LoopMonitor.of(page, 2, 0.05)
    yield made
    made.stop()


def told(page):
    return VitalsRegion.of(page).read({2: os.getpid()})[2]


def test_lags_are_counted_and_the_worst_of_a_second_is_told(page, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("gateway.server.loop_monitor.monotonic", lambda: now[0])
    pulse = LoopMonitor.of(page, 2, 0.05)
    for late in (0.0, 0.2, 9.0):
        now[0] += 0.05 + late
        pulse.beat(now[0])
    vitals = told(page)
    pulse.stop()
    assert sum(vitals.lags) == 3
    assert vitals.lags[0] == 1
    assert vitals.lags[LAGS.index(0.25)] == 1
    assert vitals.lags[-1] == 1
    assert vitals.lag_max == pytest.approx(9.0, abs=0.1)
    assert vitals.lag_sum == pytest.approx(9.2, abs=0.1)


def test_what_it_holds(page, pulse):
    pulse.beat(monotonic())
    vitals = told(page)
    assert vitals.memory == pytest.approx(_resident(), rel=0.2)
    assert vitals.descriptors == pytest.approx(len(os.listdir("/proc/self/fd")), abs=2)
    assert vitals.descriptors_limit >= vitals.descriptors
    assert vitals.cpu > 0.1


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_pauses_for_garbage(page, pulse):
    pulse.beat(monotonic())
    before = told(page)
    gc.collect()
    pulse.beat(monotonic() + 1.1)
    after = told(page)
    assert after.gc[2] == before.gc[2] + 1
    assert after.gc_seconds > before.gc_seconds
    assert after.gc_max > 0


def test_a_census_counts_when_it_is_asked_for(page, pulse):
    gevent.spawn(gevent.sleep, 0).join()  # the hub has what it needs
    pulse.beat(monotonic())
    assert (told(page).census, told(page).objects) == (0, 0)
    page.census.add(1)
    pulse.beat(monotonic())
    before = told(page)
    assert (before.census, before.objects > 10_000, before.blocks > 10_000) == (1, True, True)
    lists, waiting = [[] for _ in range(5000)], gevent.spawn(gevent.sleep, 100)
    descriptor = os.open(os.devnull, os.O_RDONLY)
    gevent.sleep(0)
    page.census.add(1)
    pulse.beat(monotonic())
    after = told(page)
    assert after.census == 2
    assert after.objects - before.objects >= 5000
    assert after.blocks - before.blocks >= 5000
    assert after.descriptors == before.descriptors + 1
    assert after.greenlets == before.greenlets + 1
    os.close(descriptor)
    waiting.kill()
    assert len(lists) == 5000


def test_greenlets_that_a_reload_has_frozen_count(page, pulse):
    one = gevent.spawn(gevent.sleep, 100)
    gevent.sleep(0)
    gc.collect()  # as a reload does
    gc.freeze()
    try:
        page.census.add(1)
        pulse.beat(monotonic())
        frozen = told(page).greenlets
        one.kill()
        page.census.add(1)
        pulse.beat(monotonic())
        assert told(page).greenlets == frozen - 1
    finally:
        gc.unfreeze()


def test_a_new_owner_begins_at_none(page, pulse):
    pulse.beat(monotonic())
    pulse.stop()
    region = VitalsRegion.of(page)
    assert region.read({2: os.getpid()}) == {}
    assert len(gc.callbacks) == len([each for each in gc.callbacks if each != pulse._collected])
    region.record(2).open(1234)
    assert region.read({2: 1234})[2].lags == (0,) * (len(LAGS) + 1)
    assert region.read({2: 99, 3: 1234, 400: 5}) == {}


def test_a_page_without_room_is_no_trouble():
    page = SharedMemory.create({}, workers_max=4)
    pulse = LoopMonitor.of(page, 2, 0.05)
    pulse.beat(monotonic())
    pulse.stop()
    os.close(page.fd)


@pytest.mark.thorough
def test_a_beat_costs_microseconds(pulse):
    pulse.beat(monotonic())
    best = min(_timed(pulse) for _ in range(5))
    assert best < 20e-6


def _timed(pulse):
    began = perf_counter()
    for _ in range(1000):
        pulse.beat(began)
    return (perf_counter() - began) / 1000
