"""The Redis that hosts share limits in."""

from __future__ import annotations

from collections.abc import Sequence

from gateway._fast.token_bucket import Buckets
from gateway.contracts import OnRequest
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.local import LocalBuckets
from gateway.ratelimit.redis_exact import RedisGcra
from gateway.ratelimit.redis_leased import LeasedBuckets
from gateway.ratelimit.redis_limits import Clock, DistributedLimits
from gateway.state.redis.address import parse
from gateway.state.redis.scripts import Scripts


class LimitStore:
    """One for each process. Nothing is connected before a request asks."""

    __slots__ = ("exact", "leases", "scripts")

    def __init__(self, url: str, buckets: Buckets) -> None:
        self.scripts = Scripts(parse(url))
        self.exact = RedisGcra(self.scripts)
        self.leases = LeasedBuckets(buckets, self.scripts)

    def asks(self, limits: Sequence[Limit], page: LocalBuckets, clock: Clock) -> OnRequest:
        """The hook of a step that asks these limits."""
        return DistributedLimits(limits, page, self.exact, self.leases, clock).on_request
