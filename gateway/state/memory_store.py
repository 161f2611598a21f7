"""The store that all workers of one host share: an lmdb file in memory, without a server.

An entry is kept as eight bytes of end (nanoseconds, 0 = without) and the value.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.state.store import check_key, check_number, check_ttl, check_value, parse_number

if TYPE_CHECKING:
    from gateway.state.lmdb_records import Environment, LmdbRecords

T = TypeVar("T")

CAPACITY: Final = 64 << 20  # bytes
CAPACITY_MIN: Final = 16 << 20
_BATCH: Final = 256  # entries for each transaction of scan, clear and sweep: the others wait about a millisecond


def boot_time() -> int:
    """Nanoseconds since boot, time asleep included: the same for all processes, and no clock step ends a session."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class MemoryStore:
    """A `Store` in a file of `directory`, which should lie on tmpfs and must be private.

    Each process opens the file at its first call, so a store may be made before a fork and used after it.
    `capacity` bounds the file in bytes; values take up to three quarters of it.
    NOTE: a write waits, without gevent, for the writers of other processes, some microseconds each.
    """

    def __init__(self, directory: Path, *, capacity: int = CAPACITY, clock: Callable[[], int] = boot_time) -> None:
        if capacity < CAPACITY_MIN:
            raise ValueError(f"a memory store needs at least {CAPACITY_MIN} bytes, not {capacity}")
        self._file = directory / "store.mdb"
        self._capacity = capacity
        self._clock = clock
        self._environment: Environment | None = None
        self._pid = 0

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        check_key(key)
        raw = self._opened().get(key)
        if raw is None:
            return None
        end = int.from_bytes(raw[:8], "big")
        return raw[8:] if not end or end > self._clock() else None

    def set(self, key: bytes, value: bytes, ttl: float | None) -> None:
        """Write, whatever was there, and set its end anew."""
        self._write(key, value, ttl, lambda records: records.put(key, value, records.end_in(ttl)))

    def set_if_absent(self, key: bytes, value: bytes, ttl: float | None) -> bool:
        """Write unless there is a value; whether it was written."""

        def put(records: LmdbRecords) -> bool:
            if records.get(key) is not None:
                return False
            records.put(key, value, records.end_in(ttl))
            return True

        return self._write(key, value, ttl, put)

    def compare_and_set(self, key: bytes, old: bytes, new: bytes, ttl: float | None) -> bool:
        """Write `new` and its end if the value is `old`; whether it was."""

        def put(records: LmdbRecords) -> bool:
            found = records.get(key)
            if found is None or found[1] != old:
                return False
            records.put(key, new, records.end_in(ttl))
            return True

        return self._write(key, new, ttl, put)

    def incr(self, key: bytes, by: int, ttl: float | None) -> int:
        """Add to a decimal number and return the sum; `ttl` is for a new key only."""

        def add(records: LmdbRecords) -> int:
            end, value = records.get(key) or (records.end_in(ttl), b"0")
            total = check_number(parse_number(value) + by)
            records.put(key, b"%d" % total, end)
            return total

        return self._write(key, b"", ttl, add)

    def expire(self, key: bytes, ttl: float | None) -> bool:
        """Set the end anew; whether the key is there."""

        def put(records: LmdbRecords) -> bool:
            found = records.get(key)
            if found is not None:
                records.put(key, found[1], records.end_in(ttl))
            return found is not None

        return self._write(key, b"", ttl, put)

    def delete(self, key: bytes) -> bool:
        """Remove; whether it was there."""
        check_key(key)
        return self._opened().change(lambda records: records.remove(key))

    def scan(self, prefix: bytes) -> Iterator[bytes]:
        """The keys that begin with `prefix`, in order.

        NOTE: read in batches, so no transaction is open (and no greenlet switches in one) while the caller works.
        """
        start = prefix
        while keys := self._opened().keys(prefix, start, _BATCH):
            yield from keys
            start = keys[-1] + b"\0"

    def clear(self, prefix: bytes) -> int:
        """Remove all keys that begin with `prefix`; how many there were."""
        count = 0
        while keys := self._opened().keys(prefix, prefix, _BATCH):
            count += self._opened().change(partial(_remove_all, keys))
        return count

    def sweep(self, limit: int) -> int:
        """Give back the room of at most `limit` entries whose time is up; how many there were."""
        self._opened().forget_dead_readers()
        count = 0
        while count < limit:
            batch = min(_BATCH, limit - count)
            swept = self._opened().change(partial(_drop_expired, batch))
            count += swept
            if swept < batch:
                break
        return count

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def _write(self, key: bytes, value: bytes, ttl: float | None, action: Callable[[LmdbRecords], T]) -> T:
        """Check what is written, then write it with room made for it."""
        check_key(key)
        check_value(value)
        check_ttl(ttl)
        return self._opened().change(action, room=len(key) + len(value) + 1)

    def _opened(self) -> Environment:
        """The file as opened by this very process, anew after an error."""
        environment = self._environment
        if environment is None or environment.broken or self._pid != os.getpid():
            environment = self._open()
        return environment

    def _open(self) -> Environment:
        """Open the file; lmdb may not be used across a fork, so what a parent opened is closed first."""
        from gateway.state.lmdb_records import Environment  # PERF: no lmdb in a process that opens no store

        self.close()
        self._environment = Environment(self._file, self._capacity, self._clock)
        self._pid = os.getpid()
        return self._environment


def _remove_all(keys: list[bytes], records: LmdbRecords) -> int:
    return sum(map(records.remove, keys))


def _drop_expired(limit: int, records: LmdbRecords) -> int:
    return records.drop(limit, records.now)
