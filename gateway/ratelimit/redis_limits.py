"""Asking limits that hosts share: in one round trip for all that are exact, and what happens without an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.exchange import LIMIT_ALONE, LIMIT_SHADOW, Exchange
from gateway.ratelimit import refund as taken
from gateway.ratelimit import refusal
from gateway.ratelimit.bucket_store import BucketStore
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.local import LocalBuckets
from gateway.ratelimit.redis_exact import CheckRequest, CheckResult, RedisGcra
from gateway.ratelimit.refund import Taken
from gateway.state.store import StoreError

Clock = Callable[[], int]


class DistributedLimits:
    """The step of a route that asks limits over a store."""

    def __init__(
        self, limits: Sequence[Limit], page: LocalBuckets, exact: RedisGcra, leases: BucketStore, clock: Clock
    ) -> None:
        self._leased = tuple(limit for limit in limits if limit.is_leased)
        self._exact = tuple(limit for limit in limits if not limit.is_leased)
        self._page = page
        self._store = exact
        self._leases = leases
        self._clock = clock

    def on_request(self, exchange: Exchange) -> None:
        """Take from all limits, or from none and raise."""
        walk = LimitBatch(exchange, self._page, self._clock())
        for limit in self._leased:
            asked = CheckRequest(limit, *limit.named(exchange))
            try:
                walk.take(self._leases, asked, limit.number_of(asked.name))
            except StoreError:
                walk.without_store(asked)
        if self._exact:
            self._ask(walk, [CheckRequest(limit, *limit.named(exchange)) for limit in self._exact])

    def _ask(self, walk: LimitBatch, asked: list[CheckRequest]) -> None:
        answers = self._store.ask(asked)
        has_taken = not self._store.is_whole or not any(_refuses(*pair) for pair in zip(asked, answers, strict=True))
        late: list[tuple[CheckRequest, CheckResult]] = []
        for each, answer in zip(asked, answers, strict=True):
            if isinstance(answer, StoreError):
                continue
            if answer.missing_ns > 0:
                late.append((each, answer))
            elif has_taken:
                walk.taken.append((self._store, each.limit, each.pace, each.name, 0, -answer.missing_ns))
        for each, answer in late:
            walk.refuse(each, answer.missing_ns, is_blocked=answer.is_blocked)
        for each, answer in zip(asked, answers, strict=True):
            if isinstance(answer, StoreError):
                walk.without_store(each)


def _refuses(asked: CheckRequest, answer: CheckResult | StoreError) -> bool:
    return not isinstance(answer, StoreError) and answer.missing_ns > 0 and not asked.limit.is_shadow


class LimitBatch:
    """One request on its way past limits."""

    __slots__ = ("_exchange", "_now", "_page", "taken")

    def __init__(self, exchange: Exchange, page: LocalBuckets, now_ns: int) -> None:
        self._exchange = exchange
        self.taken: list[Taken] = taken.of(exchange)
        self._page = page
        self._now = now_ns

    def take(self, ledger: BucketStore, asked: CheckRequest, number: int) -> None:
        """Take from a ledger; a penalty is counted on the page."""
        limit, name, pace = asked
        now = self._now
        wait = self._page.blocked_for(limit, number, now)
        if wait:
            self.refuse(asked, wait, is_blocked=True)
        wait = ledger.take(name, number, pace, pace.cost, now)
        if wait <= 0:
            self.taken.append((ledger, limit, pace, name, number, -wait))
            return
        block = self._page.strike(limit, number, now)
        self.refuse(asked, block or wait, is_blocked=block > 0)

    def without_store(self, asked: CheckRequest) -> None:
        """Do as the limit says for a store that does not answer."""
        limit = asked.limit
        self._exchange.marks |= LIMIT_ALONE
        if limit.on_failure == "local":
            self.take(self._page, asked, limit.number_of(asked.name))
        elif limit.on_failure == "deny" and not limit.is_shadow:
            taken.refund(self.taken, self._now)
            raise refusal.unavailable(limit)

    def refuse(self, asked: CheckRequest, wait_ns: int, *, is_blocked: bool) -> None:
        """Give back what was taken and raise; a shadow only counts."""
        limit, _, pace = asked
        if limit.is_shadow:
            self._exchange.marks |= LIMIT_SHADOW
            limit.shadow(self._now)
            return
        taken.refund(self.taken, self._now)
        raise (refusal.blocked if is_blocked else refusal.refused)(limit, pace, wait_ns)
