"""Counts of hits, misses and other outcomes of the cache, for each route."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from gateway.state.store import Store

#: seconds between two reports of a worker, and for which one counts
EVERY: Final = 1.0
GOOD_FOR: Final = 15.0
NAMES: Final = ("hits", "stale", "misses", "collapsed", "revalidated", "bypassed", "stored", "refreshed", "saved")
_PREFIX: Final = b"counts:"


class Count:
    """What happened on one route in this worker; `saved` counts errors that were answered with what was kept."""

    __slots__ = NAMES

    def __init__(self) -> None:
        self.hits = self.stale = self.misses = self.collapsed = self.revalidated = 0
        self.bypassed = self.stored = self.refreshed = self.saved = 0

    def shown(self) -> dict[str, int]:
        """All of them by name."""
        return {name: getattr(self, name) for name in NAMES}


class CacheStats:
    """The counts of a worker by route; they outlive its plans, and are reported to the store."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._routes: dict[str, Count] = {}
        self._name = b""
        self._reported_at = float("-inf")

    def of(self, route: str) -> Count:
        """The counts of a route."""
        return self._routes.setdefault(route, Count())

    def tick(self) -> None:
        """Report, if it is time to. Raises StoreError."""
        now = monotonic()
        if self._store is None or now - self._reported_at < EVERY:
            return
        self._reported_at = now
        # NOTE: named here and not before: what is made in the master is the same in all workers.
        self._name = self._name or _PREFIX + os.urandom(8).hex().encode()
        self._store.set(self._name, json.dumps(self._shown()).encode(), GOOD_FOR)

    def total(self) -> dict[str, dict[str, int]]:
        """The sums over all workers that the store knows of, of those that live. Raises StoreError."""
        sums: dict[str, dict[str, int]] = {}
        _add(sums, self._shown())
        if self._store is not None:
            for key in self._store.scan(_PREFIX):
                if key != self._name:
                    _add(sums, _read(self._store.get(key)))
        return sums

    def _shown(self) -> dict[str, dict[str, int]]:
        return {route: count.shown() for route, count in self._routes.items()}


def _add(sums: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, int]]) -> None:
    for route, counts in more.items():
        into = sums.setdefault(route, dict.fromkeys(NAMES, 0))
        for name in NAMES:
            into[name] += counts.get(name, 0)


def _read(raw: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
