"""Charges of a request to limits so far, which may be given back, added to, and shown."""

from __future__ import annotations

from typing import Final

from gateway.exchange import Exchange
from gateway.ratelimit.bucket_store import Charge
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.pace import LimitRate

#: the room in `exchange.state`
STATE: Final = "limit"


#: (what holds the bucket, limit, pace, the bucket's name, its number, ns after which it was full when the limit let in)
Taken = tuple[
    Charge, Limit, LimitRate, str, int, int
]  # PERF: a class would cost 0.3 us for each. Bench: perf/micro/bench_limits.py


def of(exchange: Exchange) -> list[Taken]:
    """The list of a request, made if there is none."""
    state = exchange.state
    if state is None:
        state = exchange.state = {}
    taken: list[Taken] = state.setdefault(STATE, [])
    return taken


def refund(taken: list[Taken], now_ns: int) -> None:
    """All of it."""
    for ledger, _, pace, name, number, _ in reversed(taken):
        ledger.charge(name, number, pace, -pace.cost, now_ns)
    taken.clear()
