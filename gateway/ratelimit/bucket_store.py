"""Interface of the stores of token buckets.

A bucket is named twice: by `name` (limit, `per`, value: the same on all hosts) and by `number`, that of the page of
this host.  Times are monotonic nanoseconds.
"""

from __future__ import annotations

from typing import Protocol

from gateway.ratelimit.pace import LimitRate


class Charge(Protocol):
    """What can be charged for afterwards."""

    def charge(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> None:
        """Take without asking, so that there may be a debt; below 0 it is given back, as far as the bucket has room.

        Neither waits nor raises: what cannot be written is lost.
        """


class BucketStore(Charge, Protocol):
    """Buckets that are asked without waiting: the page of this host, or what it has leased of a store."""

    def take(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> int:
        """Take `cost` units.

        At most 0: taken, and the bucket is full in so many ns (negated).  Above 0: nothing is taken, so many ns are
        missing.  Raises StoreError when the store is out of reach and nothing is left of what it gave.
        """
