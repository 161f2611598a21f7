"""The Redis that hosts share limits in."""

from __future__ import annotations

from collections.abc import Sequence

from gateway._fast.token_bucket import Buckets
from gateway.contracts import OnRequest
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.local import OnPage
from gateway.ratelimit.redis_exact import Exact
from gateway.ratelimit.redis_leased import Leases
from gateway.ratelimit.redis_limits import Clock, Shared
from gateway.state.redis.address import parse
from gateway.state.redis.scripts import Scripts


class LimitStore:
    """One for each process. Nothing is connected before a request asks."""

    __slots__ = ("exact", "leases", "scripts")

    def __init__(self, url: str, buckets: Buckets) -> None:
        self.scripts = Scripts(parse(url))
        self.exact = Exact(self.scripts)
        self.leases = Leases(buckets, self.scripts)

    def asks(self, limits: Sequence[Limit], page: OnPage, clock: Clock) -> OnRequest:
        """The hook of a step that asks these limits."""
        return Shared(limits, page, self.exact, self.leases, clock).on_request
