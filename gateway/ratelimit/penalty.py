"""Penalties: a caller that goes on while a limit refuses is blocked for a while.

Refusals fill a bucket of their own, that of the key which was refused; the one that fills it up begins the block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from gateway.ratelimit.options import NANOS
from gateway.ratelimit.options import Penalty as Spec

if TYPE_CHECKING:
    from gateway._fast.token_bucket import Buckets

# The buckets beside that of a key have its number but for these bits. NOTE: numbers are keyed hashes of 64 bits.
STRIKES: Final = 0x5A5A_0000_0000_0000
BLOCKED: Final = 0xA5A5_0000_0000_0000
LEASE: Final = 0x3C3C_0000_0000_0000
_MARKS: Final = (0, STRIKES, BLOCKED, LEASE)
#: from any of a key's buckets to each of them
_BESIDE: Final = tuple(dict.fromkeys(one ^ other for one in _MARKS for other in _MARKS))


class Penalty:
    """The times of a penalty, in nanoseconds: `each` refusal is forgotten in so long, `most` of them together."""

    __slots__ = ("block", "each", "most")

    def __init__(self, spec: Spec, unit: int = 1) -> None:
        self.each = -(-int(spec.within * NANOS) // (spec.after * unit)) * unit
        self.most = spec.after * self.each
        self.block = -(-int(spec.block * NANOS) // unit) * unit


def blocked_for(buckets: Buckets, number: int, now_ns: int) -> int:
    """Nanoseconds for which a key is blocked yet, 0 when it is not."""
    return max(0, buckets.debit(number ^ BLOCKED, 1, 0, 0, now_ns))


def strike(buckets: Buckets, number: int, penalty: Penalty, now_ns: int) -> int:
    """Count a refusal; nanoseconds for which the key is blocked from now on, 0 when it is not."""
    filled = buckets.debit(number ^ STRIKES, penalty.each, penalty.most, 1, now_ns)
    if -(penalty.most - penalty.each) <= filled <= 0:
        return 0
    buckets.reset(number ^ STRIKES)
    # NOTE: a bucket for less than two blocks, for of two workers that fill the other one at once only one may begin it.
    buckets.debit(number ^ BLOCKED, 1, 2 * penalty.block - 1, penalty.block, now_ns)
    return penalty.block


def unblock(buckets: Buckets, number: int) -> bool:
    """Fill a bucket, and those beside it; whether anything was owed.  `number` may be that of any of them."""
    owed = [buckets.reset(number ^ beside) for beside in _BESIDE if number != beside]
    return any(owed)


def kind_of(
    number: int, name: Callable[[int], tuple[str, str] | None]
) -> tuple[Literal["bucket", "block", "refusals", "lease"], tuple[str, str] | None]:
    """Which of a key's buckets a number is, and what `name` calls the key; a bucket where it knows none."""
    if (owner := name(number ^ BLOCKED)) is not None:
        return "block", owner
    if (owner := name(number ^ STRIKES)) is not None:
        return "refusals", owner
    if (owner := name(number ^ LEASE)) is not None:
        return "lease", owner
    return "bucket", name(number)
