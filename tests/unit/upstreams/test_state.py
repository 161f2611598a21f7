"""The region "traffic": what several workers know together, over reloads, deaths and a full table."""

import logging
import os
import random
import signal
from contextlib import contextmanager

import pytest

from gateway._fast.atomics import Cell, Memory
from gateway.state import SharedMemory, SharedMemoryError
from gateway.state import hash_table as records
from gateway.upstream import target_state as state
from gateway.upstream.target_state import TargetStateTable, advance, decide
from tests.support.forks import children, run_all, spin

TEN_MINUTES = records.FORGET_AFTER
AT = 1_000_000  # a time that all processes count at
KILLS = int(os.environ.get("GATEWAY_KILLS", "60"))


class Clock:
    def __init__(self):
        self.now = AT

    def __call__(self):
        return self.now


@pytest.fixture
def page():
    regions = {"traffic": TargetStateTable.size(), "crowd": TargetStateTable.size(8, 8), "notes": 4096}
    made = SharedMemory.create(regions, workers_max=4)
    yield made
    os.close(made.fd)


@pytest.fixture
def note(page):
    """Words for the tests themselves."""
    memory = Memory(page.region("notes"))
    return lambda number: Cell(memory, 64 * number)


def region(page, **more):
    return TargetStateTable(page.region("traffic"), **more)


@contextmanager
def child(work):
    """A process that runs `work` and waits for its end, killed when the block ends."""
    with children([lambda: (work(), signal.pause())]) as (pid,):
        yield pid


# --- one process


def test_a_target_has_its_cells_and_figures_apart_from_all_others(page):
    traffic = region(page)
    one, two = traffic.target("shop", "127.0.0.1:1"), traffic.target("shop", "127.0.0.1:2")
    for number, name in enumerate(state.TARGET_CELLS):
        getattr(one, name).store(number + 1)
    one.window.add(AT, 4, 2, 1)
    one.enter()
    one.observe(AT, 0.5)
    assert [getattr(one, name).load() for name in state.TARGET_CELLS] == [1, 2, 3, 4, 5]
    assert (one.window.sums(AT), one.inflight(), one.latency(AT)) == ((4, 2, 1), 1, pytest.approx(0.5))
    assert [getattr(two, name).load() for name in state.TARGET_CELLS] == [0] * 5
    assert (two.window.sums(AT), two.inflight(), two.latency(AT)) == ((0, 0, 0), 0, 0.0)


def test_a_target_that_comes_back_is_not_judged_by_how_it_failed(page):
    target = region(page).target("shop", "127.0.0.1:1")
    target.observe(AT, 9.0)
    target.come_back(AT + 1)
    assert (target.since.load(), target.latency(AT + 1)) == (AT + 1, 0.0)
    target.observe(AT + 2, 0.1)
    assert target.latency(AT + 2) == pytest.approx(0.1)


def test_one_address_in_two_upstreams_is_two_targets(page):
    traffic = region(page)
    traffic.target("a", "127.0.0.1:1").health.store(7)
    assert traffic.target("b", "127.0.0.1:1").health.load() == 0
    assert traffic.target("a", "127.0.0.1:1").health.load() == 7


def test_an_upstream_has_a_breaker_two_windows_and_requests_in_flight(page):
    traffic = region(page)
    one, other = traffic.upstream("shop"), traffic.upstream("news")
    one.breaker.store(5)
    one.window.add(AT, 3, 2, 1)
    one.budget.add(AT, 10, 2, 1)
    one.enter()
    assert (one.breaker.load(), one.window.sums(AT), one.budget.sums(AT), one.inflight()) == (
        5,
        (3, 2, 1),
        (10, 2, 1),
        1,
    )
    assert (other.breaker.load(), other.window.sums(AT), other.budget.sums(AT)) == (0, (0, 0, 0), (0, 0, 0))
    assert traffic.target("shop", "").breaker.load() == 0


def test_all_records_lie_inside_and_apart(page):
    """Fill everything: each record keeps what was written into it, so no two of them overlap."""
    traffic = region(page)
    targets = [traffic.target("u", str(number)) for number in range(state.TARGETS)]
    upstreams = [traffic.upstream(str(number)) for number in range(state.UPSTREAMS)]
    for number, one in enumerate(targets + upstreams):
        one.breaker.store(number + 1)
        one.window.add(AT, number % 7 + 1)
        for _ in range(number % 3):
            one.enter()
    for number, one in enumerate(targets + upstreams):
        assert one.is_shared
        assert one.breaker.load() == number + 1
        assert (one.window.sums(AT)[0], one.inflight()) == (number % 7 + 1, number % 3)


def test_without_a_page_a_process_has_a_region_of_its_own():
    one = TargetStateTable.private().target("shop", "127.0.0.1:1")
    one.enter()
    assert one.inflight() == 1
    assert TargetStateTable.private().target("shop", "127.0.0.1:1").inflight() == 0


def test_states_have_the_spans_that_they_are_asked_for(page):
    traffic = region(page)
    assert traffic.target("a", "b", window_ms=30_000).window.span_ms == 30_000
    one = traffic.upstream("a", window_ms=1000, budget_ms=5000)
    assert (one.window.span_ms, one.budget.span_ms) == (1000, 5000)


@pytest.mark.parametrize("size", [8, 64, 4096, TargetStateTable.size() - 8])
def test_a_region_that_is_too_small(size):
    with pytest.raises(SharedMemoryError, match=f"has {size} bytes"):
        TargetStateTable(memoryview(bytearray(size)))


def test_a_region_of_another_layout_is_refused(page):
    region(page)
    page.region("traffic")[6] ^= 1
    with pytest.raises(SharedMemoryError, match="another layout: restart"):
        region(page)


def test_who_comes_later_takes_the_numbers_of_records_that_hold():
    buffer = memoryview(bytearray(TargetStateTable.size(8, 8)))
    first = TargetStateTable(buffer, targets=8, upstreams=8)
    first.upstream("shop").breaker.store(4)
    assert TargetStateTable(buffer).upstream("shop").breaker.load() == 4


@pytest.mark.parametrize("numbers", [(0, 8), (8, 0), (1 << 16, 8)])
def test_numbers_of_records_that_cannot_be(numbers):
    with pytest.raises(ValueError, match="targets and"):
        TargetStateTable(memoryview(bytearray(4096)), targets=numbers[0], upstreams=numbers[1])


# --- transitions


def test_a_transition_is_applied_anew_when_another_process_was_faster(page):
    cell = region(page).target("a", "b").health
    tried = []

    def step(word, by):
        tried.append(word)
        if len(tried) == 1:
            cell.store(100)
        return word + by, f"was {word}"

    assert decide(cell, step, 5) == "was 100"
    assert (cell.load(), tried) == (105, [0, 100])


def test_a_transition_tells_what_it_changed(page):
    cell = region(page).target("a", "b").health
    assert advance(cell, lambda word, by: word + by, by=3) == (0, 3)
    assert advance(cell, lambda word: word) == (3, 3)


# --- several processes


@pytest.mark.thorough
def test_no_count_of_several_processes_is_lost(page, note):
    rounds, workers = 20_000, 3

    def work():
        slot = page.claim_slot(os.getpid())
        traffic = region(page)
        traffic.claim(slot.index)
        target, upstream = traffic.target("shop", "t"), traffic.upstream("shop")
        note(0).add(1)
        spin(lambda: note(0).load() == workers)
        for number in range(rounds):
            upstream.budget.add(AT, 1, number % 2)
            target.enter()
            if number % 2:
                target.leave()
            target.window.add(AT, 1, 0, 1)
            advance(target.health, lambda word: word + 1)

    assert run_all([work] * workers) == [0] * workers
    traffic = region(page)
    target = traffic.target("shop", "t")
    assert traffic.upstream("shop").budget.sums(AT) == (workers * rounds, workers * rounds // 2, 0)
    assert target.window.sums(AT) == (workers * rounds, 0, workers * rounds)
    assert target.health.load() == workers * rounds
    assert target.inflight() == workers * rounds // 2


def test_all_processes_name_new_records_at_once_and_agree(page, note):
    workers = 4
    names = [f"10.0.0.{number}:80" for number in range(200)]

    def work(start):
        traffic = region(page)
        note(0).add(1)
        spin(lambda: note(0).load() == workers)
        for name in names[start:] + names[:start]:
            traffic.target("shop", name).health.add(1)

    assert run_all([lambda start=50 * number: work(start) for number in range(workers)]) == [0] * workers
    traffic = region(page)
    assert {traffic.target("shop", name).health.load() for name in names} == {workers}
    assert len(traffic._targets.taken()) == len(names)


def test_what_a_killed_worker_had_in_flight_goes_with_its_slot(page, note):
    traffic = region(page)
    target, upstream = traffic.target("shop", "t"), traffic.upstream("shop")

    def work():
        traffic.claim(page.claim_slot(os.getpid()).index)  # as after a fork: the states are older than the claim
        for _ in range(5):
            target.enter()
            upstream.enter()
        note(0).store(1)

    mine = page.claim_slot(os.getpid())
    traffic.claim(mine.index)
    target.enter()
    with child(work) as pid:
        spin(note(0).load)
        assert (target.inflight(), upstream.inflight()) == (6, 5)
    assert page.free_slot(pid)
    note(0).store(0)
    with child(work):
        spin(note(0).load)
        assert (target.inflight(), upstream.inflight()) == (6, 5)


def test_the_master_forgets_what_a_killed_worker_had_in_flight(page, note):
    traffic = region(page)
    target = traffic.target("shop", "t")

    def work():
        traffic.claim(page.claim_slot(os.getpid()).index)
        target.enter()
        note(0).store(1)

    with child(work) as pid:
        spin(note(0).load)
        assert page.slot_left_by(pid) is None
    traffic.forget(page.slot_left_by(pid).index)
    assert target.inflight() == 0
    assert page.free_slot(pid)
    assert page.slot_left_by(pid) is None


def test_a_worker_that_gave_its_slot_back_counts_nowhere(page):
    traffic = region(page)
    target = traffic.target("shop", "t")
    traffic.claim(2)
    target.enter()
    target.enter()
    traffic.release()
    assert target.inflight() == 0
    other = region(page)
    other.claim(2)
    other.target("shop", "t").enter()
    target.leave()
    assert target.inflight() == 1


# --- reloads


def test_records_survive_a_reload_and_another_master(page):
    traffic = region(page)
    old = traffic.target("shop", "t", window_ms=10_000)
    old.override.store(3)
    old.observe(AT, 0.25)
    old.enter()
    old.window.add(AT, 1)
    new = traffic.target("shop", "t", window_ms=10_000)
    assert (new.override.load(), new.inflight(), new.window.sums(AT)) == (3, 1, (1, 0, 0))
    new.leave()
    assert old.inflight() == 0
    del old, new
    again = SharedMemory.attach(os.dup(page.fd))
    there = region(again).target("shop", "t")
    assert (there.override.load(), there.latency(AT)) == (3, pytest.approx(0.25))
    os.close(again.fd)


def test_a_full_table_costs_the_sharing_and_says_so_once(page, caplog):
    traffic = region(page, targets=8, upstreams=8)
    shared = [traffic.target("shop", str(number)) for number in range(8)]
    with caplog.at_level(logging.WARNING):
        mine, more = traffic.target("shop", "ninth"), traffic.target("shop", "tenth")
    assert [record.getMessage() for record in caplog.records] == [
        "the page has room for 8 targets: from ninth on, each worker counts for itself"
    ]
    assert all(one.is_shared for one in shared)
    assert not mine.is_shared
    for _ in range(3):
        mine.enter()
    mine.health.store(1)
    mine.observe(AT, 1.0)
    mine.window.add(AT, 1)
    assert (mine.inflight(), mine.window.sums(AT), mine.latency(AT)) == (3, (1, 0, 0), pytest.approx(1.0))
    assert (more.inflight(), more.health.load()) == (0, 0)
    assert {(one.inflight(), one.health.load()) for one in shared} == {(0, 0)}
    assert traffic.upstream("shop").is_shared


def test_a_record_that_nobody_names_goes_to_a_new_target_once_the_table_is_full(page):
    clock = Clock()
    traffic, other = (region(page, targets=8, upstreams=8, clock=clock) for _ in range(2))
    kept = [traffic.target("shop", str(number)) for number in range(7)]
    gone = traffic.target("shop", "gone")
    for one in (*kept, gone):
        one.enter()
        one.override.store(1)
    del gone, one
    clock.now += TEN_MINUTES
    traffic.keep()
    assert not other.target("shop", "new").is_shared
    clock.now += 1
    new = other.target("shop", "new")
    assert new.is_shared
    assert (new.inflight(), new.override.load()) == (0, 0)
    assert {(one.inflight(), one.override.load()) for one in kept} == {(1, 1)}
    assert not other.target("shop", "gone").is_shared


def test_what_comes_back_in_time_is_what_it_was(page):
    clock = Clock()
    traffic = region(page, clock=clock)
    traffic.target("shop", "t").override.store(9)
    clock.now += 100 * TEN_MINUTES
    assert traffic.target("shop", "t").override.load() == 9


def test_keeping_is_cheap(page):
    clock = Clock()
    traffic = region(page, clock=clock)
    one = traffic.target("shop", "t")
    traffic.keep()
    one.named.store(0)
    clock.now += TEN_MINUTES // 10 - 1
    traffic.keep()
    assert one.named.load() == 0
    clock.now += 1
    traffic.keep()
    assert one.named.load() == clock.now


# --- kill -9


def works(page, note, number):
    """Does all that a worker does; words of its own say how often it meant to and how often it had done it."""
    traffic, crowded = region(page), crowd(page, note)
    traffic.claim(page.claim_slot(os.getpid()).index)
    upstream, target = traffic.upstream("shop"), traffic.target("shop", "t")
    choose = random.Random(number)
    for turn in range(500):  # 120 workers fill no lane of one bucket
        note(1).add(1)
        upstream.budget.add(AT, 1, turn % 2)
        target.window.add(AT, 2, 1, 0)
        target.enter()
        target.observe(AT, choose.random())
        advance(target.health, lambda word: word + 1)
        crowded.target("shop", str(choose.randrange(12))).window.add(AT, 1)
        target.leave()
        note(2).add(1)


def crowd(page, note):
    """A small region where a minute goes by with each look at the clock, so that records are taken from each other."""
    return TargetStateTable(page.region("crowd"), targets=8, upstreams=8, clock=lambda: note(3).add(TEN_MINUTES // 10))


@pytest.mark.thorough
def test_a_storm_of_kills_leaves_every_figure_right(page, note):
    kills, chance = KILLS, random.Random(1)
    traffic = region(page)
    target, upstream = traffic.target("shop", "t"), traffic.upstream("shop")
    for first in range(0, kills, 2):
        done = note(2).load()
        with (
            child(lambda first=first: works(page, note, first)) as one,
            child(lambda first=first: works(page, note, first + 1)) as two,
        ):
            if chance.random() < 0.8:  # else they are killed while they begin
                spin(lambda done=done: note(2).load() > done + chance.randrange(50))
            assert 0 <= target.inflight() <= 4
        for pid in (one, two):
            left = page.slot_left_by(pid)
            if left is not None and chance.random() < 0.5:  # else who claims the slot next finds out
                traffic.forget(left.index)
                page.free_slot(pid)
    meant = note(1).load()
    assert note(2).load() > kills
    requests, retries, _ = upstream.budget.sums(AT)
    assert meant - kills <= requests <= meant
    assert requests / 2 - kills <= retries <= requests / 2
    total, failures, slow = target.window.sums(AT)
    assert (slow, failures) == (0, pytest.approx(total / 2, abs=2))  # one word: never one lane without the other
    assert meant - kills <= target.health.load() <= meant
    assert 0 < target.latency(AT) < 1
    for slot in range(page.slots):
        traffic.forget(slot)
    assert target.inflight() == 0


def test_a_crowd_that_was_killed_leaves_no_record_taken_for_ever(page, note):
    for first in range(0, 40, 2):
        done = note(2).load()
        with (
            child(lambda first=first: works(page, note, first)),
            child(lambda first=first: works(page, note, first + 1)),
        ):
            spin(lambda done=done: note(2).load() > done + 5)
    note(3).add(2 * TEN_MINUTES)
    crowded = TargetStateTable(page.region("crowd"), clock=note(3).load)
    mine = [crowded.target("new", str(number)) for number in range(8)]
    assert all(one.is_shared for one in mine)
    assert {(one.window.sums(AT), one.health.load()) for one in mine} == {((0, 0, 0), 0)}
