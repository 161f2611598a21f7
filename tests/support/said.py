"""What leased limits ask, without a Redis: buckets by the clock of a test."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ratelimit.pace import TICK
from gateway.state.redis.scripts import Call
from gateway.state.store import StoreUnavailableError


class Asked:
    """The script of leases in Python. `meanwhile` is called once, after the next call and before its answer."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.full_at: dict[bytes, int] = {}
        self.is_down = self.is_lost = False
        self.meanwhile: Callable[[], None] | None = None
        self.calls = 0

    def run(self, calls: list[Call]) -> list[int]:
        """Ticks until each bucket is full; StoreUnavailableError while it `is_lost`."""
        if self.is_lost:
            raise StoreUnavailableError("lost")
        self.calls += len(calls)
        now, answers = self.clock() // TICK, []
        for call in calls:
            (key,), (ticks,) = call.keys, call.arguments
            until = max(self.full_at.get(key, 0), now) + int(ticks)
            self.full_at[key] = max(until, now)
            answers.append(self.full_at[key] - now)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return answers
