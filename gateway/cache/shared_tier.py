"""The second level: what all workers of a host, or all hosts with one Redis, keep together.

A store that cannot be reached makes no error: there is nothing in it then, and nothing goes into it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import blake2b
from time import monotonic
from typing import Final, TypeVar

import gevent

from gateway.cache.entry import Entry, Variants, pack, unpack
from gateway.cache.rules import CacheOptions
from gateway.state.store import VALUE_MAX, Store, StoreError

log = logging.getLogger("gateway")

T = TypeVar("T")

#: seconds that a fetch is left alone by the other workers
LOCKED: Final = 10.0
#: seconds between two looks at what another worker fetches: at first, and at most
LOOK: Final = 0.005
LOOK_MAX: Final = 0.05


class SharedTier:
    """Entries by key; `store` None keeps none."""

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def get(self, key: str, rules: CacheOptions) -> Entry | Variants | None:
        """What is kept, for whoever reads it with `rules`."""
        raw = self._ask(lambda store: store.get(_name(b"entry:", key)), None)
        return None if raw is None else unpack(raw, rules)

    def set(self, key: str, kept: Entry | Variants, seconds: float) -> None:
        """Keep it for so long, where it is not too large for the store."""
        if seconds > 0.0 and kept.size < VALUE_MAX:
            packed = pack(kept)
            if len(packed) <= VALUE_MAX:
                self._ask(lambda store: store.set(_name(b"entry:", key), packed, seconds), None)

    def lock(self, key: str) -> bool:
        """Take the fetch of a key; False when another worker has it."""
        return self._ask(lambda store: store.set_if_absent(_name(b"lock:", key), b"1", LOCKED), True)

    def unlock(self, key: str) -> None:
        """Give it back."""
        self._ask(lambda store: store.delete(_name(b"lock:", key)), True)

    def wait(self, key: str, seconds: float) -> None:
        """Wait until nobody has the fetch of a key, so long at most."""
        until, pause = monotonic() + seconds, LOOK
        while monotonic() < until:
            gevent.sleep(pause)
            if self._ask(lambda store: store.get(_name(b"lock:", key)), None) is None:
                return
            pause = min(pause * 2, LOOK_MAX)

    def _ask(self, action: Callable[[Store], T], otherwise: T) -> T:
        if self._store is None:
            return otherwise
        try:
            return action(self._store)
        except StoreError:  # NOTE: who guards the store has said so
            return otherwise


def _name(kind: bytes, key: str) -> bytes:
    """The key in the store: keys may be long, and name callers."""
    return kind + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest().encode()
