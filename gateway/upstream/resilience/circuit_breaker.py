"""A circuit breaker: closed, open until a time, half open for a few probes, closed again.

The whole of it is one word, and every function here takes a word and gives the next one, so it is applied by
compare-and-set and survives the death of any worker:

    at          40 bits    closed: since when; open: until when; half open: when probes that gave no news are given up
    round        9 bits    counts the times of being half open, so that a late probe is told from one of this time
    succeeded    6 bits    probes that went well
    started      6 bits    probes that were let through, those that went well included
    state        2 bits    the word 0 is a closed breaker

Times are milliseconds of one monotonic clock; sums are (requests, failures, slow ones) as a window counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.upstream.resilience.options import CircuitBreaker

CLOSED: Final = 0
OPEN: Final = 1
HALF_OPEN: Final = 2
NAMES: Final = ("closed", "open", "half-open")

#: tickets of `admit`; any greater number is a probe's
REFUSED: Final = -1
FREE: Final = 0

_STARTED, _SUCCEEDED, _ROUND, _AT = 2, 8, 14, 23
_COUNT_MASK, _ROUND_MASK = 0x3F, 0x1FF
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class CircuitBreakerPolicy:
    """When it opens and closes: milliseconds; rates in millionths. `slow_call` 0: none is slow.

    A probe of which nothing was heard for `lease` is given up: its worker was killed.  It must not be shorter than a
    request may take, else more than `half_open` probes can be under way.
    """

    failure_rate: int
    slow_call: int
    slow_rate: int
    window: int
    min_requests: int
    open_for: int
    half_open: int
    lease: int

    @classmethod
    def of(cls, spec: CircuitBreaker, total: float) -> CircuitBreakerPolicy:
        """The rules of a section, for requests that take `total` seconds at most."""
        return cls(
            round(spec.failure_rate * _MILLION),
            round(spec.slow_call * 1000),
            round(spec.slow_rate * _MILLION),
            max(1, round(spec.window * 1000)),
            spec.min_requests,
            max(1, round(spec.open_for * 1000)),
            spec.half_open,
            round(total * 1000) + 1000,
        )


def admit(word: int, now_ms: int, rules: CircuitBreakerPolicy) -> tuple[int, int]:
    """(the next word, a ticket): REFUSED, FREE, or that of a probe, with which its result must be told.

    PERF: a closed breaker is asked for every request; the caller may look at `word & 3` itself (bench_decisions.py).
    """
    if not word & 3:
        return word, FREE
    at, number = word >> _AT, word >> _ROUND & _ROUND_MASK
    if now_ms >= at:  # open long enough, or the probes of this round are lost: a new round
        number = number + 1 & _ROUND_MASK
        return _word(HALF_OPEN, now_ms + rules.lease, number, 0, 1), number + 1
    started = word >> _STARTED & _COUNT_MASK
    if word & 3 == OPEN or started >= rules.half_open:
        return word, REFUSED
    succeeded = word >> _SUCCEEDED & _COUNT_MASK
    return _word(HALF_OPEN, now_ms + rules.lease, number, succeeded, started + 1), number + 1


def admits(word: int, now_ms: int, rules: CircuitBreakerPolicy) -> bool:
    """Whether `admit` would let a request through."""
    if not word & 3 or now_ms >= word >> _AT:
        return True
    return word & 3 == HALF_OPEN and word >> _STARTED & _COUNT_MASK < rules.half_open


def span(word: int, now_ms: int, rules: CircuitBreakerPolicy) -> int:
    """How far back to sum for `trip`: the window, but not past the last closing; what failed before is paid for."""
    return max(1, min(rules.window, now_ms - (word >> _AT)))


def trip(word: int, now_ms: int, sums: tuple[int, int, int], rules: CircuitBreakerPolicy) -> int:
    """The word after a FREE request that failed or was slow; `sums` include it. A good one need not be told."""
    if word & 3:
        return word
    total, failed, slow = sums
    if total < rules.min_requests:
        return word
    has_failed = failed and failed * _MILLION >= rules.failure_rate * total
    is_slow = rules.slow_call and slow and slow * _MILLION >= rules.slow_rate * total
    if not has_failed and not is_slow:
        return word
    return _word(OPEN, now_ms + rules.open_for, word >> _ROUND & _ROUND_MASK, 0, 0)


def settle(word: int, now_ms: int, ticket: int, is_good: bool, rules: CircuitBreakerPolicy) -> int:
    """The word after a probe's result: one bad probe opens again, `half_open` good ones close."""
    if not _is_of_round(word, ticket):
        return word
    number = word >> _ROUND & _ROUND_MASK
    if not is_good:
        return _word(OPEN, now_ms + rules.open_for, number, 0, 0)
    succeeded = (word >> _SUCCEEDED & _COUNT_MASK) + 1
    if succeeded >= rules.half_open:
        return _word(CLOSED, now_ms, number, 0, 0)
    return word + (1 << _SUCCEEDED)


def release(word: int, ticket: int) -> int:
    """The word after a probe that ended without a verdict (the client went away): another may take its place."""
    return word - (1 << _STARTED) if _is_of_round(word, ticket) else word


def state(word: int, now_ms: int) -> int:
    """CLOSED, OPEN or HALF_OPEN; open for long enough is half open, though nobody has asked yet."""
    return HALF_OPEN if word & 3 == OPEN and now_ms >= word >> _AT else word & 3


def retry_after(word: int, now_ms: int) -> int:
    """Whole seconds until a refused request may go better, at least one."""
    return max(1, -(((word >> _AT) - now_ms) // -1000)) if word & 3 == OPEN else 1


def probes(word: int) -> tuple[int, int]:
    """(let through, gone well) while half open."""
    return word >> _STARTED & _COUNT_MASK, word >> _SUCCEEDED & _COUNT_MASK


def _is_of_round(word: int, ticket: int) -> bool:
    return word & 3 == HALF_OPEN and ticket == (word >> _ROUND & _ROUND_MASK) + 1


def _word(state: int, at: int, number: int, succeeded: int, started: int) -> int:
    return at << _AT | number << _ROUND | succeeded << _SUCCEEDED | started << _STARTED | state
