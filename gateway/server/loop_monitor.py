"""A worker feels its own pulse: how late its event loop is, how long collections of garbage take, what it holds."""

from __future__ import annotations

import gc
import os
import resource
import sys
from time import monotonic, process_time
from typing import Any, Final
from weakref import WeakSet

from greenlet import greenlet

from gateway._fast.atomics import Cell
from gateway.observability.metrics.worker_stats import GENERATIONS, LAGS, Record, VitalsRegion
from gateway.state import SharedMemory, SharedMemoryError
from gateway.state.process import memory_of

#: seconds between two looks at what has to be asked of the kernel, and at the descriptors, which cost one call for each
LOOK_EVERY: Final = 1.0
COUNT_EVERY: Final = 5.0


class LoopMonitor:
    """Called from the worker's main loop, which sleeps `period` seconds each time.

    PERF: a beat takes under 2 us, a look once a second 60 us (tests/unit/server/test_pulse.py).
    """

    def __init__(self, record: Record, period: float, wanted: Cell) -> None:
        """`wanted` grows with every wish for a census."""
        self.private = 0  # bytes, as of the last look
        self._record = record
        self._wanted = wanted
        self._period = period
        self._pid = os.getpid()
        record.open(self._pid)
        record["descriptors_limit"].store(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._beat = monotonic()
        self._looked = self._counted = float("-inf")
        self._worst = self._longest = 0.0
        self._began = 0.0
        self._pause, self._pauses = 0.0, [0] * GENERATIONS
        self._greenlets: WeakSet[greenlet] = WeakSet()
        gc.callbacks.append(self._collected)

    @classmethod
    def of(cls, page: SharedMemory, slot: int, period: float) -> LoopMonitor:
        """That of the worker in a slot; one that nobody reads on the page of a master without room for it (USR2)."""
        try:
            return cls(VitalsRegion.of(page).record(slot), period, page.census)
        except SharedMemoryError:
            return cls(VitalsRegion(memoryview(bytearray(VitalsRegion.size(1)))).record(0), period, page.census)

    def beat(self, now: float) -> None:
        """The loop has slept once more; `now` is monotonic seconds."""
        lag = max(0.0, now - self._beat - self._period)
        self._worst = max(self._worst, lag)
        number = 0
        for edge in LAGS:
            if lag <= edge:
                break
            number += 1
        self._record.lags[number].add(1)
        self._record["lag_sum"].add(int(lag * 1e6))
        if now - self._looked >= LOOK_EVERY:
            self._look(now)
        if self._record["census"].load() != self._wanted.load():
            self._count_all()
        self._beat = monotonic()  # what this turn itself takes is no lag

    def stop(self) -> None:
        """The worker ends."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        self._record["opened"].store(0)

    def _look(self, now: float) -> None:
        record = self._record
        self._looked = now
        record["lag_max"].store(int(self._worst * 1e6))
        self._worst = 0.0
        record["gc_us"].store(int(self._pause * 1e6))
        record["gc_max"].store(int(self._longest * 1e6))
        for cell, count in zip(record.gc, self._pauses, strict=True):
            cell.store(count)
        record["cpu_us"].store(int(process_time() * 1e6))
        resident, self.private = memory_of(self._pid)
        record["memory"].store(resident)
        record["private"].store(self.private)
        if now - self._counted >= COUNT_EVERY:
            self._counted = now
            self._count_descriptors()

    def _count_descriptors(self) -> None:
        self._record["descriptors"].store(len(os.listdir("/proc/self/fd")))

    def _count_all(self) -> None:
        """Count what the worker holds, without what is garbage; for some milliseconds nothing else goes on."""
        record, wanted = self._record, self._wanted.load()
        gc.collect()
        record["objects"].store(len(gc.get_objects()) + gc.get_freeze_count())
        record["greenlets"].store(sum(not each.dead for each in self._greenlets))
        record["blocks"].store(sys.getallocatedblocks())
        self._count_descriptors()
        record["census"].store(wanted)

    def _collected(self, phase: str, info: dict[str, Any]) -> None:
        """The collector's own call, before and after its work."""
        if phase == "start":
            self._began = monotonic()
            return
        if info["generation"] == GENERATIONS - 1:
            # NOTE: a reload freezes what is alive, and nobody can list that then. It collects first, so it is known.
            self._greenlets.update(each for each in gc.get_objects() if isinstance(each, greenlet))
        seconds = monotonic() - self._began
        self._pause += seconds
        self._longest = max(self._longest, seconds)
        self._pauses[info["generation"]] += 1
