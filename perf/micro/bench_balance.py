"""Balancers: one pick among 3 and among 100 targets, their state in a region as the shared one is, 8 workers busy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from gateway._fast.target_stats import now_ms
from gateway.exchange import Exchange
from gateway.upstream.balance.affinity import CookieAffinity
from gateway.upstream.balance.balancers import make
from gateway.upstream.balance.options import Balance
from gateway.upstream.target_state import TargetState, TargetStateTable
from perf.micro.run import Bench

LOOPS = 100_000
HEADERS = [("Host", "api.example.com"), ("User-Agent", "wrk"), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]
BALANCERS = {
    "round_robin": Balance("round_robin"),
    "random": Balance("random"),
    "least_requests": Balance("least_requests"),
    "p2c": Balance("p2c"),
    "p2c, slow start": Balance("p2c", slow_start=3600.0),
    "hash": Balance("hash", "header", "X-User"),
    "hash, headroom": Balance("hash", "header", "X-User", 0.25),
    "sticky": Balance("sticky"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a fleet has of a target, without its connections."""

    address: str
    weight: int
    state: TargetState


def targets(count: int, weights: int = 1) -> tuple[Target, ...]:
    """Targets with one request each in flight and a latency of some milliseconds."""
    region, made = TargetStateTable.private(), []
    for worker in range(8):
        region.claim(worker)
    for number in range(count):
        state = region.target("bench", f"10.0.{number >> 8}.{number & 255}:8080", half_life_ms=3_600_000)
        state.enter()
        state.observe(now_ms(), 0.005 + number % 7 / 1000)
        made.append(Target(state.address, 1 + number % weights, state))
    made[0].state.since.store(now_ms())
    return tuple(made)


def exchange(eligible: tuple[Target, ...]) -> Exchange:
    """A request with a key and the cookie of the last target."""
    sticky: CookieAffinity[Target] = CookieAffinity("catalog", make(Balance(), "catalog"))
    made = Exchange("GET", "/", [*HEADERS, ("X-User", "ann-4711")], {}, time.monotonic())
    made.headers.append(("Cookie", f"theme=dark; {sticky.cookie}={sticky.token_of(eligible[-1])}"))
    return made


def benches() -> list[Bench]:
    """What is run."""
    found: list[Bench] = []
    for count, weights in ((3, 1), (3, 3), (100, 1), (100, 3)):
        eligible = targets(count, weights)
        one = exchange(eligible)
        for name, spec in BALANCERS.items():
            if weights == 1 or name in ("round_robin", "p2c", "hash"):
                label = f"{name}, {count} {'equal' if weights == 1 else 'weighted'} targets"
                found.append((label, partial(make(spec, "catalog").pick, eligible, one, now_ms()), LOOPS))
    return found
