"""How fast the buckets of a limit fill, and how answers name that."""

from __future__ import annotations

from typing import Final, Self

from gateway._fast.bucket import Rate
from gateway.config.model_limit import NANOS
from gateway.config.model_limit import Rate as RateSpec

#: nanoseconds of the unit in which a Redis counts: with its 53 bits the largest that loses nothing at 1,000,000/s
TICK: Final = 125

Fields = tuple[tuple[str, str], ...]


class Pace(Rate):
    """How fast a bucket fills, and how answers name it.

    `unit` is nanoseconds: the interval is rounded up to a multiple of it, so that the rate is never exceeded.
    """

    __slots__ = ("burst", "cost", "legacy", "policy")

    burst: int
    cost: int
    legacy: bool
    policy: tuple[str, str]

    def __new__(cls, name: str, rate: RateSpec, cost: int, legacy: bool, is_told: bool = True, unit: int = 1) -> Self:
        """See Rate; `is_told` is False for a shadow."""
        interval = -(-rate.interval // unit) * unit
        made = super().__new__(cls, name, interval, rate.burst, cost, is_told)
        made.cost, made.burst, made.legacy = cost, rate.burst // cost, legacy
        # NOTE: a name has no character that a string of RFC 9651 would have to escape.
        count = max(1, rate.count // cost)
        more = f";gateway-burst={made.burst}" if made.burst != count else ""
        made.policy = ("RateLimit-Policy", f'"{name}";q={count};w={rate.seconds}{more}')
        return made

    def fields(self, left: int, wait_ns: int) -> Fields:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, for requests left and the time until there are more.

        Seconds are rounded up.
        """
        told = ("RateLimit", self.told(left, wait_ns))
        if not self.legacy:
            return self.policy, told
        return (
            self.policy,
            told,
            ("X-RateLimit-Limit", str(self.burst)),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(whole_seconds(wait_ns))),
        )


def whole_seconds(nanoseconds: int) -> int:
    """Seconds, rounded up."""
    return -(-nanoseconds // NANOS)
