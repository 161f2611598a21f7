"""One JWK set shared by the workers of all hosts, through the store.

Where the store is down each worker is on its own: it has the lease, sees no pause, and may ask.
"""

from __future__ import annotations

import hashlib
from typing import Final

from gateway.auth.model import Jwks
from gateway.state.store import TTL_MAX, Store, StoreError

LEASE: Final = 10.0  # seconds; longer than a fetch can take


class SharedJwks:
    """The set itself, a lease for whoever fetches it, a pause after failures, and who asked for unknown keys."""

    def __init__(self, spec: Jwks, store: Store) -> None:
        self._store = store
        self._ttl = min(spec.stale + spec.refresh, TTL_MAX)
        # Sets that are verified in different ways are different ones.
        name = hashlib.sha256(f"{spec.url}\n{spec.ca}\n{spec.insecure}".encode()).hexdigest()[:32]
        self._key, self._lease, self._pause, self._unknown = (
            f"jwks:{name}{part}".encode() for part in ("", ":lease", ":pause", ":unknown")
        )

    def get(self) -> bytes | None:
        """The set as it is there. Raises StoreError."""
        return self._store.get(self._key)

    def put(self, raw: bytes) -> bool:
        """Give it to all, and end the pause; whether that could be done."""
        try:
            self._store.set(self._key, raw, self._ttl)
            self._store.delete(self._pause)
        except StoreError:
            return False
        return True

    def mend(self, raw: bytes, old: bytes | None) -> bool:
        """Give it to all where the store has lost it or has an older one, `old`; whether the store was there."""
        try:
            if old is None:
                self._store.set_if_absent(self._key, raw, self._ttl)
            else:
                self._store.compare_and_set(self._key, old, raw, self._ttl)
        except StoreError:
            return False
        return True

    def lease(self) -> bool:
        """Be the one who fetches, if nobody is."""
        try:
            return self._store.set_if_absent(self._lease, b"", LEASE)
        except StoreError:
            return True

    def release(self) -> None:
        """Let others fetch."""
        try:
            self._store.delete(self._lease)
        except StoreError:
            pass  # the lease ends by itself

    def pause(self, failures: int, seconds: float) -> None:
        """Keep all from fetching after so many failures."""
        try:
            self._store.set(self._pause, b"%d" % failures, seconds)
        except StoreError:
            pass  # each worker then keeps its own pause

    def failures(self) -> int:
        """The failures that all pause for; 0 = there is no pause."""
        try:
            value = self._store.get(self._pause)
        except StoreError:
            return 0
        return int(value) if value is not None and value.isdigit() else 0

    def may_ask(self, every: float) -> bool:
        """Whether nobody asked for an unknown key within `every` seconds."""
        try:
            return self._store.set_if_absent(self._unknown, b"", every)
        except StoreError:
            return True
