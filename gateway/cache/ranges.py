"""Range: which bytes of a whole answer are wanted (RFC 9110 section 14)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

_SPEC: Final = re.compile(r"[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*")
#: more ranges than these are not what a reader asks for (RFC 9110 section 14.2)
_MOST: Final = 16

Slices = tuple[tuple[int, int], ...]


def slices(text: str, length: int) -> Slices | None:
    """(start, stop) of each range that there is, in the order asked; () where there is none of them.

    None means that the whole is to be given: for another unit, for what cannot be read, and for ranges that are too
    many or lie over each other.
    """
    unit, _, rest = text.partition("=")
    members = [member for member in rest.split(",", _MOST + 1) if member.strip(" \t")]
    if unit.strip(" \t").lower() != "bytes" or not 0 < len(members) <= _MOST:
        return None
    found: list[tuple[int, int]] = []
    for member in members:
        read = _SPEC.fullmatch(member)
        if read is None or (read[1] and read[2] and int(read[2]) < int(read[1])):
            return None
        piece = _slice(read, length)
        if piece is not None:
            found.append(piece)
    return None if _overlap(found) else tuple(found)


def _slice(read: re.Match[str], length: int) -> tuple[int, int] | None:
    if read[3]:
        start, stop = max(0, length - int(read[3])), length
    else:
        start, stop = int(read[1]), min(int(read[2] or length) + 1, length)
    return (start, stop) if start < stop else None


def _overlap(found: list[tuple[int, int]]) -> bool:
    """Whether two of them share a byte: what is asked for is never more than what there is."""
    line = sorted(found)
    return any(before[1] > after[0] for before, after in pairwise(line))
