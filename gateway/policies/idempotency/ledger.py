"""Claims on idempotency keys and the answers to their requests: all of it in the store.

A key is claimed by one atomic write.  The claim says until when it holds, which is when the request is out of time, so
a worker that dies keeps no key longer.
NOTE: a claim is kept in the store as long as an answer, not only until then: a store that is full throws out
first what ends first, and the requests under way must not be that.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.policies.idempotency.record import Done, Pending, unpack
from gateway.state.store import VALUE_MAX, Store

#: seconds beyond a request's time: for its answer to be kept, and for clocks of hosts that differ
SPARE: Final = 2.0
#: how long what is let go stays, as no store removes by comparison: seconds
_GONE: Final = 0.001


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out the request, until it is kept or let go."""

    name: bytes
    pending: Pending


class Ledger:
    """Keys of one route; `ttl` is how long they are remembered, seconds. All methods raise StoreError."""

    __slots__ = ("_clock", "_store", "_ttl")

    def __init__(self, store: Store, ttl: float, clock: Callable[[], float] = time.time) -> None:
        """`clock` is Unix time in seconds."""
        self._store = store
        self._ttl = ttl
        self._clock = clock

    def claim(self, name: bytes, mark: bytes, seconds: float) -> Claim | Pending | Done:
        """A claim for a request that has `seconds`; else the one that has it, or the answer that there is."""
        now = self._clock()
        mine = Pending(mark, now + seconds + SPARE, secrets.token_bytes(16))
        if self._store.set_if_absent(name, mine.packed(), self._ttl):
            return Claim(name, mine)
        held = self._store.get(name)
        found = unpack(held) if held is not None else None
        if isinstance(found, Done) or (isinstance(found, Pending) and found.until > now):
            return found
        if held is not None and self._store.compare_and_set(name, held, mine.packed(), self._ttl):
            return Claim(name, mine)
        return mine  # somebody was quicker, or it went away just now: to be asked again

    def keep(self, claim: Claim, answer: Done) -> bool:
        """Keep the answer; whether it was small enough, and the claim still held."""
        value = answer.packed()
        if len(value) > VALUE_MAX:
            return False
        return self._store.compare_and_set(claim.name, claim.pending.packed(), value, self._ttl)

    def let_go(self, claim: Claim) -> None:
        """Let the next request with the key be carried out."""
        self._store.compare_and_set(claim.name, claim.pending.packed(), b"", _GONE)
