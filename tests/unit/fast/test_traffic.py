"""Sliding windows, latency and requests in flight: against their oracles, and what is promised about them."""

import mmap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast import target_stats as traffic
from gateway._fast.atomics import Memory
from tests.oracles import traffic_oracle

DAY = 86_400_000
STEPS = st.sampled_from([0, 0, 0, 1, 7, 100, 666, 667, 10_000, 10_005, 60_000, -1, -3]) | st.integers(0, 20_000)
EVENT = st.tuples(STEPS, st.lists(st.sampled_from([0, 1, 1, 2, 40_000, 65_535, 70_000]), min_size=1, max_size=3))
LATENCY = st.sampled_from([0.0, -1.0, 1e-10, 1e-6, 0.001, 0.25, 1.0, 5000.0, 1e300]) | st.floats(0, 10)


def window(buckets=16, lanes=3, span_ms=10_000):
    return traffic.Window(Memory(bytearray(8 * buckets)), 0, buckets, lanes, span_ms)


@given(
    st.sampled_from([(2, 1000), (3, 7), (16, 10_000), (16, 1), (11, 1000)]),
    st.integers(1, 3),
    st.sampled_from([0, 5, 123_456, 40 * DAY]),
    st.lists(EVENT, max_size=30),
    st.integers(0, 12_000),
)
def test_a_window_counts_as_the_oracle_does(shape, lanes, now, events, span):
    fast, slow = window(shape[0], lanes, shape[1]), traffic_oracle.Window(shape[0], lanes, shape[1])
    assert (fast.width_ms, fast.span_ms) == (slow.width_ms, slow.span_ms)
    for step, more in events:
        now = max(0, now + step)
        fast.add(now, *more)
        slow.add(now, *more)
        assert fast.sums(now) == slow.sums(now)
        assert fast.sums(now, span) == slow.sums(now, span)


@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(1, 10_000))
def test_a_window_holds_its_span_and_at_most_one_bucket_more(gaps, span):
    made, now, times = window(), 1_000_000, []
    for gap in gaps:
        now += gap
        times.append(now)
        made.add(now, 1)
    (count, *_) = made.sums(now, span)
    within = sum(time > now - span for time in times)
    assert within <= count <= sum(time > now - span - made.width_ms for time in times)


def test_what_is_past_is_out():
    made = window()
    made.add(50_000, 3, 2, 1)
    assert made.sums(50_000) == (3, 2, 1)
    assert made.sums(59_999) == (3, 2, 1)
    assert made.sums(50_000 + 10_000 + made.width_ms) == (0, 0, 0)


def test_a_window_that_was_idle_for_long_begins_anew():
    made = window()
    for days in (0, 1, 30, 400):
        made.add(days * DAY + 5, 1)
        assert made.sums(days * DAY + 5) == (1, 0, 0)


def test_a_late_process_does_not_wipe_out_what_the_others_counted():
    made = window()
    turn = 16 * made.width_ms
    made.add(10 * turn, 5)
    made.add(10 * turn - turn, 1)
    assert made.sums(10 * turn) == (5, 0, 0)


@pytest.mark.parametrize(("lanes", "top"), [(1, 2**48 - 1), (2, 2**24 - 1), (3, 2**16 - 1)])
def test_a_full_bucket_keeps_its_shares(lanes, top):
    made = window(lanes=lanes)
    rounds = min(3 * top // 60_000, 2000)
    for _ in range(rounds):
        made.add(7, 60_000, 15_000 if lanes > 1 else 0, 30_000 if lanes > 2 else 0)
    total, *others = made.sums(7)
    assert total == 60_000 * rounds if 60_000 * rounds <= top else top // 2 <= total <= top
    for other, share in zip(others, (4, 2), strict=False):
        assert total / other == pytest.approx(share, rel=0.01)


def test_more_lanes_than_there_are_count_nowhere():
    made = window(lanes=1)
    made.add(7, 1, 5, 9)
    assert made.sums(7) == (1,)


@pytest.mark.parametrize("now", [-1, -(10**9), -(2**63)])
def test_a_time_before_the_first_is_the_first(now):
    made = window()
    made.add(now, 1)
    assert made.sums(now) == made.sums(0) == (1, 0, 0)


@pytest.mark.parametrize("arguments", [(1, 3, 1000), (16, 0, 1000), (16, 4, 1000), (16, 3, 0), (16, 3, -5)])
def test_windows_that_cannot_be(arguments):
    with pytest.raises(ValueError, match="a window of"):
        traffic.Window(Memory(bytearray(256)), 0, *arguments)


def test_a_lane_takes_no_negative_number():
    with pytest.raises(OverflowError):
        window().add(1, -1)


def latency(half_life_ms=1000):
    return traffic.Ewma(Memory(bytearray(8)), 0, half_life_ms)


@given(
    st.sampled_from([1, 1000, 5000]),
    st.sampled_from([0, 5, 2**24 - 3000, 60 * DAY]),
    st.lists(st.tuples(STEPS, LATENCY)),
)
def test_a_latency_is_what_the_oracle_says(half_life, now, samples):
    fast, slow = latency(half_life), traffic_oracle.Ewma(half_life)
    for step, seconds in samples:
        now = max(0, now + step)
        fast.observe(now, seconds)
        slow.observe(now, seconds)
        assert fast.value(now) == pytest.approx(slow.value(now), rel=1e-6, abs=1e-7)
        assert fast.value(now + 777) == pytest.approx(slow.value(now + 777), rel=1e-6, abs=1e-7)


def test_a_latency_rises_at_once_and_falls_by_halves():
    made = latency()
    assert made.value(5) == 0.0
    made.observe(1000, 0.1)
    made.observe(1000, 0.8)
    assert made.value(1000) == pytest.approx(0.8)
    assert made.value(2000) == pytest.approx(0.4)
    made.observe(2000, 0.2)
    assert made.value(2000) == pytest.approx(0.5)
    made.observe(2001, 3.0)
    assert made.value(2001) == pytest.approx(3.0)


def test_a_latency_falls_under_many_samples_as_under_few():
    made = latency(5000)
    made.observe(0, 0.001)
    for now in range(5001):
        made.observe(now, 0.0005)
    assert made.value(5000) == pytest.approx(0.00075, rel=0.01)


def test_a_latency_once_seen_is_never_none_again():
    made = latency(1)
    for seconds in (0.0, -3.0, float("nan"), 1e-12):
        made.observe(10, seconds)
        assert made.value(10) == 1e-9
    made.observe(10, float("inf"))
    assert made.value(10) == pytest.approx(1099.511627775)


def test_a_latency_outlives_the_wrap_of_its_clock():
    made = latency()
    made.observe(2**24 - 500, 1.0)
    assert made.value(2**24 + 500) == pytest.approx(0.5)
    made.observe(2**24 + 500, 0.25)
    assert made.value(2**24 + 500) == pytest.approx(0.625)


def test_a_late_process_takes_no_time_back():
    made = latency()
    made.observe(5000, 1.0)
    made.observe(4000, 2.0)
    assert made.value(5000) == pytest.approx(2.0)
    assert made.value(4000) == pytest.approx(2.0)


def test_a_half_life_takes_time():
    with pytest.raises(ValueError, match="half-life of 0 ms"):
        latency(0)


COLUMN = st.integers(0, 20)


@given(
    st.lists(st.tuples(st.sampled_from(["claim", "enter", "enter", "leave", "clear", "total"]), COLUMN), max_size=60)
)
def test_rows_count_as_the_oracle_does(operations):
    memory, slow = Memory(bytearray(96)), traffic_oracle.InFlight(21)
    processes = {0: traffic.Columns(memory, 0, 21)}
    for name, column in operations:
        if name == "claim":
            processes[column] = traffic.Columns(memory, 0, 21)
            processes[column].claim(column)
        elif name == "clear":
            traffic.InFlight(processes[0], memory, 8).clear(column)
            slow.clear(column)
        elif name == "total":
            assert {traffic.InFlight(each, memory, 8).total() for each in processes.values()} == {slow.total()}
        elif column in processes:
            row = traffic.InFlight(processes[column], memory, 8)
            getattr(row, name)()
            getattr(slow, name)(column)
    assert traffic.InFlight(processes[0], memory, 8).total() == slow.total()


def test_a_process_counts_in_the_column_that_it_claimed_last():
    memory = Memory(bytearray(64))
    columns = traffic.Columns(memory, 0, 4)
    row = traffic.InFlight(columns, memory, 8)
    row.enter()
    columns.claim(3)
    row.enter()
    row.leave()
    row.leave()
    assert (columns.own, columns.count, row.total()) == (3, 4, 1)


@pytest.mark.parametrize("column", [-1, 4, 2**31 - 1])
def test_no_column_outside(column):
    memory = Memory(bytearray(64))
    columns = traffic.Columns(memory, 0, 4)
    with pytest.raises(IndexError):
        columns.claim(column)
    with pytest.raises(IndexError):
        traffic.InFlight(columns, memory, 8).clear(column)
    with pytest.raises(ValueError, match="0 columns"):
        traffic.Columns(memory, 0, 0)


@pytest.mark.parametrize("offset", [-8, 1, 4, 60, 64, 2**62])
def test_figures_lie_on_words_inside_the_memory(offset):
    memory = Memory(mmap.mmap(-1, 4096)) if offset == 1 else Memory(bytearray(64))
    columns = traffic.Columns(memory, 0, 4)
    for make in (
        lambda: traffic.Window(memory, offset, 2, 1, 10),
        lambda: traffic.Ewma(memory, offset, 10),
        lambda: traffic.Columns(memory, offset, 1),
        lambda: traffic.InFlight(columns, memory, offset),
    ):
        with pytest.raises((IndexError, ValueError)):
            make()


def test_all_processes_read_one_clock():
    before = time.monotonic_ns() // 1_000_000
    assert before <= traffic.now_ms() <= time.monotonic_ns() // 1_000_000
