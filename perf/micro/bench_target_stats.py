"""Figures about targets in the shared page: what a pick reads of each candidate, and what an answer writes."""

import mmap
from functools import partial

from gateway._fast.atomics import Memory
from gateway._fast.target_stats import Columns, Ewma, InFlight, Window, now_ms
from perf.micro.run import Bench

LOOPS = 200_000


def benches() -> list[Bench]:
    """What is run; the memory is an anonymous map, as cheap or dear as the real page."""
    memory = Memory(mmap.mmap(-1, 1 << 16))
    at = now_ms()
    latency = Ewma(memory, 8, 5000)
    window, pair = Window(memory, 64, 16, 3, 10_000), Window(memory, 192, 16, 2, 10_000)
    columns = Columns(memory, 0, 272)
    rows = [InFlight(columns, memory, 1024 + 1088 * number) for number in range(2)]
    for worker in range(8):
        columns.claim(1 + worker)
        for row in rows:
            row.enter()
    latency.observe(at, 0.25)
    for age in range(0, 10_000, 600):
        window.add(at - age, 900, 30, 5)
        pair.add(at - age, 900, 30)
    return [
        ("enter", rows[0].enter, LOOPS),
        ("leave", rows[0].leave, LOOPS),
        ("in flight over 8 workers", rows[1].total, LOOPS),
        ("latency, a sample below it", partial(latency.observe, at + 7, 0.01), LOOPS),
        ("latency, a new peak", partial(latency.observe, at, 1.0), LOOPS),
        ("latency, read", partial(latency.value, at + 900), LOOPS),
        ("window, add", partial(window.add, at, 1, 0, 1), LOOPS),
        ("window, sums of 16 buckets and 3 lanes", partial(window.sums, at), LOOPS),
        ("window, sums of 16 buckets and 2 lanes", partial(pair.sums, at), LOOPS),
        ("now_ms", now_ms, LOOPS),
    ]
