"""The lmdb file behind a MemoryStore: entries, the index of their ends, and room for new ones.

Imported when a store is opened, because lmdb is.  Two tables:
    entries   key -> end (8 bytes, nanoseconds, 0 = without) + value
    ends      end (8 bytes) + key -> nothing; sorted, so the first rows are what ends next
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import lmdb

from gateway.state.store import StoreFullError, StoreUnavailableError

T = TypeVar("T")

_PAGE: Final = 4096
_WRITE_PAGES: Final = 8  # what splitting leaves in both tables may take, beside the value itself
_TRIES: Final = 8


class LmdbRecords:
    """Both tables inside one write transaction, kept in step; `now` is the time of the transaction."""

    __slots__ = ("_ends", "_entries", "_txn", "now")

    def __init__(self, txn: lmdb.Transaction[bytes], entries: lmdb._Database, ends: lmdb._Database, now: int) -> None:
        self._txn = txn
        self._entries = entries
        self._ends = ends
        self.now = now

    def get(self, key: bytes) -> tuple[int, bytes] | None:
        """End and value of an entry whose time is not up."""
        raw = self._txn.get(key, db=self._entries)
        if raw is None:
            return None
        end = int.from_bytes(raw[:8], "big")
        return (end, raw[8:]) if not end or end > self.now else None

    def put(self, key: bytes, value: bytes, end: int) -> None:
        """Write an entry over whatever was there."""
        self._forget_end(key, self._txn.get(key, db=self._entries))
        head = end.to_bytes(8, "big")
        self._txn.put(key, head + value, db=self._entries)
        if end:
            self._txn.put(head + key, b"", db=self._ends)

    def end_in(self, ttl: float | None) -> int:
        """The end of an entry written now."""
        return 0 if ttl is None else self.now + int(ttl * 1e9)

    def remove(self, key: bytes) -> bool:
        """Remove an entry; whether it was there with time left."""
        raw = self._txn.pop(key, db=self._entries)
        self._forget_end(key, raw)
        return raw is not None and (raw[:8] == bytes(8) or int.from_bytes(raw[:8], "big") > self.now)

    def drop(self, limit: int, until: int | None = None) -> int:
        """Remove at most `limit` entries in the order of their ends, those that end by `until` or any; how many."""
        count = 0
        with self._txn.cursor(db=self._ends) as cursor:
            while count < limit and cursor.first():
                row = cursor.key()
                if until is not None and int.from_bytes(row[:8], "big") > until:
                    break
                cursor.delete()
                self._txn.delete(row[8:], db=self._entries)
                count += 1
        return count

    def pages(self) -> int:
        """Pages that hold both tables."""
        return sum(
            table["branch_pages"] + table["leaf_pages"] + table["overflow_pages"]
            for table in (self._txn.stat(self._entries), self._txn.stat(self._ends))
        )

    def _forget_end(self, key: bytes, raw: bytes | None) -> None:
        if raw is not None and raw[:8] != bytes(8):
            self._txn.delete(raw[:8] + key, db=self._ends)


class Environment:
    """The file, opened by one process; `broken` once lmdb failed: some failures last until it is opened anew."""

    def __init__(self, file: Path, capacity: int, clock: Callable[[], int]) -> None:
        self._file = file
        self._clock = clock
        self.broken = False
        # Copy-on-write trees need free pages to delete in, so a quarter of the file is never filled.
        self._pages_max = capacity * 3 // 4 // _PAGE
        try:
            if not file.exists():
                _make(file, capacity)
            # NOTE: no writemap.  A full tmpfs is then ENOSPC, not SIGBUS.
            # NOTE: no spare read transactions.  Closed in a forked child they would clear the parent's reader slots.
            self._env = lmdb.open(
                str(file), map_size=capacity, subdir=False, mode=0o600, sync=False, metasync=False, readahead=False,
                max_dbs=2, max_readers=1024, max_spare_txns=0,
            )  # fmt: skip
            self._entries = self._env.open_db(b"entries")
            self._ends = self._env.open_db(b"ends")
        except (lmdb.Error, OSError) as error:
            raise StoreUnavailableError(f"cannot open the memory store {file}: {error}") from error

    def get(self, key: bytes) -> bytes | None:
        """End and value as they are stored."""
        try:
            with self._env.begin(self._entries) as txn:
                return txn.get(key)
        except lmdb.Error as error:
            raise self._failed("read", error) from error

    def keys(self, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys with `prefix` from `start` on whose time is not up."""
        now = self._clock()
        found: list[bytes] = []
        try:
            with self._env.begin(self._entries) as txn, txn.cursor() as cursor:
                there = cursor.set_range(start) if start else cursor.first()
                while there and len(found) < limit and (key := cursor.key()).startswith(prefix):
                    end = int.from_bytes(cursor.value()[:8], "big")
                    if not end or end > now:
                        found.append(key)
                    there = cursor.next()
        except lmdb.Error as error:
            raise self._failed("read", error) from error
        return found

    def change(self, action: Callable[[LmdbRecords], T], room: int = 0) -> T:
        """Run `action` in one write transaction, after making room for `room` bytes."""
        for _ in range(_TRIES):
            try:
                with self._env.begin(write=True) as txn:
                    records = LmdbRecords(txn, self._entries, self._ends, self._clock())
                    if room:
                        self._make_room(records, room // _PAGE + _WRITE_PAGES)
                    return action(records)
            except lmdb.MapFullError:
                self._reclaim()
            except lmdb.Error as error:
                raise self._failed("write to", error) from error
        raise StoreFullError("the memory store has no room in one piece for the value")

    def forget_dead_readers(self) -> None:
        """Let go of the pages that readers held who were killed while they read."""
        self._env.reader_check()

    def close(self) -> None:
        """Close the file."""
        self._env.close()

    def _failed(self, verb: str, error: lmdb.Error) -> StoreUnavailableError:
        self.broken = True
        return StoreUnavailableError(f"cannot {verb} the memory store {self._file}: {error}")

    def _make_room(self, records: LmdbRecords, pages: int) -> None:
        """Throw out what ends first until `pages` fit."""
        while records.pages() + pages > self._pages_max:
            if not records.drop(16):
                raise StoreFullError("the memory store is full of entries without an end")

    def _reclaim(self) -> None:
        """Make room in small steps: those thrown out free whole pages for the next transactions."""
        self.forget_dead_readers()
        try:
            with self._env.begin(write=True) as txn:
                LmdbRecords(txn, self._entries, self._ends, self._clock()).drop(64)
        except lmdb.MapFullError:
            return


def _make(file: Path, capacity: int) -> None:
    """Make the file in one step, unless another process was quicker.

    A process that is killed while lmdb writes the first two pages would leave what nobody can open.
    """
    made = file.with_name(f"{file.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    try:
        lmdb.open(str(made), map_size=capacity, subdir=False, mode=0o600, lock=False, sync=False).close()
        with contextlib.suppress(FileExistsError):
            os.link(made, file)
    finally:
        made.unlink(missing_ok=True)
