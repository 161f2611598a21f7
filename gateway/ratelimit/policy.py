"""limit: how often callers may call.

All limits must allow.  They are asked in the order in which they are written, those for every request first; what was
taken is given back when one refuses.  Two steps do that: one as soon as the address is known, one behind `access` for
limits that ask who calls.  What ends in between (a 401, a 404) has taken from the first, so guessing is limited too.

NOTE: between taking and giving back others see less than there is, so a few may be refused that would have been let in
had the limits been asked all at once; never the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Final, Protocol

from gateway._fast.token_bucket import Asks, Tells
from gateway.contracts import OnRequest, OnResponse, Steps
from gateway.errors import GatewayError
from gateway.exchange import LIMIT_SHADOW, Exchange, Headers, Response
from gateway.ratelimit import penalty, refusal
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.local import LocalBuckets
from gateway.ratelimit.pace import LimitRate
from gateway.ratelimit.refund import STATE, Taken, refund

Clock = Callable[[], int]

_WHOLE: Final = re.compile(r"[0-9]{1,9}")


class Store(Protocol):
    """What asks limits that hosts share."""

    def asks(self, limits: Sequence[Limit], page: LocalBuckets, clock: Clock) -> OnRequest:
        """The hook of a step."""


def compile(
    limits: Sequence[Limit],
    page: LocalBuckets,
    *,
    store: Store | None = None,
    tells: bool,
    spenders: frozenset[str] = frozenset(),
    clock: Clock = monotonic_ns,
) -> Steps:
    """A step that asks `limits`; one of a route's, the first, `tells` answers of all that the route asked.

    `spenders` are the response headers, in lower case, that say what a request cost: they do not reach the client.
    """
    asks = _asks(tuple(limits), page, clock) if store is None else store.asks(limits, page, clock)
    return Steps(asks, _tells(spenders, clock) if tells else None)


def _asks(limits: tuple[Limit, ...], page: LocalBuckets, clock: Clock) -> OnRequest:
    """The hook that asks limits of this host; what happens when a bucket cannot give is said here."""

    def late(
        exchange: Exchange, taken: list[Taken], limit: Limit, pace: LimitRate, number: int, wait: int, now: int
    ) -> None:
        if limit.is_shadow:
            exchange.marks |= LIMIT_SHADOW
            limit.shadow(now)
            return
        refund(taken, now)
        raise _refused(page, limit, pace, number, wait, now)

    def blocked(taken: list[Taken], limit: Limit, pace: LimitRate, number: int, now: int) -> None:
        if wait := penalty.blocked_for(page.buckets, number, now):
            refund(taken, now)
            raise refusal.blocked(limit, pace, wait)

    return Asks(page.buckets, page, limits, clock, late, blocked, STATE)


def _refused(page: LocalBuckets, limit: Limit, pace: LimitRate, number: int, wait_ns: int, now_ns: int) -> GatewayError:
    block = page.strike(limit, number, now_ns)
    return refusal.blocked(limit, pace, block) if block else refusal.refused(limit, pace, wait_ns)


def _tells(spenders: frozenset[str], clock: Clock) -> OnResponse:
    """The hook that tells of the limit with the fewest requests left; a refusal has told of itself."""
    tells = Tells(STATE)

    def on_spending_response(exchange: Exchange, response: Response) -> None:
        said = _said(response, spenders)
        if said and exchange.state is not None:
            now = clock()
            taken = exchange.state.get(STATE, ())
            exchange.state[STATE] = [_charged(each, said, now) for each in taken]
        tells(exchange, response)

    return on_spending_response if spenders else tells


def _said(response: Response, spenders: frozenset[str]) -> dict[str, int]:
    """What the headers say, and take them away; the first number of each counts."""
    said: dict[str, int] = {}
    kept: Headers = []
    for field in response.headers:
        name = field[0].lower()
        if name not in spenders:
            kept.append(field)
        elif _WHOLE.fullmatch(field[1]):
            said.setdefault(name, int(field[1]))
    if len(kept) != len(response.headers):
        response.headers = kept
    return said


def _charged(taken: Taken, said: dict[str, int], now_ns: int) -> Taken:
    """Charge what a request cost beyond what it took, or give back what it did not."""
    ledger, limit, pace, name, number, debt = taken
    cost = said.get(limit.spender)
    if cost is None:
        return taken
    more = min(cost, limit.charge_max) - pace.cost
    if more:
        ledger.charge(name, number, pace, more, now_ns)
    return ledger, limit, pace, name, number, max(0, debt + more * pace.interval)
