"""Patterns over letters become one table: each letter of an input costs one look-up, whatever the patterns are.

A pattern is written as for `re`, of letters, [sets], [^sets], groups, | * + and ?.  It may begin anywhere in the input.
Built by positions (Glushkov) and sets of them, which are integers here.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

COLUMNS = 64
"""Columns of a row: a letter's is its code & 63."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Table(NamedTuple):
    """`rows`: for state and column the next state, two bytes each, of this machine; state 0 begins.

    `found`: for each state 0, or 1 + the number of the first pattern that ends there; such a state is left no more.
    """

    rows: bytes
    found: bytes


class Part(NamedTuple):
    """A piece of a pattern: the positions that can begin and end it, and whether it can be empty."""

    first: int
    last: int
    empty: bool


class _Reader:
    """Reads patterns; numbers every letter's place in them as a bit, and keeps what can follow it."""

    def __init__(self) -> None:
        self.follow: list[int] = []
        self.at = dict.fromkeys(_LETTERS, 0)
        self.text = ""
        self.place = 0

    def read(self, pattern: str) -> Part:
        self.text, self.place = pattern, 0
        part = self._choice()
        if self._peek() or part.empty:
            raise ValueError(f"the pattern {pattern!r} is malformed, or can be empty")
        return part

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _next(self) -> str:
        self.place += 1
        return self.text[self.place - 1]

    def _choice(self) -> Part:
        first, last, empty = self._sequence()
        while self._peek() == "|":
            self._next()
            other = self._sequence()
            first, last, empty = first | other.first, last | other.last, empty or other.empty
        return Part(first, last, empty)

    def _sequence(self) -> Part:
        whole = Part(0, 0, True)
        while self._peek() not in ("", "|", ")"):
            part = self._repeated()
            self._join(whole.last, part.first)
            whole = Part(
                whole.first | (part.first if whole.empty else 0),
                part.last | (whole.last if part.empty else 0),
                whole.empty and part.empty,
            )
        return whole

    def _repeated(self) -> Part:
        part = self._single()
        mark = self._peek()
        if mark and mark in "*+?":
            self._next()
            if mark != "?":
                self._join(part.last, part.first)
            part = part._replace(empty=part.empty or mark != "+")
        return part

    def _single(self) -> Part:
        letter = self._next()
        if letter == "(":
            part = self._choice()
            self._next()
            return part
        if letter != "[":
            return self._position(letter)
        end = self.text.index("]", self.place)
        letters, self.place = self.text[self.place : end], end + 1
        if letters.startswith("^"):
            return self._position("".join(each for each in _LETTERS if each not in letters))
        return self._position(letters)

    def _position(self, letters: str) -> Part:
        bit = 1 << len(self.follow)
        self.follow.append(0)
        for letter in letters:
            self.at[letter] |= bit
        return Part(bit, bit, False)

    def _join(self, before: int, after: int) -> None:
        while before:
            low = before & -before
            self.follow[low.bit_length() - 1] |= after
            before ^= low


def build(patterns: tuple[str, ...]) -> Table:
    """The table of all patterns; where two end at the same letter, the earlier one counts."""
    reader = _Reader()
    parts = [reader.read(pattern) for pattern in patterns]
    start = lasts = 0
    for part in parts:
        start, lasts = start | part.first, lasts | part.last
    masks = [(ord(letter) & (COLUMNS - 1), mask) for letter, mask in reader.at.items() if mask]
    numbers, rows, found = {0: 0}, array("H"), bytearray()
    for state in (waiting := [0]):
        ended = state & lasts
        found.append(next(number for number, part in enumerate(parts, 1) if state & part.last) if ended else 0)
        row = [0] * COLUMNS
        if not ended:
            after = start | _followers(reader.follow, state)
            for column, mask in masks:
                number = numbers.setdefault(after & mask, len(waiting))
                if number == len(waiting):
                    waiting.append(after & mask)
                row[column] = number
        rows.extend(row)
    return Table(rows.tobytes(), bytes(found))


def _followers(follow: list[int], state: int) -> int:
    found = 0
    while state:
        low = state & -state
        found |= follow[low.bit_length() - 1]
        state ^= low
    return found
