"""Rate at which a limit's buckets fill, and its name in answers."""

from __future__ import annotations

from typing import Final, Self

from gateway._fast.token_bucket import Rate
from gateway.ratelimit.options import NANOS
from gateway.ratelimit.options import Rate as RateSpec

#: nanoseconds of the unit in which a Redis counts: with its 53 bits the largest that loses nothing at 1,000,000/s
TICK: Final = 125


class LimitRate(Rate):
    """How fast a bucket fills, and what answers say of it.

    `unit` is nanoseconds: the interval is rounded up to a multiple of it, so that the rate is never exceeded.
    """

    __slots__ = ("burst", "cost")

    burst: int
    cost: int

    def __new__(cls, name: str, rate: RateSpec, cost: int, legacy: bool, is_told: bool = True, unit: int = 1) -> Self:
        """See Rate; `is_told` is False for a shadow."""
        interval = -(-rate.interval // unit) * unit
        burst = rate.burst // cost
        count = max(1, rate.count // cost)
        more = f";gateway-burst={burst}" if burst != count else ""
        # NOTE: a name has no character that a string of RFC 9651 would have to escape.
        policy = ("RateLimit-Policy", f'"{name}";q={count};w={rate.seconds}{more}')
        made = super().__new__(cls, name, interval, rate.burst, cost, is_told, policy, burst if legacy else 0)
        made.cost, made.burst = cost, burst
        return made


def whole_seconds(nanoseconds: int) -> int:
    """Seconds, rounded up."""
    return -(-nanoseconds // NANOS)
