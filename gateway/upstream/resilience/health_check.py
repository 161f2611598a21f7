"""Active checks: when the next one is due, and what its result makes of a target.

An opinion is one word: since when (ms, 40 bits), why (10 bits: the last status, 0 for no answer), how many results in
a row spoke against it (8 bits), and the state (2 bits).  The word 0 is a target of which nothing is known yet; it
counts as up, and one good check makes it so.  Times are milliseconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.upstream.resilience.options import Health

T = TypeVar("T")

UNKNOWN: Final = 0
UP: Final = 1
DOWN: Final = 2
NAMES: Final = ("unknown", "up", "down")

_STREAK, _WHY, _SINCE = 2, 10, 20
_STREAK_MASK, _WHY_MASK = 0xFF, 0x3FF


@dataclass(frozen=True, slots=True)
class HealthCheckPolicy:
    """How targets are checked; milliseconds."""

    every: int
    timeout: int
    fall: int
    rise: int
    expect: frozenset[int]

    @classmethod
    def of(cls, spec: Health) -> HealthCheckPolicy:
        """The rules of a section."""
        every, timeout = max(1, round(spec.every * 1000)), max(1, round(spec.timeout * 1000))
        return cls(every, timeout, spec.fall, spec.rise, frozenset(spec.expect))


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """A word, read: `status` is that of the last check, 0 when it got none; `against` results in a row disagree."""

    state: str
    since: int
    against: int
    status: int


def observe(word: int, status: int, now_ms: int, rules: HealthCheckPolicy) -> int:
    """The word after a check that ended with `status`, 0 when there was no answer in time."""
    state = word & 3
    is_good = status in rules.expect
    agrees = is_good == (state != DOWN) and state != UNKNOWN
    streak = 0 if agrees else min((word >> _STREAK & _STREAK_MASK) + 1, _STREAK_MASK)
    needed = rules.fall if not is_good else 1 if state == UNKNOWN else rules.rise
    since = word >> _SINCE
    if streak >= needed:
        state, streak, since = UP if is_good else DOWN, 0, now_ms
    return since << _SINCE | (status & _WHY_MASK) << _WHY | streak << _STREAK | state


def is_up(word: int) -> bool:
    """Whether a target may be used as far as the checks know."""
    return word & 3 != DOWN


def read(word: int) -> HealthRecord:
    """A word for people."""
    against, status = word >> _STREAK & _STREAK_MASK, word >> _WHY & _WHY_MASK
    return HealthRecord(NAMES[word & 3], word >> _SINCE, against, status)


def first_check(now_ms: int, random: float, rules: HealthCheckPolicy) -> int:
    """When a target that has just come is checked: soon, but not all of them at once. `random` is 0..1."""
    return now_ms + int(min(rules.every, 1000) * random)


def next_check(began_ms: int, random: float, rules: HealthCheckPolicy) -> int:
    """When the check after one that began at `began_ms` is due: up to a tenth early, so that checks drift apart.

    Never late: `fall` checks take `fall` times `every` and a timeout at most, which is what is promised.
    """
    return began_ms + int(rules.every * (1.0 - 0.1 * random))


def eligible(targets: Sequence[T], usable: Sequence[bool], panic: float) -> tuple[Sequence[T], bool]:
    """(the targets to choose from, whether that is all of them in panic).

    `usable[n]` says whether nothing speaks against `targets[n]`.  With fewer usable ones than the share `panic`, or
    none, the verdicts are more likely wrong than right (or their few would be crushed), and all are used.  Targets
    that people have drained or disabled must not be among `targets`.
    """
    if all(usable):
        return targets, False
    chosen = tuple(target for target, is_usable in zip(targets, usable, strict=True) if is_usable)
    if not chosen or len(chosen) < panic * len(targets):
        return targets, True
    return chosen, False
