"""Writers of the audit log: any process of the host appends, the one that holds the lock on the head.

The head is a small file beside the log (`FILE.head`): it says where the chain ends, so that the chain goes on after a
restart, in a fresh file after rotation, and lines that are cut off at the end are missed.  Nothing waits for the lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from gateway.observability.audit.chain import Head, entry_hash, followed, is_intact, members, sign_entry
from gateway.observability.log_writer import LogFile, open_outlet

log = logging.getLogger("gateway")

STDOUT: Final = "stdout"
HEAD: Final = ".head"
_MODE: Final = 0o640
_TAIL: Final = 8192  # bytes, more than a line has
#: bytes that a process which died between two writes may have left beyond the head
_AHEAD: Final = 1 << 22


class AuditWriter(Protocol):
    """One destination."""

    def add(self, entries: Sequence[str]) -> int:
        """Append what the destination takes now, and give how many that were; 0 when another process has the lock.

        Raises OSError when it takes none.
        """
        ...

    def head(self) -> Head:
        """Where the chain ends now. Raises OSError."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_book(to: str, folder: Path, secret: bytes) -> AuditWriter:
    """`to` is "stdout" or an absolute file name; `folder` is private to this gateway. Raises OSError."""
    return AuditStream(folder, secret) if to == STDOUT else AuditFile(to, secret)


class AuditFile:
    """A file. It is opened for each batch, so that one that was rotated away is left without a signal."""

    def __init__(self, to: str, secret: bytes) -> None:
        self._to = to
        self._secret = secret
        os.close(self._open())
        os.close(_open_head(to + HEAD))

    def add(self, entries: Sequence[str]) -> int:
        """All or nothing."""
        keeper = _open_head(self._to + HEAD)
        try:
            if not _is_locked(keeper):
                return 0
            kept = os.pread(keeper, 512, 0)
            file = self._open()
            try:
                head, lead = self._where(Head.unpacked(kept), file)
                head = _appended(file, lead, entries, head, self._secret)
            finally:
                os.close(file)
            os.pwrite(keeper, head.packed(), 0)
        finally:
            os.close(keeper)
        return len(entries)

    def head(self) -> Head:
        """As the file beside the log says."""
        return _head_in(self._to + HEAD)

    def close(self) -> None:
        """Nothing is held."""

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        return os.open(self._to, flags, _MODE)

    def _where(self, kept: Head | None, file: int) -> tuple[Head, bytes]:
        """(the true end of the chain with the file's size, what has to go before the next line)."""
        size = os.fstat(file).st_size
        tail = os.pread(file, _TAIL, max(0, size - _TAIL))
        lead = b"\n" if tail and not tail.endswith(b"\n") else b""
        if kept is None:
            found = self._last_of(tail)
            if size and found is None:
                log.error(
                    "the audit log %s has neither a head nor a last line that is intact: a new chain begins", self._to
                )
            head = found or Head()
        else:
            head = self._beyond(kept, file, size)
        return Head(head.seq, head.hash, size + len(lead)), lead

    def _last_of(self, tail: bytes) -> Head | None:
        """The head that was lost, from the last line."""
        lines = tail.splitlines()
        last = lines[-1] if lines else b""
        found, seal = members(last), entry_hash(last)
        if found is None or seal is None or not is_intact(last, self._secret):
            return None
        log.warning("the audit log %s goes on from its last line: its head was gone", self._to)
        return Head(found["seq"], seal[1])

    def _beyond(self, kept: Head, file: int, size: int) -> Head:
        """A process may have died after its lines and before the head; all else is none of our doing, and is told."""
        if size in (0, kept.size):  # rotated, or as it was left
            return kept
        if size > kept.size:
            more = os.pread(file, _AHEAD, kept.size)
            head = followed(more.splitlines(), kept, self._secret)
            if head is not None and head.size == size:
                return head
        log.error("the audit log %s was changed by another hand; `gateway audit verify` says where", self._to)
        return kept


class AuditStream:
    """Standard output, whose lines somebody else keeps; the chain is one for all processes of a start."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._head = str(folder / f"audit{HEAD}")
        self._secret = secret
        self._outlet: LogFile = open_outlet(STDOUT)

    def add(self, entries: Sequence[str]) -> int:
        """As many lines as the reader has room for."""
        keeper = _open_head(self._head)
        taken = 0
        try:
            if not _is_locked(keeper):
                return 0
            head = Head.unpacked(os.pread(keeper, 512, 0)) or Head()
            for text in entries:
                line, after = sign_entry(text, head, self._secret)
                try:
                    self._outlet.write(line)
                except BlockingIOError:
                    break
                head, taken = after, taken + 1
            os.pwrite(keeper, head.packed(), 0)
        finally:
            os.close(keeper)
        return taken

    def head(self) -> Head:
        """As the file in the runtime directory says."""
        return _head_in(self._head)

    def close(self) -> None:
        """Let go of our descriptor."""
        self._outlet.close()


def _open_head(name: str) -> int:
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)


def _head_in(name: str) -> Head:
    with open(name, "rb") as file:
        return Head.unpacked(file.read(512)) or Head()


def _is_locked(keeper: int) -> bool:
    """Whether the lock is ours until the descriptor is closed, or its process dies."""
    try:
        fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _appended(file: int, lead: bytes, entries: Sequence[str], head: Head, secret: bytes) -> Head:
    """The head behind all entries, which are in the file, or OSError and none of them is."""
    size = head.size - len(lead)
    data = lead
    for text in entries:
        line, head = sign_entry(text, head, secret)
        data += line
    if os.write(file, data) != len(data):
        os.ftruncate(file, size)
        raise OSError(28, "No space left on device")
    return head
