"""A store that was out of reach is not asked again for a while: nobody waits for what will not come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Final, TypeVar

from gateway.state.store import Store, StoreError, StoreUnavailableError

log = logging.getLogger("gateway")

T = TypeVar("T")

#: seconds until a store that failed is asked again: at first, and at most while it goes on failing
PAUSE: Final = 1.0
PAUSE_MAX: Final = 5.0


class FailFastStore:
    """A `Store` in front of a store over the network, with a breaker for this process.

    After a StoreUnavailableError every call fails at once with another one, until `PAUSE` is over; then one call goes
    through, and what becomes of it decides.  `clock` is monotonic, in seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._clock = clock
        #: seconds of the current pause; 0 while the store is there
        self._pause = 0.0
        self._down_since = self._again_at = 0.0
        self._is_probing = False

    @property
    def is_down(self) -> bool:
        """Whether the store failed and has not answered since."""
        return self._pause > 0.0

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        return self.ask(self._store.get, key)

    def set(self, key: bytes, value: bytes, ttl: float | None) -> None:
        """See Store."""
        self.ask(self._store.set, key, value, ttl)

    def set_if_absent(self, key: bytes, value: bytes, ttl: float | None) -> bool:
        """See Store."""
        return self.ask(self._store.set_if_absent, key, value, ttl)

    def compare_and_set(self, key: bytes, old: bytes, new: bytes, ttl: float | None) -> bool:
        """See Store."""
        return self.ask(self._store.compare_and_set, key, old, new, ttl)

    def delete(self, key: bytes) -> bool:
        """See Store."""
        return self.ask(self._store.delete, key)

    def incr(self, key: bytes, by: int, ttl: float | None) -> int:
        """See Store."""
        return self.ask(self._store.incr, key, by, ttl)

    def expire(self, key: bytes, ttl: float | None) -> bool:
        """See Store."""
        return self.ask(self._store.expire, key, ttl)

    def scan(self, prefix: bytes) -> Iterator[bytes]:
        """See Store."""
        keys = self._store.scan(prefix)
        while (key := self.ask(next, keys, None)) is not None:
            yield key

    def clear(self, prefix: bytes) -> int:
        """See Store."""
        return self.ask(self._store.clear, prefix)

    def sweep(self, limit: int) -> int:
        """See Store."""
        return self.ask(self._store.sweep, limit)

    def close(self) -> None:
        """Let go of connections; asks nobody."""
        self._store.close()

    def ask(self, action: Callable[..., T], *arguments: Any) -> T:
        """What something else that asks the store gives; raises what it raises, or StoreUnavailableError at once."""
        if self._pause:
            return self._probe(action, arguments)
        try:
            return action(*arguments)
        except StoreUnavailableError as error:
            if not self._pause:  # many calls may have been on their way
                log.warning("%s; it is asked again in %.0f s", error, PAUSE)
                self._down_since = self._clock()
                self._wait(PAUSE)
            raise

    def _probe(self, action: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Let one call through when its time has come, and no other."""
        if self._is_probing or self._clock() < self._again_at:
            raise StoreUnavailableError("the store was out of reach a moment ago")
        self._is_probing = True
        try:
            result = action(*arguments)
        except StoreUnavailableError:
            self._wait(min(self._pause * 2, PAUSE_MAX))
            raise
        except StoreError:
            self._is_back()  # it refused something: it is there
            raise
        else:
            self._is_back()
            return result
        finally:
            self._is_probing = False

    def _wait(self, pause: float) -> None:
        self._pause = pause
        self._again_at = self._clock() + pause

    def _is_back(self) -> None:
        self._pause = 0.0
        log.warning("the store is back after %.1f s", self._clock() - self._down_since)
