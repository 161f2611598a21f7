"""State of targets and upstreams that all workers share: the region "traffic" of the page.

Every fact is one atomic word (gateway._fast.target_stats), so nothing is locked, and what is known outlives a
reload and the death of a worker.  Nothing is decided here:
decisions are functions that `decide` and `advance` apply to a word.

    0      layout, columns in use, 48 bytes free
    64     table of targets: a line of cells (the last is the latency), the window, a row of requests in flight
    ...    table of upstreams: a line of cells, the window, the retry budget's window, a row of requests in flight
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Callable
from hashlib import blake2b
from typing import Concatenate, Final, ParamSpec, TypeVar
from weakref import WeakSet

from gateway._fast.atomics import Cell, Memory
from gateway._fast.target_stats import Columns, Ewma, InFlight, Window, now_ms
from gateway.state import SharedMemoryError
from gateway.state.hash_table import FORGET_AFTER, SharedHashTable

P = ParamSpec("P")
V = TypeVar("V")
S = TypeVar("S", bound="TargetState | UpstreamState")

log = logging.getLogger("gateway")
LAYOUT: Final = 1  # raise it with any change of what is where
TARGETS: Final = 1024
UPSTREAMS: Final = 256
WORKERS: Final = 256  # slots of the page
BUCKETS: Final = 16
#: the cells of a target: at most seven
TARGET_CELLS: Final = ("health", "ejection", "breaker", "override", "since")
WINDOW: Final = 10_000
HALF_LIFE: Final = 5_000

_LINE: Final = 64
_RING: Final = 8 * BUCKETS
_ROW: Final = -(-4 * (1 + WORKERS) // _LINE) * _LINE
_TARGET: Final = _LINE + _RING + _ROW
_UPSTREAM: Final = _LINE + 2 * _RING + _ROW
KEEP_EVERY: Final = FORGET_AFTER // 10  # milliseconds between two words that a record is used


class TargetState:
    """What is known of one target of one upstream. Times are milliseconds of `now_ms`, latencies seconds.

    health, ejection, breaker, override    words of those who decide on them
    since                                  when the target became eligible again, for the slow start
    window                                 sums are (requests, failures, slow ones)
    enter(), leave(), inflight()           requests on their way: of this worker, of all of them
    observe(now_ms, seconds), latency(now_ms)
    """

    __slots__ = (
        *("__weakref__", "_latency", "address", "upstream", "named", "window"),
        *("enter", "inflight", "latency", "leave", "observe", *TARGET_CELLS),
    )
    health: Cell
    ejection: Cell
    breaker: Cell
    override: Cell
    since: Cell

    def __init__(self, record: Record, upstream: str, address: str, window_ms: int, half_life_ms: int) -> None:
        memory, place, columns, self.named = record
        self.upstream, self.address = upstream, address
        for number, name in enumerate(TARGET_CELLS):
            setattr(self, name, Cell(memory, place + 8 * number))
        latency = Ewma(memory, place + _LINE - 8, half_life_ms)
        self.observe, self.latency = latency.observe, latency.value
        self._latency = Cell(memory, place + _LINE - 8)
        self.window = Window(memory, place + _LINE, BUCKETS, 3, window_ms)
        row = InFlight(columns, memory, place + _LINE + _RING)
        self.enter, self.leave, self.inflight = row.enter, row.leave, row.total

    def come_back(self, at: int) -> None:
        """It is eligible again from `at` on. Its latency is unknown then: what it took while it failed says nothing."""
        self.since.store(at)
        self._latency.store(0)

    @property
    def is_shared(self) -> bool:
        """Whether the other workers see the same; not so when the table was full."""
        return self.named is not None


class UpstreamState:
    """What is known of one upstream.

    breaker                         a word
    window                          sums are (requests, failures, slow ones)
    budget                          sums are (requests, retries, hedges)
    enter(), leave(), inflight()    requests on their way: of this worker, of all of them
    """

    __slots__ = ("__weakref__", "breaker", "budget", "enter", "inflight", "leave", "name", "named", "window")

    def __init__(self, record: Record, name: str, window_ms: int, budget_ms: int) -> None:
        memory, place, columns, self.named = record
        self.name = name
        self.breaker = Cell(memory, place)
        self.window = Window(memory, place + _LINE, BUCKETS, 3, window_ms)
        self.budget = Window(memory, place + _LINE + _RING, BUCKETS, 3, budget_ms)
        row = InFlight(columns, memory, place + _LINE + 2 * _RING)
        self.enter, self.leave, self.inflight = row.enter, row.leave, row.total

    @property
    def is_shared(self) -> bool:
        """Whether the other workers see the same; not so when the table was full."""
        return self.named is not None


#: memory, the byte where the record begins, columns, the word that keeps it (None: it is this process's own)
Record = tuple[Memory, int, Columns, Cell | None]


class TargetStateTable:
    """The region, as one process sees it. A worker calls `claim` once it has a slot, and `keep` again and again."""

    def __init__(
        self,
        buffer: memoryview,
        *,
        targets: int = TARGETS,
        upstreams: int = UPSTREAMS,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`buffer` is zeros, or what a process of the same layout left: then that one's numbers of records hold.

        Raises PageError when it is anything else.
        """
        self._clock = clock
        self._kept_until = 0
        self._states: WeakSet[TargetState | UpstreamState] = WeakSet()
        self._full: set[str] = set()
        self._memory = Memory(buffer)
        if len(buffer) >= _LINE:
            targets, upstreams = _agree(Cell(self._memory, 0), targets, upstreams)
        if len(buffer) < self.size(targets, upstreams):
            raise SharedMemoryError(
                f"the traffic region has {len(buffer)} bytes, {self.size(targets, upstreams)} are needed"
            )
        self._columns = Columns(self._memory, 8, _ROW // 4)
        self._targets = SharedHashTable(self._memory, _LINE, targets, _TARGET)
        self._upstreams = SharedHashTable(self._memory, _LINE + self._targets.size, upstreams, _UPSTREAM)

    @staticmethod
    def size(targets: int = TARGETS, upstreams: int = UPSTREAMS) -> int:
        """Bytes of the region; memory is used only for what was named."""
        return _LINE + targets * (16 + _TARGET) + upstreams * (16 + _UPSTREAM)

    @classmethod
    def private(cls, clock: Callable[[], int] = now_ms) -> TargetStateTable:
        """One that no other process sees, for a gateway without a page."""
        return cls(memoryview(mmap.mmap(-1, cls.size())), clock=clock)

    def target(
        self, upstream: str, address: str, *, window_ms: int = WINDOW, half_life_ms: int = HALF_LIFE
    ) -> TargetState:
        """The state of a target, made when it is named for the first time; the same for all who name it."""
        record = self._take(self._targets, "targets", upstream, address)
        return self._known(TargetState(record, upstream, address, window_ms, half_life_ms))

    def upstream(self, name: str, *, window_ms: int = WINDOW, budget_ms: int = WINDOW) -> UpstreamState:
        """The state of an upstream, likewise."""
        return self._known(UpstreamState(self._take(self._upstreams, "upstreams", name), name, window_ms, budget_ms))

    def last_named(self, upstream: str, address: str) -> int | None:
        """When a process last said that it uses a target; None when none ever did. Changes nothing."""
        number = self._targets.look(_key(upstream, address))
        return None if number is None else self._targets.named(number).load()

    def claim(self, slot: int) -> None:
        """Count what this process has in flight under its slot in the page; what the slot's last owner left is gone."""
        self.forget(slot)
        self._columns.claim(1 + slot)

    def release(self) -> None:
        """Before the slot is given back: nothing is in flight here any more."""
        column = self._columns.own
        self._columns.claim(0)
        if column:
            self.forget(column - 1)

    def forget(self, slot: int) -> None:
        """Nothing is in flight under a slot: its process has ended, and nobody has claimed the slot since."""
        for table, row in ((self._targets, _LINE + _RING), (self._upstreams, _LINE + 2 * _RING)):
            for number in table.taken():
                InFlight(self._columns, self._memory, table.place(number) + row).clear(1 + slot)

    def keep(self) -> None:
        """Keep the records of everything that a plan of this process uses. Cheap: call it as often as you like."""
        now = self._clock()
        if now < self._kept_until:
            return
        self._kept_until = now + KEEP_EVERY
        for state in list(self._states):
            if state.named is not None:
                state.named.store(now)

    def _take(self, table: SharedHashTable, kind: str, *names: str) -> Record:
        number = table.take(_key(*names), self._clock())
        if number is not None:
            return self._memory, table.place(number), self._columns, table.named(number)
        if kind not in self._full:
            self._full.add(kind)
            full = "the page has room for %d %s: from %s on, each worker counts for itself"
            log.warning(full, table.capacity, kind, names[-1])
        return Memory(bytearray(table.record)), 0, self._columns, None

    def _known(self, state: S) -> S:
        self._states.add(state)
        return state


def decide(cell: Cell, step: Callable[Concatenate[int, P], tuple[int, V]], *args: P.args, **more: P.kwargs) -> V:
    """Apply `step(word, …) -> (new word, verdict)` to a word, anew if another process was faster; gives the verdict."""
    while True:
        word = cell.load()
        new, verdict = step(word, *args, **more)
        if new == word or cell.compare_and_set(word, new):
            return verdict


def advance(cell: Cell, step: Callable[Concatenate[int, P], int], *args: P.args, **more: P.kwargs) -> tuple[int, int]:
    """Apply `step(word, …) -> new word`, likewise; gives the word before and after: each change is seen once."""
    while True:
        word = cell.load()
        new = step(word, *args, **more)
        if new == word or cell.compare_and_set(word, new):
            return word, new


def _key(*names: str) -> int:
    """64 bits for names that hold no zero byte; never 0."""
    digest = blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1


def _agree(cell: Cell, targets: int, upstreams: int) -> tuple[int, int]:
    """Write down how many records there are, unless another process did; how many there are. Raises PageError."""
    if not (0 < targets < 1 << 16 and 0 < upstreams < 1 << 16):
        raise ValueError(f"{targets} targets and {upstreams} upstreams")
    cell.compare_and_set(0, LAYOUT << 48 | WORKERS << 32 | targets << 16 | upstreams)
    word = cell.load()
    if word >> 32 != LAYOUT << 16 | WORKERS:
        raise SharedMemoryError("the traffic region of the page has another layout: restart instead of upgrading")
    return word >> 16 & 0xFFFF, word & 0xFFFF
