"""A second try beside a first one that is late: after how long, and for whom.

Whether the share allows it, `budget.may_hedge` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp
from typing import Final

from gateway.upstream.resilience.options import Hedge

#: RFC 9110 section 9.2.1: two of them at once change nothing. (PUT and DELETE are idempotent one after the other.)
METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))

#: latencies from 2**-15 (31 us) to 2**7 (128 s), in eighths of a power of two
_LOWEST, _POWERS, _PARTS = -14, 22, 8
_LAST: Final = _POWERS * _PARTS - 1
#: fewer latencies than this tell no percentile
_LEAST: Final = 50
#: a half of the memory is forgotten after this many milliseconds, the answer is worked out anew after that many
_HALF: Final = 10_000
_FRESH: Final = 200


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """`after` seconds, or the live `quantile` when it is set; `share` is in millionths."""

    after: float
    quantile: float
    share: int

    @classmethod
    def of(cls, spec: Hedge) -> HedgePolicy:
        """The rules of a section."""
        return cls(spec.after, spec.quantile, round(spec.max * 1_000_000))


def delay(method: str, estimate: float | None, left: float, rules: HedgePolicy) -> float | None:
    """Seconds to wait for the first try before the second is made; None for no second try.

    `estimate` is what `Latencies.quantile` says, `left` what is left of the request's time.
    """
    if method not in METHODS:
        return None
    after = estimate if rules.quantile else rules.after
    return after if after is not None and after < left else None


class Latencies:
    """The latencies of the last ten to twenty seconds, for percentiles; memory is fixed, an answer is 1/16 off at most.

    One worker's view of one upstream: a percentile needs no other worker's.
    """

    __slots__ = ("_answer", "_counts", "_number", "_older", "_older_number", "_turn_at", "_until", "quantile_of")

    def __init__(self, quantile: float) -> None:
        self.quantile_of = quantile
        self._counts, self._older = [0] * (_LAST + 1), [0] * (_LAST + 1)
        self._number = self._older_number = 0
        self._turn_at = self._until = 0
        self._answer: float | None = None

    def record(self, seconds: float) -> None:
        """A good answer that took `seconds`; what failed says nothing about how long to wait."""
        part, power = frexp(seconds + 1e-9)
        place = (power - _LOWEST << 3) + int(part * 16.0) - _PARTS
        self._counts[0 if place < 0 else min(place, _LAST)] += 1
        self._number += 1

    def quantile(self, now_ms: int) -> float | None:
        """Seconds within which the share `quantile_of` of answers came; None while too few are known."""
        if now_ms >= self._until:
            self._until = now_ms + _FRESH
            if not self._turn_at:
                self._turn_at = now_ms + _HALF
            elif now_ms >= self._turn_at:
                self._turn(now_ms)
            self._answer = self._estimate()
        return self._answer

    def _turn(self, now_ms: int) -> None:
        """The present half becomes the older one; both are forgotten after a long pause."""
        is_pause = now_ms >= self._turn_at + _HALF
        self._older, self._older_number = ([0] * (_LAST + 1), 0) if is_pause else (self._counts, self._number)
        self._counts, self._number = [0] * (_LAST + 1), 0
        self._turn_at = now_ms + _HALF

    def _estimate(self) -> float | None:
        total = self._number + self._older_number
        if total < _LEAST:
            return None
        rank, place = self.quantile_of * total, 0
        while rank > 0:
            rank -= self._counts[place] + self._older[place]
            place += 1
        power, part = divmod(place - 1, _PARTS)
        return (part + _PARTS + 0.5) / 16.0 * 2.0 ** (power + _LOWEST)
