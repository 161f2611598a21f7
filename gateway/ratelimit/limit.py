"""One limit of one route, ready to be asked: which bucket a request takes from, how fast it fills, what is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from gateway.exchange import Exchange
from gateway.ratelimit.keys import Keys, begin
from gateway.ratelimit.options import NANOS, RateLimit
from gateway.ratelimit.pace import LimitRate
from gateway.ratelimit.penalty import Penalty
from gateway.ratelimit.values import always, claim, value_of

log = logging.getLogger("gateway")

BETWEEN_LINES: Final = NANOS  # nanoseconds between two lines of one shadow limit


class Limit:
    """A limit on a route.  `number` is the bucket where all requests share one, else 0; `pace` where there is one."""

    __slots__ = (
        "_keys", "_known", "_lines_from", "_plan", "_plans", "_prefix", "_unsaid", "_value",
        "charge_max", "is_leased", "is_shadow", "name", "number", "on_failure", "pace", "penalty", "spender",
    )  # fmt: skip

    def __init__(self, spec: RateLimit, scope: str, route: str, keys: Keys, unit: int = 1) -> None:
        """`scope` is what its buckets are named after: other limits that have the same one share them.

        `unit` is nanoseconds, see Pace.
        """
        self.name, self.is_shadow = spec.name, spec.is_shadow
        self.is_leased, self.on_failure = spec.is_leased, spec.on_failure
        #: the response header that says what a request cost, in lower case, "" = none; and the most that it may say
        self.spender, self.charge_max = spec.cost_header, spec.cost_max
        self.penalty = Penalty(spec.penalty, unit) if spec.penalty and not spec.is_shadow else None
        self._keys, self._known = keys, keys.known
        self._prefix = begin(scope, spec.per)
        value = value_of(spec.per, route)
        self._value = always(value) if isinstance(value, str) else value
        own = LimitRate(spec.name, spec.rate, spec.cost, spec.legacy, not spec.is_shadow, unit)
        self.pace: LimitRate | None = None if spec.plan_claim else own
        self._plan = claim(spec.plan_claim)
        self._plans = {
            name: (
                begin(scope, spec.per, name),
                LimitRate(spec.name, rate, spec.cost, spec.legacy, not spec.is_shadow, unit),
            )
            for name, rate in spec.plans
        } | {"": (self._prefix, own)}
        is_constant = isinstance(value, str) and self.pace is not None
        self.number = keys.number(f"{self._prefix}{value}") if is_constant else 0
        self._lines_from, self._unsaid = 0, 0

    def bucket(self, exchange: Exchange) -> tuple[int, LimitRate]:
        """The bucket that a request takes from, and its pace."""
        prefix, pace = self._prefix, self.pace
        if pace is None:
            prefix, pace = self._plans.get(self._plan(exchange)) or self._plans[""]
        name = prefix + self._value(exchange)
        return self._known(name) or self._keys.number(name), pace

    def named(self, exchange: Exchange) -> tuple[str, LimitRate]:
        """The same by its name, which all hosts have in common."""
        prefix, pace = self._prefix, self.pace
        if pace is None:
            prefix, pace = self._plans.get(self._plan(exchange)) or self._plans[""]
        return prefix + self._value(exchange), pace

    def number_of(self, name: str) -> int:
        """The number of a name."""
        return self._keys.number(name)

    def shadow(self, now_ns: int, say: Callable[..., None] = log.warning) -> None:
        """Count a request that this limit would have refused; told in at most one line a second."""
        self._unsaid += 1
        if now_ns >= self._lines_from:
            say("the limit %s (shadow) would have refused %d more requests in this worker", self.name, self._unsaid)
            self._lines_from, self._unsaid = now_ns + BETWEEN_LINES, 0
