"""Replication of alerts over the store: the hosts that see one, the tiers notified, the acknowledgement.

One entry for each alert that fires anywhere, changed by compare-and-set. A host writes its name with an end again and
again; the one that is the last to see the alert says that it is resolved. A tier is told by whoever enters it first,
and by nobody once somebody has the alert in hand. `hosts` are those that told people, or left it to another; `sees`
those where nobody is to be told yet. Where the store is in trouble, each host tells people by itself: better twice than
never.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from typing import Any, Final, TypeVar

from gateway.alerting.escalation import Ack
from gateway.alerting.silences import MOST_SILENCES, Silence
from gateway.alerting.store_entry import Observation, ack_of, enter, row
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

T = TypeVar("T")

PREFIX: Final = b"alerts:on:"
SILENCES: Final = b"alerts:silences"
#: seconds that a host which says no more still counts, and that an entry nobody touches stays
ALIVE: Final = 30.0
KEPT: Final = 3600.0
SILENCES_KEPT: Final = 366 * 86400.0
#: seconds between two lines about a store in trouble
TELL_EVERY: Final = 60.0
_TRIES: Final = 20


class AlertReplicator:
    """`me` is this host's observer. The methods ask the store and may take as long as it does."""

    def __init__(self, store: Store, me: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._me = me
        self._clock = clock
        self._told = float("-inf")

    def claim(self, key: str, tier: int) -> bool | Ack:
        """Whether this host is the one to tell a tier; an acknowledgement where nobody is to."""
        otherwise: bool | Ack = True

        def change(entry: dict[str, Any]) -> bool | Ack:
            ack, was_told = ack_of(entry), str(tier) in entry["tiers"]
            if ack is not None and not was_told:
                return ack
            self._place(entry, is_told=True)
            entry["tiers"].setdefault(str(tier), self._me)
            return not was_told

        return self._changed(key, change, otherwise)

    def claim_again(self, key: str, tier: int, every: float) -> bool:
        """Whether this host is the one to tell a tier once more, which nobody did for about `every` seconds."""

        def change(entry: dict[str, Any]) -> bool:
            self._place(entry, is_told=True)
            now = self._clock()
            if 0 <= now - float(entry["again"].get(str(tier), 0.0)) < every * 0.75:  # hosts are not in step
                return False
            entry["again"][str(tier)] = now
            return True

        return self._changed(key, change, True)

    def refresh(self, sight: Observation) -> tuple[Ack | None, bool]:
        """Say that an alert is still seen here; who has it in hand, and whether this host is to tell so."""
        otherwise: tuple[Ack | None, bool] = (None, False)

        def change(entry: dict[str, Any]) -> tuple[Ack | None, bool]:
            self._place(entry, is_told=sight.is_told)
            entry["alert"] = sight.about()
            ack = ack_of(entry)
            if sight.ack is not None and (ack is None or ack.at < sight.ack.at):  # the store did not hear of it
                enter(entry, sight.ack, is_heard=True)
                return sight.ack, False
            is_mine = ack is not None and sight.is_told and not entry["heard"]
            entry["heard"] = entry["heard"] or is_mine
            return ack, is_mine

        return self._changed(sight.key, change, otherwise)

    def acknowledge(self, key: str, ack: Ack) -> None:
        """Somebody has in hand what fires here, and was told before: for all hosts."""

        def change(entry: dict[str, Any]) -> None:
            self._place(entry, is_told=self._me in entry["hosts"])
            enter(entry, ack, is_heard=True)

        self._changed(key, change, None)

    def take(self, name: str, labels: Mapping[str, str], ack: Ack, but: Collection[str]) -> list[dict[str, Any]]:
        """Somebody has all of a name in hand, wherever it fires; those without the keys `but`. Raises StoreError."""
        found = []
        for place in self._store.scan(PREFIX):
            for _ in range(_TRIES):
                old = self._store.get(place)
                entry = self._entry(old)
                about = entry["alert"]
                if old is None or about.get("name") != name or about["key"] in but:
                    break
                if not labels.items() <= about["labels"].items():
                    break
                enter(entry, ack, is_heard=False)
                if self._store.compare_and_set(place, old, _text(entry), KEPT):
                    found.append(row(entry, ack))
                    break
        return found

    def leave(self, key: str) -> bool:
        """The alert is over here; whether it is over for all hosts that told people."""
        name = _name(key)
        try:
            for _ in range(_TRIES):
                old = self._store.get(name)
                if old is None:
                    return True
                entry = self._entry(old)
                entry["hosts"].pop(self._me, None)
                entry["sees"].pop(self._me, None)
                if not entry["hosts"]:
                    entry["tiers"], entry["again"] = {}, {}  # those who see it still will tell people anew
                if not entry["hosts"] and not entry["sees"]:
                    self._store.delete(name)
                    return True
                if self._store.compare_and_set(name, old, _text(entry), KEPT):
                    return not entry["hosts"]
        except StoreError as error:
            self._tell(key, error)
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
                new = _text(entry)
                if old is None:
                    is_done = self._store.set_if_absent(name, new, KEPT)
                else:
                    is_done = self._store.compare_and_set(name, old, new, KEPT)
                if is_done:
                    return result
        except StoreError as error:
            self._tell(key, error)
        return otherwise

    def _place(self, entry: dict[str, Any], *, is_told: bool) -> None:
        here, other = ("hosts", "sees") if is_told else ("sees", "hosts")
        entry[here][self._me] = self._clock() + ALIVE
        entry[other].pop(self._me, None)

    def _tell(self, key: str, error: StoreError) -> None:
        """Of the trouble, which each alert meets every other second."""
        now = self._clock()
        if not 0 <= now - self._told < TELL_EVERY:
            self._told = now
            log.warning("alert %s: %s; this host speaks for itself", key, error)

    def _entry(self, kept: bytes | None) -> dict[str, Any]:
        """What is known of an alert; nothing where all hosts that saw it are gone."""
        try:
            found = json.loads(kept) if kept else {}
            entry: dict[str, Any] = {
                name: dict(found.get(name, {})) for name in ("hosts", "sees", "tiers", "again", "alert")
            }
            entry |= {"ack": found.get("ack"), "heard": bool(found.get("heard"))}
            now = self._clock()
            for name in ("hosts", "sees"):
                entry[name] = {host: float(until) for host, until in entry[name].items() if float(until) > now}
            ack_of(entry)
        except (ValueError, TypeError, LookupError, AttributeError):
            return self._entry(None)
        return entry if entry["hosts"] or entry["sees"] or not kept else self._entry(None)


def _name(key: str) -> bytes:
    return PREFIX + blake2b(key.encode(), digest_size=16).hexdigest().encode()


def _text(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True).encode()


def _silences(kept: bytes | None) -> list[Silence]:
    try:
        return [Silence.from_json(each) for each in json.loads(kept or b"[]")]
    except (ValueError, TypeError, KeyError):
        return []
