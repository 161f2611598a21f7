"""Limits held with the page of this host: what `store: memory` has, and what is left when a store is out of reach."""

from __future__ import annotations

from gateway._fast.token_bucket import Buckets
from gateway.ratelimit import penalty
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.pace import LimitRate


class LocalBuckets:
    """A Ledger for all limits."""

    __slots__ = ("buckets",)

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def take(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> int:
        """See Ledger; it is always within reach."""
        return self.buckets.debit(number, pace.interval, pace.tolerance, cost, now_ns)

    def charge(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> None:
        """See Ledger."""
        self.buckets.charge(number, pace.interval, cost, now_ns)

    def blocked_for(self, limit: Limit, number: int, now_ns: int) -> int:
        """Nanoseconds for which the limit's penalty blocks a key yet."""
        return 0 if limit.penalty is None else penalty.blocked_for(self.buckets, number, now_ns)

    def strike(self, limit: Limit, number: int, now_ns: int) -> int:
        """Count a refusal; nanoseconds for which that blocks the key."""
        return 0 if limit.penalty is None else penalty.strike(self.buckets, number, limit.penalty, now_ns)
