"""Limits that hosts share without asking first: what a host lets in it says to the Redis a moment later.

A host may have let in one lease of a key that the Redis does not know of yet, all workers together.  What the Redis
answers, how much the bucket owes after all that hosts have said, goes onto the page; where that leaves no place the
host refuses.  So in any stretch of time hosts let in what the limit says, and one lease for each of them.

On the page a key has two buckets: the limit's own, with what is known of all hosts, and the lease, with what is not
said yet.  An answer raises the first before it frees the second: else another lease could go before it is known.

NOTE: what a worker had not said when it was killed is lost; its lease is free again after `LIFE`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice
from time import monotonic_ns
from typing import Any, Final, Protocol

import gevent

from gateway._fast.token_bucket import Buckets
from gateway.ratelimit.exact_scripts import PARTS
from gateway.ratelimit.keys import StoreKeys
from gateway.ratelimit.pace import TICK, LimitRate
from gateway.ratelimit.penalty import LEASE
from gateway.state.redis.scripts import BATCH, Call
from gateway.state.redis.store import Script
from gateway.state.store import StoreError, StoreUnavailableError

log = logging.getLogger("gateway")

#: seconds between two round trips of one process
PAUSE: Final = 0.01
#: nanoseconds after which a lease is free again though nobody has said what became of it
LIFE: Final = 4 * 10**9
#: keys that may wait to be said, for each process
WAITING: Final = 4096
#: keys whose refusals are looked after, for each process and second: somebody may have filled them by hand
LOOKS: Final = 256

_SECOND: Final = 10**9
_TENTH: Final = _SECOND // 10
_SOON: Final = round(PAUSE * _SECOND)
_LONGEST: Final = 1 << 60  # ns
_TRIES: Final = 3

# Moves when a bucket is full by so many ticks, and tells in how many it is.
SAY: Final = Script(
    PARTS
    + """
local tat, strikes, blocked = read(KEYS[1])
tat = math.max(tat + tonumber(ARGV[1]), now)
write(KEYS[1], tat, strikes, blocked)
return tat - now
"""
)


class Asks(Protocol):
    """What asks the Redis: gateway.state.redis.scripts.Scripts."""

    @property
    def is_down(self) -> bool:
        """Whether it is out of reach."""

    def run(self, calls: list[Call]) -> list[Any]:
        """What each call gives. Raises StoreError."""


class UnsyncedUsage:
    """What this process has let in of one key since it last said so; `leased` counts no refunds."""

    __slots__ = ("leased", "number", "pace", "units")

    def __init__(self, number: int, pace: LimitRate) -> None:
        self.number = number
        self.pace = pace
        self.units = self.leased = 0


class LeasedBuckets:
    """A Ledger that never waits. One for each process; nothing is sent before the first request asks."""

    __slots__ = (
        "_buckets", "_clock", "_is_failing", "_is_saying", "_keys", "_looked", "_looks_until", "_scripts", "_unsaid",
    )  # fmt: skip

    def __init__(self, buckets: Buckets, scripts: Asks, clock: Callable[[], int] = monotonic_ns) -> None:
        self._buckets = buckets
        self._scripts = scripts
        self._clock = clock
        self._keys = StoreKeys()
        self._unsaid: dict[bytes, UnsyncedUsage] = {}
        self._looked: set[bytes] = set()
        self._looks_until = 0
        self._is_saying = self._is_failing = False

    def take(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> int:
        """See Ledger."""
        key = self._keys.key(name)
        if self._is_failing or self._scripts.is_down:
            if key not in self._unsaid:
                self._waits(key, number, pace)
            raise StoreUnavailableError("what hosts let in cannot be said")
        wait = self._buckets.debit(number, pace.interval, pace.tolerance, cost, now_ns)
        if wait > 0:
            self._look(key, number, pace, now_ns)
            return wait
        interval, tolerance = _shape(pace)
        if self._buckets.debit(_lease_of(number), interval, tolerance, cost, now_ns) > 0:
            self._buckets.give(number, pace.interval, cost, now_ns)
            return _SOON
        unsaid = self._unsaid.get(key)
        if unsaid is None and (unsaid := self._waits(key, number, pace)) is None:
            raise StoreUnavailableError("more keys are let in than can be said")
        unsaid.units += cost
        unsaid.leased += cost
        return wait

    def charge(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> None:
        """See Ledger."""
        key = self._keys.key(name)
        unsaid = self._unsaid.get(key) or self._waits(key, number, pace)
        self._buckets.charge(number, pace.interval, cost, now_ns)
        if unsaid is None:
            return
        unsaid.units += cost
        if cost > 0:
            self._buckets.charge(_lease_of(number), _shape(pace)[0], cost, now_ns)
            unsaid.leased += cost

    def say(self) -> None:
        """Say what was let in, of at most `BATCH` keys, in one round trip, and learn what is left."""
        keys = list(islice(self._unsaid, BATCH))
        said = [(key, self._unsaid.pop(key)) for key in keys]
        calls = [Call(SAY, (key,), (b"%d" % (each.units * each.pace.interval // TICK),)) for key, each in said]
        try:
            answers = self._scripts.run(calls)
        except StoreError:
            self._is_failing = True
            return
        self._is_failing = all(isinstance(answer, StoreError) for answer in answers)
        now = self._clock()
        for (_, each), answer in zip(said, answers, strict=True):
            if not isinstance(answer, StoreError):
                self._learn(each, min(answer * TICK, _LONGEST), now)

    def _learn(self, said: UnsyncedUsage, debt: int, now_ns: int) -> None:
        """The bucket owes `debt` ns, and what this host has not said yet."""
        buckets, number, pace = self._buckets, said.number, said.pace
        for _ in range(_TRIES):
            known = buckets.left(number, pace.interval, pace.tolerance, now_ns)[1]
            # NOTE: a tolerance that is the aim: of two workers that raise it at once only one does.
            if known >= debt or buckets.debit(number, 1, debt, debt - known, now_ns) <= 0:
                break
        more = known - debt - lease(pace) * pace.interval
        if more > 0:  # than this host can have kept to itself: it was filled by hand, or the Redis began anew
            buckets.give(number, 1, more, now_ns)
        if said.leased:
            buckets.give(_lease_of(number), _shape(pace)[0], said.leased, now_ns)

    def _look(self, key: bytes, number: int, pace: LimitRate, now_ns: int) -> None:
        """Ask for a key that is refused, once a second."""
        if now_ns >= self._looks_until:
            self._looks_until = now_ns + _SECOND
            self._looked.clear()
        if key not in self._looked and len(self._looked) < LOOKS:
            self._looked.add(key)
            if key not in self._unsaid:
                self._waits(key, number, pace)

    def _waits(self, key: bytes, number: int, pace: LimitRate) -> UnsyncedUsage | None:
        """A new entry among what is to be said; None when there is no room."""
        if len(self._unsaid) >= WAITING:
            return None
        unsaid = self._unsaid[key] = UnsyncedUsage(number, pace)
        if not self._is_saying:
            self._is_saying = True
            gevent.spawn(self._say_all)
        return unsaid

    def _say_all(self) -> None:
        try:
            while self._unsaid:
                self.say()
                if len(self._unsaid) < BATCH:
                    gevent.sleep(PAUSE)
        except Exception:  # a greenlet's last frame; a store that fails is no exception here but handled in say()
            log.exception("saying what was let in failed")
            self._is_failing = True
            self._unsaid.clear()
        finally:
            self._is_saying = False


def lease(pace: LimitRate) -> int:
    """The units that a host may let in before the Redis knows: a tenth of a second of the rate, or of the burst."""
    burst = pace.tolerance // pace.interval
    return min(burst, max(pace.cost, _TENTH // pace.interval, burst // 10))


def _shape(pace: LimitRate) -> tuple[int, int]:
    """(interval, tolerance) of the bucket of a lease, in ns.

    NOTE: it fills in `LIFE`, also while an answer is on its way, so a sixteenth is held back for that.
    """
    whole = lease(pace)
    units = max(pace.cost, whole - whole // 16)
    interval = max(1, LIFE // units)
    return interval, units * interval


def _lease_of(number: int) -> int:
    """The number of the bucket of a lease."""
    return number ^ LEASE or 1
