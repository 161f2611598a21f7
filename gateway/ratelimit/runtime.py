"""Runtime state of all limits of a process: the buckets that it shares with others, and their numbers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from gateway._fast.token_bucket import Buckets
from gateway.ratelimit import bucket_table as shared
from gateway.ratelimit.keys import SECRET_SIZE, Keys
from gateway.ratelimit.local import LocalBuckets

if TYPE_CHECKING:
    from gateway.ratelimit.open_store import LimitStore

_PRIVATE: Final = 1024


class RateLimitRuntime:
    """Buckets, and the names of those who have one; over a Redis, what asks that."""

    __slots__ = ("_store", "_url", "buckets", "keys", "page")

    def __init__(self, buckets: Buckets, secret: bytes, url: str = "memory") -> None:
        """`secret` is that of the gateway (keys.secret_in), `url` the `store` of its configuration."""
        self.buckets = buckets
        self.keys = Keys(secret)
        self.page = LocalBuckets(buckets)
        self._url = url
        self._store: LimitStore | None = None

    @classmethod
    def private(cls) -> RateLimitRuntime:
        """One that no other process sees, for a plan that serves nobody."""
        return cls(shared.private(_PRIVATE), secrets.token_bytes(SECRET_SIZE))

    def shared(self) -> LimitStore | None:
        """What asks the Redis that hosts share, made when first asked for; None where they share none."""
        if self._store is None and self._url != "memory":
            from gateway.ratelimit.open_store import LimitStore  # PERF: redis takes 9.5 MB of a process that imports it

            self._store = LimitStore(self._url, self.buckets)
        return self._store

    @property
    def store(self) -> LimitStore | None:
        """The same if it was made."""
        return self._store
