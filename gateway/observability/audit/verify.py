"""Verification of audit logs: every line that was altered, removed, moved or cut off is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.observability.audit.chain import ZERO, Head, entry_hash, is_intact, members

MISTAKES_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class IntegrityError:
    """What is wrong with a line; line 0 is the end of the file."""

    file: str
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line or 'end'}: {self.words}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in all files together; `head` is where the chain ends."""

    lines: int
    first: int
    head: Head
    starts: int
    mistakes: tuple[IntegrityError, ...]


class Verifier:
    """Takes the lines of all files in their order, the oldest first."""

    def __init__(self, secret: bytes = b"", *, restarts: bool = False, is_partial: bool = False) -> None:
        """`restarts`: a chain may begin again in the middle, as it does on standard output.

        `is_partial`: the oldest files need not be there.
        """
        self._secret = secret
        self._is_partial = is_partial
        self._restarts = restarts
        self._mistakes: list[IntegrityError] = []
        self._head: Head | None = None
        self._lines = self._first = self._starts = 0
        self._is_sure = True  # whether the line before this one is what it was

    def take(self, file: str, lines: Iterable[bytes]) -> None:
        """Read a file; its lines come with their ends."""
        for number, line in enumerate(lines, 1):
            if len(self._mistakes) >= MISTAKES_MAX:
                return
            for words in self._wrong(line):
                self._mistakes.append(IntegrityError(file, number, words))

    def ends_at(self, file: str, kept: Head) -> None:
        """The chain should end where `kept` says."""
        head = self._head or Head()
        if kept.seq > head.seq:
            count = kept.seq - head.seq
            words = f"cut off: {_lines(count)} after seq {head.seq} {_are(count)} missing, the last is seq {kept.seq}"
            self._mistakes.append(IntegrityError(file, 0, words))
        elif (kept.seq, kept.hash) != (head.seq, head.hash):
            words = f"the chain ends with seq {head.seq}, its head says seq {kept.seq} and another hash"
            self._mistakes.append(IntegrityError(file, 0, words))

    def verdict(self) -> Verdict:
        """After the last file."""
        return Verdict(self._lines, self._first, self._head or Head(), self._starts, tuple(self._mistakes))

    def _wrong(self, ended: bytes) -> Iterator[str]:
        self._lines += 1
        line = ended.removesuffix(b"\n")
        found, seal = members(line), entry_hash(line)
        if found is None or seal is None:
            self._is_sure = False
            yield "cut off: the line is not whole" if line.startswith(b'{"seq":') else "no line of an audit log"
            return
        seq, head = found["seq"], self._head
        is_intact_ = is_intact(line, self._secret)
        if not is_intact_:
            yield self._altered(seal[0], seq)
        if head is None:
            self._first, self._starts = seq, 1
            if seq > 1 and not self._is_partial:
                yield f"removed: {_lines(seq - 1)} before seq {seq} {_are(seq - 1)} missing, and no older file is given"
        elif self._restarts and seq == 1 and found["prev"] == ZERO:
            self._starts += 1
        else:
            yield from self._misplaced(seq, found["prev"], head, is_intact_)
        self._is_sure = is_intact_
        if head is None or seq > head.seq or (self._restarts and seq == 1):
            self._head = Head(seq, seal[1])

    def _altered(self, name: str, seq: int) -> str:
        if (name == "mac") != bool(self._secret):
            return f"seq {seq} " + (
                "has no `mac`, though a secret is given" if self._secret else "can be checked with the secret alone"
            )
        return f"seq {seq} was altered"

    def _misplaced(self, seq: int, prev: str, head: Head, is_intact_: bool) -> Iterator[str]:
        if seq == head.seq + 1:
            # Behind an altered line this one still holds the hash of what that line was.
            if prev != head.hash and self._is_sure and is_intact_:
                yield f"seq {seq} does not follow the seq {head.seq} that stands before it, which was written anew"
        elif seq > head.seq + 1:
            missing = seq - head.seq - 1
            span = f"seq {head.seq + 1}" + (f" to {seq - 1}" if missing > 1 else "")
            yield f"removed: {_lines(missing)} ({span}) before seq {seq} {_are(missing)} missing"
        else:
            yield f"out of order: seq {seq} stands behind seq {head.seq}"


def _lines(count: int) -> str:
    return "one line" if count == 1 else f"{count} lines"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
