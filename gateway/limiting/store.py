"""The Redis that hosts share limits in."""

from __future__ import annotations

from collections.abc import Sequence

from gateway._fast.bucket import Buckets
from gateway.contracts import OnRequest
from gateway.limiting.exact import Exact
from gateway.limiting.leases import Leases
from gateway.limiting.limit import Limit
from gateway.limiting.on_page import OnPage
from gateway.limiting.shared import Clock, Shared
from gateway.shared.redis_address import parse
from gateway.shared.redis_scripts import Scripts


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
