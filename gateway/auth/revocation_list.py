"""Tokens that are refused before their time, on all workers of all hosts within a second.

The store has the entries in buckets, a generation that grows with each change, and which bucket a change was in.
Every worker has a copy of all: a check asks nobody.

NOTE: entries have no end in the store, so that a full one never throws them out; those that are over go when their
bucket is written.  With `store: memory` they live as long as the gateway does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gateway.auth.revocation import BUCKETS, Revocation, Subject, bucket_of, make, merged, pack, subject_of, unpack
from gateway.state.store import VALUE_MAX, Store, StoreError, StoreFullError, StoreUnavailableError, check_ttl

log = logging.getLogger("gateway")

ENTRIES_MAX: Final = 100_000
STALE_AFTER: Final = 1.0  # seconds
GENERATION: Final = b"revoked"
CHANGE_KEPT: Final = 3600.0  # seconds that is known which bucket a change was in
CHANGES_MAX: Final = 64  # more of them at once: all buckets are read
_TRIES: Final = 64


class RevocationList:
    """The list in one worker; `tick` is to be called a few times a second. `clock` is Unix time."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._entries: dict[Subject, Revocation] = {}
        self._buckets: list[Mapping[Subject, Revocation]] = [{} for _ in range(BUCKETS)]
        self._epoch = 0
        #: the generation that the copy has; None before the first reading
        self._generation: int | None = None
        self._unread_since = float("-inf")
        self._is_unread = True

    @property
    def epoch(self) -> int:
        """Another number whenever the list is another one."""
        return self._epoch

    @property
    def is_stale(self) -> bool:
        """Whether the list may lack something: the store could not be read for more than a second, or never yet."""
        return self._is_unread and not 0 <= self._clock() - self._unread_since <= STALE_AFTER

    def is_revoked(self, provider: str, claims: Mapping[str, Any]) -> bool:
        """Whether a token with these claims is refused, as far as this worker knows."""
        if not self._entries:
            return False
        jti, sub = _text(claims.get("jti")), _text(claims.get("sub"))
        found = [self._entries.get(subject_of(provider, None, None))]
        if jti is not None:
            found.append(self._entries.get(subject_of(provider, jti, None)))
        if sub is not None:
            found.append(self._entries.get(subject_of(provider, None, sub)))
        now, issued = self._clock(), claims.get("iat")
        return any(entry is not None and entry.until > now and entry.fits(issued) for entry in found)

    def revoke(
        self, *, provider: str, jti: str | None = None, sub: str | None = None, before: float | None = None, ttl: float
    ) -> None:
        """Refuse the token `jti`, or those of `sub`, or all; with `before` those issued before it. For `ttl` seconds.

        What was revoked already stays so, for the longer of both times.  Raises ValueError with words for what makes no
        sense, StoreFullError where there are too many, StoreError.
        """
        check_ttl(ttl)
        entry = make(provider, jti, sub, before, self._clock() + ttl)
        if entry.subject not in self._entries and self._is_full():
            raise StoreFullError(f"there are {ENTRIES_MAX:,} revocations, which is all that is kept")
        self._change(
            entry.id, lambda entries: entries.update({entry.subject: merged(entries.get(entry.subject), entry)})
        )

    def withdraw(self, entry_id: str) -> bool:
        """Take a revocation back; whether it was there. Raises StoreError."""
        was_there = False

        def remove(entries: dict[Subject, Revocation]) -> None:
            nonlocal was_there
            gone = [subject for subject, entry in entries.items() if entry.id == entry_id]
            was_there = bool(gone)
            for subject in gone:
                del entries[subject]

        if bucket_of(entry_id) is not None:
            self._change(entry_id, remove)
        return was_there

    def entries(self) -> list[Revocation]:
        """All that hold, those that end next first, as the store has them now. Raises StoreError."""
        self._read()
        now = self._clock()
        return sorted((each for each in self._entries.values() if each.until > now), key=lambda each: each.until)

    def tick(self) -> None:
        """Read what has changed. Does not raise."""
        try:
            self._read()
        except StoreError as error:
            if not self._is_unread:
                self._is_unread, self._unread_since = True, self._clock()
                log.warning("revocations cannot be read: %s", error)
        except Exception:
            log.exception("reading revocations failed")

    def _read(self) -> None:
        generation = _number(self._store.get(GENERATION))
        if generation != self._generation:
            changed = False
            for bucket in self._changed(generation):
                changed |= self._take(bucket, self._unpack(self._store.get(_key(bucket))))
                time.sleep(0)  # PERF: others go on; by its module, so that in a worker it is gevent's
            self._generation = generation
            self._epoch += changed
        if self._is_unread:
            log.info("revocations are read: %d", len(self._entries))
        self._is_unread = False

    def _changed(self, generation: int) -> Iterable[int]:
        """The buckets that changed since the generation that is known; all of them where that cannot be told."""
        known = self._generation
        if known is None or not 0 < generation - known <= CHANGES_MAX:
            return range(BUCKETS)
        buckets = {self._store.get(_change_key(each)) for each in range(known + 1, generation + 1)}
        if None in buckets:  # it is not told yet, or no more
            return range(BUCKETS)
        return {_number(each) % BUCKETS for each in buckets}

    def _take(self, bucket: int, entries: Mapping[Subject, Revocation]) -> bool:
        """Know a bucket's entries; whether they are others than before."""
        old = self._buckets[bucket]
        if old == entries:
            return False
        for subject in old:
            del self._entries[subject]
        self._entries.update(entries)
        self._buckets[bucket] = entries
        return True

    def _change(self, entry_id: str, edit: Callable[[dict[Subject, Revocation]], None]) -> None:
        """Change one bucket in the store, and tell all: the bucket first, so that who hears of it finds it."""
        bucket = bucket_of(entry_id) or 0
        for _ in range(_TRIES):
            raw = self._store.get(_key(bucket))
            entries = dict(self._unpack(raw))
            edit(entries)
            packed = pack(entries.values())
            if len(packed) > VALUE_MAX:
                raise StoreFullError("there is no room for one more revocation")
            if raw is None:
                is_done = self._store.set_if_absent(_key(bucket), packed, None)
            else:
                is_done = self._store.compare_and_set(_key(bucket), raw, packed, None)
            if is_done:
                break
        else:
            raise StoreUnavailableError("too many revocations at once")
        generation = self._store.incr(GENERATION, 1, None)
        self._store.set(_change_key(generation), b"%d" % bucket, CHANGE_KEPT)
        self._epoch += self._take(bucket, entries)

    def _unpack(self, raw: bytes | None) -> Mapping[Subject, Revocation]:
        try:
            return unpack(raw, self._clock())
        except ValueError as error:
            raise StoreUnavailableError(f"what the store has of revocations cannot be used: {error}") from None

    def _is_full(self) -> bool:
        if len(self._entries) < ENTRIES_MAX:
            return False
        now = self._clock()
        return sum(each.until > now for each in self._entries.values()) >= ENTRIES_MAX


def _key(bucket: int) -> bytes:
    return b"revoked:%02x" % bucket


def _change_key(generation: int) -> bytes:
    return b"revoked:change:%d" % generation


def _number(raw: bytes | None) -> int:
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 20 else 0


def _text(claim: Any) -> str | None:
    """A name in a claim; a number counts as its digits, so that it can be named too."""
    return claim if isinstance(claim, str) else str(claim) if isinstance(claim, int) else None
