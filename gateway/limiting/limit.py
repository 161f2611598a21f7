"""One limit of one route, ready to be asked: which bucket a request takes from, how fast it fills, what is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from gateway.config.model_limit import NANOS, Rate, RateLimit
from gateway.exchange import Exchange
from gateway.limiting.keys import Keys, begin
from gateway.limiting.values import claim, value_of

log = logging.getLogger("gateway")

BETWEEN_LINES: Final = NANOS  # nanoseconds between two lines of one shadow limit

Fields = tuple[tuple[str, str], ...]


class Pace:
    """How fast a bucket fills, in the units of gateway/_fast/bucket.pyx, and how answers name it."""

    __slots__ = ("burst", "cost", "interval", "legacy", "policy", "quoted", "tolerance")

    def __init__(self, name: str, rate: Rate, cost: int, legacy: bool) -> None:
        self.interval, self.tolerance = rate.interval, rate.tolerance
        self.cost, self.burst, self.legacy = cost, rate.burst // cost, legacy
        # NOTE: a name has no character that a string of RFC 9651 would have to escape.
        self.quoted = f'"{name}"'
        count = max(1, rate.count // cost)
        more = f";gateway-burst={self.burst}" if self.burst != count else ""
        self.policy = ("RateLimit-Policy", f"{self.quoted};q={count};w={rate.seconds}{more}")

    def fields(self, left: int, wait_ns: int) -> Fields:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, for requests left and the time until there are more.

        Seconds are rounded up.
        """
        seconds = whole_seconds(wait_ns)
        found: Fields = (self.policy, ("RateLimit", f"{self.quoted};r={left};t={seconds}"))
        if not self.legacy:
            return found
        return (
            *found,
            ("X-RateLimit-Limit", str(self.burst)),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(seconds)),
        )


class Limit:
    """A limit on a route.  `number` is the bucket where all requests share one, else 0; `pace` where there is one."""

    __slots__ = ("_keys", "_lines_from", "_plan", "_plans", "_prefix", "_unsaid", "_value", "is_shadow", "name", "number", "pace")  # fmt: skip  # noqa: E501

    def __init__(self, spec: RateLimit, scope: str, route: str, keys: Keys) -> None:
        """`scope` is what its buckets are named after: other limits that have the same one share them."""
        self.name = spec.name
        self.is_shadow = spec.is_shadow
        self._keys = keys
        self._prefix = begin(scope, spec.per)
        self._value = value_of(spec.per, route)
        own = Pace(spec.name, spec.rate, spec.cost, spec.legacy)
        self.pace: Pace | None = None if spec.plan_claim else own
        self._plan = claim(spec.plan_claim)
        self._plans = {
            name: (begin(scope, spec.per, name), Pace(spec.name, rate, spec.cost, spec.legacy))
            for name, rate in spec.plans
        } | {"": (self._prefix, own)}
        is_constant = isinstance(self._value, str) and self.pace is not None
        self.number = keys.number(f"{self._prefix}{self._value}") if is_constant else 0
        self._lines_from, self._unsaid = 0, 0

    def bucket(self, exchange: Exchange) -> tuple[int, Pace]:
        """The bucket that a request takes from, and its pace."""
        prefix, pace = self._prefix, self.pace
        if pace is None:
            prefix, pace = self._plans.get(self._plan(exchange)) or self._plans[""]
        value = self._value
        return self._keys.number(prefix + (value if isinstance(value, str) else value(exchange))), pace

    def shadow(self, now_ns: int, say: Callable[..., None] = log.warning) -> None:
        """Count a request that this limit would have refused; told in at most one line a second."""
        self._unsaid += 1
        if now_ns >= self._lines_from:
            say("the limit %s (shadow) would have refused %d more requests in this worker", self.name, self._unsaid)
            self._lines_from, self._unsaid = now_ns + BETWEEN_LINES, 0


def whole_seconds(nanoseconds: int) -> int:
    """Seconds, rounded up."""
    return -(-nanoseconds // NANOS)
