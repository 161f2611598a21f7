"""A worker's slot in the page: what it says of itself, one atomic word for each fact."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway._fast.atomics import Cell, Memory
from gateway.state import process

SLOT_SIZE: Final = 128  # two cache lines: no worker's counter shares one with another's
SLOT_CELLS: Final = (
    "owner",  # identity word of the process, 0 = free
    "ready",  # equals owner once the fields below are this owner's
    "started",  # wall clock, milliseconds
    "generation",  # number of the plan it runs
    "version",  # the plan's version: 16 hex digits are 64 bits
    "state",
    "connections",
    "requests",  # counts on over all owners of the slot, so the sum over slots never falls
    "requests_before",  # where this owner began to count
    "heartbeat",  # monotonic clock, milliseconds
    "worn",  # monotonic clock, milliseconds: since when it waits for another in its place; 0 = it does not
)


class WorkerState(IntEnum):
    """What a worker is doing."""

    STARTING = 0
    SERVING = 1
    DRAINING = 2


@dataclass(frozen=True, slots=True)
class Worker:
    """One reading of a slot: `started` in wall-clock seconds, `heartbeat` and `worn` monotonic ones, `memory` bytes."""

    pid: int
    started: float
    generation: int
    version: str
    state: WorkerState
    connections: int
    requests: int
    heartbeat: float
    memory: int
    worn: float = 0.0


class WorkerSlot:
    """The cells of one slot; only the owner writes them, from any of its greenlets."""

    __slots__ = ("index", *SLOT_CELLS)
    owner: Cell
    ready: Cell
    started: Cell
    generation: Cell
    version: Cell
    state: Cell
    connections: Cell
    requests: Cell
    requests_before: Cell
    heartbeat: Cell
    worn: Cell

    def __init__(self, memory: Memory, start: int, index: int) -> None:
        self.index = index
        for number, name in enumerate(SLOT_CELLS):
            setattr(self, name, Cell(memory, start + 8 * number))

    def open(self, owner: int) -> None:
        """Clear what the owner before left.  Killed half-way, `ready` still differs and no reader believes the rest."""
        for cell in (self.generation, self.version, self.state, self.connections, self.heartbeat, self.worn):
            cell.store(0)
        self.requests_before.store(self.requests.load())
        self.started.store(time.time_ns() // 1_000_000)
        self.ready.store(owner)

    def run_plan(self, generation: int, version: str) -> None:
        """Say which plan runs; `version` is 16 hex digits.

        The version goes first: whoever sees the generation sees its version, or a later one.
        """
        if len(version) != 16:
            raise ValueError(f"a plan version has 16 hex digits: {version!r}")
        self.version.store(int.from_bytes(bytes.fromhex(version), "big", signed=True))
        self.generation.store(generation)

    def beat(self, now: float) -> None:
        """Say that the worker is alive at `now` (monotonic seconds)."""
        self.heartbeat.store(int(now * 1000))

    def wear(self, now: float) -> None:
        """Say that the worker has served enough; the first `now` (monotonic seconds) is kept."""
        self.worn.compare_and_set(0, int(now * 1000))

    def release(self) -> None:
        """Give the slot back; for a worker that ends by itself."""
        owner = self.owner.load()
        self.ready.store(0)
        self.owner.compare_and_set(owner, 0)

    def read(self) -> Worker | None:
        """What a living owner says; None for a slot that is free, being opened, changing hands or left by the dead."""
        owner = self.ready.load()
        if not owner or not process.is_alive(owner):
            return None
        pid = process.pid_of(owner)
        worker = Worker(
            pid=pid,
            started=self.started.load() / 1000,
            generation=self.generation.load(),
            version=self.version.load().to_bytes(8, "big", signed=True).hex(),
            state=WorkerState(self.state.load()),
            connections=self.connections.load(),
            requests=-self.requests_before.load() + self.requests.load(),  # in this order it is never below 0
            heartbeat=self.heartbeat.load() / 1000,
            memory=process.resident_bytes(pid),
            worn=self.worn.load() / 1000,
        )
        return worker if self.owner.load() == owner else None
