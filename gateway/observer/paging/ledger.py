"""Which hosts see an alert, who was told of it, and who has it in hand: kept in the store, for all hosts.

One entry for each alert that fires anywhere, changed by compare-and-set. A host writes its name with an end again and
again; the one that is the last to see the alert says that it is resolved. A tier is told by whoever enters it first.
Where the store is in trouble, each host tells people by itself: better twice than never.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, TypeVar

from gateway.alerting.escalation import Ack
from gateway.alerting.matching import MOST_SILENCES, Silence
from gateway.shared.store import Store, StoreError

log = logging.getLogger("gateway")

T = TypeVar("T")

PREFIX: Final = b"alerts:on:"
SILENCES: Final = b"alerts:silences"
#: seconds that a host which says no more still counts, and that an entry nobody touches stays
ALIVE: Final = 30.0
KEPT: Final = 3600.0
SILENCES_KEPT: Final = 366 * 86400.0
_TRIES: Final = 20


class Ledger:
    """`me` is this host's observer. The methods ask the store and may take as long as it does."""

    def __init__(self, store: Store, me: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._me = me
        self._clock = clock

    def claim(self, key: str, tier: int) -> bool:
        """Whether this host is the one to tell a tier."""

        def change(entry: dict[str, Any]) -> bool:
            if str(tier) in entry["tiers"]:
                return False
            entry["tiers"][str(tier)] = self._me
            return True

        return self._changed(key, change, True)

    def refresh(self, key: str) -> Ack | None:
        """Say that the alert is still seen here; what is known of who has it in hand."""

        def change(entry: dict[str, Any]) -> Ack | None:
            ack = entry.get("ack")
            return Ack(str(ack[0]), float(ack[1]), str(ack[2])) if ack else None

        return self._changed(key, change, None)

    def acknowledge(self, key: str, ack: Ack) -> None:
        """Somebody has it in hand, for all hosts."""

        def change(entry: dict[str, Any]) -> None:
            entry["ack"] = [ack.by, ack.at, ack.comment]

        self._changed(key, change, None)

    def leave(self, key: str) -> bool:
        """The alert is over here; whether it is over everywhere."""
        name = _name(key)
        try:
            for _ in range(_TRIES):
                old = self._store.get(name)
                if old is None:
                    return True
                entry = self._entry(old)
                entry["hosts"].pop(self._me, None)
                if not entry["hosts"]:
                    self._store.delete(name)
                    return True
                if self._store.compare_and_set(name, old, _text(entry), KEPT):
                    return False
        except StoreError as error:
            log.warning("alert %s: %s; this host speaks for itself", key, error)
        return True

    def silences(self) -> list[Silence] | None:
        """Those of all hosts; None when the store is in trouble."""
        try:
            return _silences(self._store.get(SILENCES))
        except StoreError:
            return None

    def change_silences(self, change: Callable[[dict[str, Silence]], T]) -> T:
        """Change them for all hosts. Raises StoreError."""
        for _ in range(_TRIES):
            old = self._store.get(SILENCES)
            found = {each.id: each for each in _silences(old) if each.until > self._clock()}
            result = change(found)
            new = json.dumps([each.to_json() for each in found.values()][:MOST_SILENCES]).encode()
            if old is None:
                is_done = self._store.set_if_absent(SILENCES, new, SILENCES_KEPT)
            else:
                is_done = self._store.compare_and_set(SILENCES, old, new, SILENCES_KEPT)
            if is_done:
                return result
        raise StoreError("the silences are changed by too many at once")

    def _changed(self, key: str, change: Callable[[dict[str, Any]], T], otherwise: T) -> T:
        name = _name(key)
        try:
            for _ in range(_TRIES):
                old = self._store.get(name)
                entry = self._entry(old)
                result = change(entry)
                entry["hosts"][self._me] = self._clock() + ALIVE
                new = _text(entry)
                if old is None:
                    is_done = self._store.set_if_absent(name, new, KEPT)
                else:
                    is_done = self._store.compare_and_set(name, old, new, KEPT)
                if is_done:
                    return result
        except StoreError as error:
            log.warning("alert %s: %s; this host speaks for itself", key, error)
        return otherwise

    def _entry(self, kept: bytes | None) -> dict[str, Any]:
        """What is known of an alert; nothing where all hosts that saw it are gone."""
        fresh: dict[str, Any] = {"hosts": {}, "tiers": {}}
        try:
            entry = json.loads(kept) if kept else fresh
            hosts = {str(host): float(until) for host, until in entry["hosts"].items()}
            entry = {"hosts": hosts, "tiers": dict(entry["tiers"]), "ack": entry.get("ack")}
        except (ValueError, TypeError, KeyError, AttributeError):
            return fresh
        now = self._clock()
        entry["hosts"] = {host: until for host, until in hosts.items() if until > now}
        return entry if entry["hosts"] else fresh


def _name(key: str) -> bytes:
    return PREFIX + blake2b(key.encode(), digest_size=16).hexdigest().encode()


def _text(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True).encode()


def _silences(kept: bytes | None) -> list[Silence]:
    try:
        return [Silence.from_json(each) for each in json.loads(kept or b"[]")]
    except (ValueError, TypeError, KeyError):
        return []
