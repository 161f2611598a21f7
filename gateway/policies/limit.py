"""limit: how often callers may call.

All limits must allow.  They are asked in the order in which they are written, those for every request first; what was
taken is given back when one refuses.  Two steps do that: one as soon as the address is known, one behind `access` for
limits that ask who calls.  What ends in between (a 401, a 404) has taken from the first, so guessing is limited too.

NOTE: between taking and giving back others see less than there is, so a few may be refused that would have been let in
had the limits been asked all at once; never the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Protocol

from gateway.contracts import OnRequest, OnResponse, Steps
from gateway.errors import RATE_LIMITED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.limiting.limit import Limit, Pace, whole_seconds

#: the room in `exchange.state` for what was taken: (limit, pace, bucket)
STATE = "limit"
Taken = list[tuple[Limit, Pace, int]]
Clock = Callable[[], int]


class Buckets(Protocol):
    """What limits are held with; the methods of gateway/_fast/bucket.pyx, times in nanoseconds."""

    def take(self, key: int, interval_ns: int, tolerance_ns: int, cost: int, now_ns: int) -> int:
        """0 = taken, above 0 = nothing is taken and so much is missing, -1 = never."""

    def give(self, key: int, interval_ns: int, cost: int, now_ns: int) -> None:
        """Give back what was taken."""

    def left(self, key: int, interval_ns: int, tolerance_ns: int, now_ns: int) -> tuple[int, int]:
        """(units left, time until it is full)."""


def compile(limits: Sequence[Limit], buckets: Buckets, *, tells: bool, clock: Clock = monotonic_ns) -> Steps:
    """A step that asks `limits`; one of a route's, the first, `tells` answers of all that the route asked."""
    return Steps(_asks(tuple(limits), buckets, clock), _tells(buckets, clock) if tells else None)


def _asks(limits: tuple[Limit, ...], buckets: Buckets, clock: Clock) -> OnRequest:
    take, give = buckets.take, buckets.give

    def on_request(exchange: Exchange) -> None:
        now = clock()
        state = exchange.state
        if state is None:
            state = exchange.state = {}
        taken: Taken = state.setdefault(STATE, [])
        for limit in limits:
            number, pace = limit.number, limit.pace
            if not number or pace is None:
                number, pace = limit.bucket(exchange)
            wait = take(number, pace.interval, pace.tolerance, pace.cost, now)
            if not wait:
                taken.append((limit, pace, number))
            elif limit.is_shadow:
                limit.shadow(now)
            else:
                for _, other, key in reversed(taken):
                    give(key, other.interval, other.cost, now)
                taken.clear()
                raise _refused(limit, pace, wait)

    return on_request


def _refused(limit: Limit, pace: Pace, wait_ns: int) -> GatewayError:
    # NOTE: a cost above the burst (-1) is an error of the configuration; nobody waits for ever should it come to that.
    wait_ns = wait_ns if wait_ns > 0 else pace.tolerance
    after = ("Retry-After", str(whole_seconds(wait_ns)))
    detail = f"The limit {limit.name} is used up for now; try again after the time in Retry-After."
    return GatewayError(RATE_LIMITED, detail, headers=(after, *pace.fields(0, wait_ns)))


def _tells(buckets: Buckets, clock: Clock) -> OnResponse:
    """The hook that tells of the limit with the fewest requests left; a refusal has told of itself."""
    left_in = buckets.left

    def on_response(exchange: Exchange, response: Response) -> None:
        taken: Taken = (exchange.state or {}).get(STATE, [])
        now = clock()
        least, until, told = 0, 0, None
        for limit, pace, number in taken:
            if limit.is_shadow:
                continue
            units, full = left_in(number, pace.interval, pace.tolerance, now)
            left = units // pace.cost
            if told is None or (left, -full) < (least, -until):
                least, until, told = left, full, pace
        if told is not None:
            response.headers += told.fields(least, until)

    return on_response
