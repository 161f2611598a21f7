"""The page: one piece of memory that the master and all workers of a gateway see.

Made before the first fork, it goes to the workers by inheritance and to a new master (USR2) by the number of its
file descriptor.  Nothing in it is locked: every fact is ONE atomic 64-bit word, so kill -9 at any instruction leaves
each of them old or new, never torn.

    0      magic, layout version, size, slots, regions
    1024   the table of regions: name (48 bytes), offset, size
    2048   cells, one cache line each
    4096   slots, 128 bytes each
    ...    regions, each on a 4096 boundary
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Mapping
from typing import Final

from gateway._fast.atomics import Cell, Memory
from gateway.state import process
from gateway.state.worker_slots import SLOT_SIZE, Worker, WorkerSlot, WorkerState

LAYOUT: Final = 4  # raise it with any change of what is where
CELLS: Final = (
    "generation",  # number of the current plan; it only grows
    "reload_wanted",  # grows with every wish for a reload
    "reload_done",  # the last wish that was served
    "draining",  # 1 once the gateway is going away
    "reload_leader",  # leases, see try_lead
    "sweep_leader",
    "health_leader",
    "replacing",  # the lease of a worker that makes way for another; nobody else goes while it holds
    "replaced",  # workers that did, because of their memory
    "census",  # grows with every wish that workers count what they hold
)
HANDOVER: Final = "GATEWAY_PAGE_FD"

_MAGIC: Final = b"gw-page\0"
_HEADER: Final = struct.Struct("<8s4Q")
_REGION: Final = struct.Struct("<48s2Q")
_REGIONS_AT, _CELLS_AT, _SLOTS_AT = 1024, 2048, 4096
_REGIONS_MAX: Final = (_CELLS_AT - _REGIONS_AT) // _REGION.size
_CELL_SIZE: Final = 64
_EXPIRY_BITS: Final = 41  # milliseconds: 69 years of uptime


class SharedMemoryError(Exception):
    """The page cannot be used as asked; the text says why."""


class SharedMemory:
    """The mapped page; its cells are attributes, its slots and regions come from methods."""

    __slots__ = ("_map", "_memory", "_owners", "_regions", "fd", "slots", *CELLS)
    generation: Cell
    reload_wanted: Cell
    reload_done: Cell
    draining: Cell
    reload_leader: Cell
    sweep_leader: Cell
    health_leader: Cell
    replacing: Cell
    replaced: Cell
    census: Cell

    def __init__(self, fd: int) -> None:
        """Map a checked descriptor; use `create`, `attach` or `from_env`."""
        self.fd = fd
        self.slots, self._regions = _read_header(fd)
        self._map = mmap.mmap(fd, os.fstat(fd).st_size)
        self._memory = Memory(self._map)
        for number, name in enumerate(CELLS):
            setattr(self, name, Cell(self._memory, _CELLS_AT + number * _CELL_SIZE))
        self._owners = [Cell(self._memory, self._slot_at(index)) for index in range(self.slots)]

    @classmethod
    def create(cls, regions: Mapping[str, int] | None = None, *, workers_max: int = 256) -> SharedMemory:
        """A new page of zeros with room for `regions` (name to bytes), which stay what they are for its whole life."""
        fd = os.memfd_create("gateway-page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        table, size = _place(regions or {}, _SLOTS_AT + workers_max * SLOT_SIZE)
        os.ftruncate(fd, size)
        # SECURITY: sealed, so nobody who gets the descriptor can shrink it under the others (SIGBUS).
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        os.pwrite(fd, b"".join(table), _REGIONS_AT)
        os.pwrite(fd, _HEADER.pack(_MAGIC, LAYOUT, size, workers_max, len(table)), 0)
        return cls(fd)

    @classmethod
    def attach(cls, fd: int) -> SharedMemory:
        """The page behind a descriptor, which the page owns from now on; PageError when it is none of this layout."""
        page = cls(fd)
        os.set_inheritable(fd, False)
        return page

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> SharedMemory | None:
        """The page that the master before this one hands over; None when there is none."""
        number = environ.get(HANDOVER)
        if number is None:
            return None
        if not (number.isascii() and number.isdigit()):
            raise SharedMemoryError(f"{HANDOVER} is not the number of a file descriptor: {number!r}")
        return cls.attach(int(number))

    def handover_env(self) -> dict[str, str]:
        """Let the descriptor live through exec in this process; returns what to put into the environment."""
        os.set_inheritable(self.fd, True)
        return {HANDOVER: str(self.fd)}

    def region(self, name: str) -> memoryview:
        """The writable bytes of a region."""
        try:
            start, size = self._regions[name]
        except KeyError:
            raise SharedMemoryError(f"the page has no region {name!r}, only {sorted(self._regions)}") from None
        return memoryview(self._map)[start : start + size]

    def claim_slot(self, pid: int) -> WorkerSlot:
        """A slot for a running process: its own, else a free one, else one whose process is gone."""
        me = process.identity(pid)
        owners = [(cell.load(), index) for index, cell in enumerate(self._owners)]
        for owner, index in owners:
            if owner == me:
                return self._slot(index)
        for owner, index in sorted(owners):  # free ones (0) first
            if (not owner or not process.is_alive(owner)) and self._owners[index].compare_and_set(owner, me):
                slot = self._slot(index)
                slot.open(me)
                return slot
        raise SharedMemoryError(f"all {self.slots} worker slots of the page are taken; run fewer workers")

    def slot_left_by(self, pid: int) -> WorkerSlot | None:
        """The slot of a child that has ended, as long as nobody frees or claims it."""
        for index, cell in enumerate(self._owners):
            owner = cell.load()
            if owner and process.pid_of(owner) == pid and not process.is_alive(owner):
                return self._slot(index)
        return None

    def free_slot(self, pid: int) -> bool:
        """Give back the slot of a child that has ended; whether there was one.  A living process keeps its slot."""
        slot = self.slot_left_by(pid)
        if slot is None:
            return False
        owner = slot.owner.load()
        return process.pid_of(owner) == pid and slot.owner.compare_and_set(owner, 0)

    def workers(self) -> list[Worker]:
        """What the living workers of all masters say of themselves."""
        found = (self._slot(index).read() for index, cell in enumerate(self._owners) if cell.load())
        return [worker for worker in found if worker is not None]

    def is_served(self) -> bool:
        """Whether a worker of any master serves, and is not on its way out."""
        return any(worker.state == WorkerState.SERVING for worker in self.workers())

    def owners(self) -> dict[int, int]:
        """slot -> pid of each living worker of all masters, whatever it says of itself."""
        words = ((index, cell.load()) for index, cell in enumerate(self._owners))
        return {index: process.pid_of(word) for index, word in words if word and process.is_alive(word)}

    def requests_total(self) -> int:
        """Requests counted since the page was made, by the dead workers too."""
        return sum(self._slot(index).requests.load() for index in range(self.slots))

    def try_lead(self, role: Cell, pid: int, now: float, ttl: float) -> bool:
        """Take or renew the lease in `role` until `now + ttl` (monotonic seconds); whether it is held now.

        NOTE: a holder that is stopped for longer than `ttl` does not know that it lost the lease, so what a leader
        does must be harmless when two do it.
        """
        held = role.load()
        holder, until = held >> _EXPIRY_BITS, held & ((1 << _EXPIRY_BITS) - 1)
        if holder != pid and until > now * 1000:
            return False
        return role.compare_and_set(held, pid << _EXPIRY_BITS | int((now + ttl) * 1000))

    def leader(self, role: Cell, now: float) -> int:
        """The pid that holds the lease in `role` at `now` (monotonic seconds); 0 for nobody."""
        held = role.load()
        return held >> _EXPIRY_BITS if held & ((1 << _EXPIRY_BITS) - 1) > now * 1000 else 0

    def resign(self, role: Cell, pid: int) -> None:
        """Give a lease back before its end, if `pid` holds it."""
        held = role.load()
        if held >> _EXPIRY_BITS == pid:
            role.compare_and_set(held, 0)

    def _slot(self, index: int) -> WorkerSlot:
        return WorkerSlot(self._memory, self._slot_at(index), index)

    def _slot_at(self, index: int) -> int:
        return _SLOTS_AT + index * SLOT_SIZE


def _place(regions: Mapping[str, int], start: int) -> tuple[list[bytes], int]:
    """The rows of the region table and the size of the whole page."""
    if len(regions) > _REGIONS_MAX:
        raise SharedMemoryError(f"{len(regions)} regions asked for, the page holds {_REGIONS_MAX}")
    table = []
    for name, size in regions.items():
        start = -(-start // 4096) * 4096
        if not 0 < len(name.encode()) <= 48 or size <= 0:
            raise SharedMemoryError(f"region {name!r} of {size} bytes: a name has 1 to 48 bytes and a size is positive")
        table.append(_REGION.pack(name.encode(), start, size))
        start += size
    return table, -(-start // 4096) * 4096


def _read_header(fd: int) -> tuple[int, dict[str, tuple[int, int]]]:
    """Slots and regions (name to offset and size) of the page behind a descriptor."""
    try:
        head = os.pread(fd, _SLOTS_AT, 0)
        magic, layout, size, slots, regions = _HEADER.unpack_from(head)
    except (OSError, struct.error) as error:
        raise SharedMemoryError(f"file descriptor {fd} holds no page: {error}") from error
    if magic != _MAGIC:
        raise SharedMemoryError(f"file descriptor {fd} holds no page: it does not begin with {_MAGIC!r}")
    if layout != LAYOUT:
        raise SharedMemoryError(
            f"the page has layout {layout}, this gateway speaks layout {LAYOUT}: restart instead of upgrading"
        )
    if size != os.fstat(fd).st_size:
        raise SharedMemoryError(f"the page says {size} bytes, its file has {os.fstat(fd).st_size}")
    rows = (_REGION.unpack_from(head, _REGIONS_AT + number * _REGION.size) for number in range(regions))
    return slots, {name.rstrip(b"\0").decode(): (start, length) for name, start, length in rows}
