"""Passive ejection: a target that fails several times in a row is left out for a while, longer each time.

A record is one word: left out until (ms, 40 bits), the level (8 bits: how many ejections lately), and failures in a
row (12 bits).  The word 0 is a target that never failed.  Times are milliseconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway import errors
from gateway.errors import Kind
from gateway.upstream.resilience.options import Outlier

#: an ejection lasts this many times `eject_for` at most
MOST: Final = 10

_LEVEL, _UNTIL = 12, 20
_LEVEL_MASK: Final = 0xFF
#: the failures in a row; while there are none, a good try need not be told
STREAK: Final = 0xFFF

#: what says nothing about a target: our own pool was full, or nobody was asked
_NO_FAULT: Final = frozenset((errors.UPSTREAM_SATURATED, errors.NO_TARGET, errors.CIRCUIT_OPEN))


@dataclass(frozen=True, slots=True)
class OutlierPolicy:
    """When a target is left out; `eject_for` is milliseconds, `max_ejected` a share in millionths."""

    consecutive: int
    eject_for: int
    max_ejected: int

    @classmethod
    def of(cls, spec: Outlier) -> OutlierPolicy:
        """The rules of a section."""
        return cls(spec.consecutive_5xx, max(1, round(spec.eject_for * 1000)), round(spec.max_ejected * 1_000_000))


def is_failure(outcome: int | Kind) -> bool:
    """Whether an outcome, a status or the kind of a failed try, speaks against the target that was asked.

    SECURITY: UPSTREAM_TIMEOUT does, unless the caller's own deadline cut the time short: leave that case out, or
    callers with tiny deadlines eject healthy targets.
    """
    if isinstance(outcome, int):
        return outcome >= 500
    return outcome.source == "upstream" and outcome not in _NO_FAULT


def observe(word: int, has_failed: bool, now_ms: int, allowed: bool, rules: OutlierPolicy) -> int:
    """The word after one try. What comes in while the target is left out is late news and changes nothing.

    `allowed` is what `may_eject` said; when it said no, the next failure asks again.
    """
    if not has_failed:
        return word & ~STREAK
    if word >> _UNTIL > now_ms:
        return word
    streak = min((word & STREAK) + 1, STREAK)
    if streak < rules.consecutive or not allowed:
        return word & ~STREAK | streak
    level = min(level_now(word, now_ms, rules) + 1, MOST)
    return now_ms + level * rules.eject_for << _UNTIL | level << _LEVEL


def is_close(word: int, rules: OutlierPolicy) -> bool:
    """Whether one more failure would eject, so that `may_eject` has to be asked."""
    return word & STREAK >= rules.consecutive - 1


def is_ejected(word: int, now_ms: int) -> bool:
    """Whether the target is left out now."""
    return word >> _UNTIL > now_ms


def until(word: int) -> int:
    """When the last ejection ends or ended."""
    return word >> _UNTIL


def level_now(word: int, now_ms: int, rules: OutlierPolicy) -> int:
    """How many ejections still count: one fewer for each `eject_for` of calm since the last one ended."""
    calm = max(0, now_ms - (word >> _UNTIL)) // rules.eject_for
    return max(0, (word >> _LEVEL & _LEVEL_MASK) - calm)


def may_eject(ejected: int, total: int, rules: OutlierPolicy) -> bool:
    """Whether one more of `total` targets may be left out: within the share, or the first of two and more.

    Workers that decide in the same instant may go over the share by one each.
    """
    return total > 1 and (ejected == 0 or (ejected + 1) * 1_000_000 <= rules.max_ejected * total)
