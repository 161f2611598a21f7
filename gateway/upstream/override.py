"""Override of a target by the admin API, as one word: it outlives reloads and holds for all workers.

The word is a weight (30 bits) and a mode (2 bits); 0 is nothing said.
"""

from __future__ import annotations

from typing import Final

NONE: Final = 0
DRAIN: Final = 1
DISABLE: Final = 2

NAMES: Final = ("serve", "drain", "disable")
MOST: Final = 1_000_000


def word(mode: int, weight: int = 0) -> int:
    """The word for a mode and a weight, 0 for the configured one."""
    return weight << 2 | mode


def mode(word: int) -> int:
    """NONE, DRAIN (no new requests, those under way end) or DISABLE (likewise, and no checks)."""
    return word & 3


def weight(word: int) -> int:
    """The weight that was set; 0 = the configured one holds."""
    return word >> 2


def may_serve(word: int) -> bool:
    """Whether new requests may go there."""
    return not word & 3
