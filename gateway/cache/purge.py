"""Purges by URL, prefix, tag or route. Every worker of every host knows within a second.

The store has a number that grows with each purge, and for each number what was purged.  An entry knows the number that
held when it was asked for, so whether it still holds is a comparison: nothing is searched for, nothing has to be found
to be removed, and an answer that was on its way during a purge is purged as well.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from gateway.cache.entry import LONGEST, Entry, variant_id
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

NUMBER: Final = b"purge"
KINDS: Final = ("url", "prefix", "tag", "route")
#: of each kind, known to a worker; beyond them the oldest are forgotten together with all entries as old
KNOWN: Final = 10_000
PREFIXES: Final = 200
#: purges that are read one by one; after more of them everything older is dropped
READ: Final = 256
#: targets that wait to be told to others
WAITING: Final = 2_000
#: how often what was announced is looked for before everything older is dropped
_PATIENCE: Final = 3


class PurgeLog:
    """The purges that a worker knows. `tick` is to be called a few times a second."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        #: the number of the last purge that is known
        self.number = 0
        #: another number whenever something was purged
        self.version = 0
        self._is_read = False
        self._floor = 0
        self._known: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        self._waiting: dict[str, None] = {}
        self._missing = 0

    def holds(self, entry: Entry) -> bool:
        """Whether nothing that was purged since is about this entry."""
        if entry.checked == self.version:
            return True
        stamp, known = entry.stamp, self._known
        if not self._floor <= stamp <= self.number:
            return False
        urls, (url, target) = known["url"], entry.marks
        if max(urls.get(url, -1), urls.get(target, -1), known["route"].get(entry.route, -1)) > stamp:
            return False
        if any(known["tag"].get(tag, -1) > stamp for tag in entry.tags):
            return False
        for prefix, number in known["prefix"].items():
            text = entry.target if prefix.startswith("/") else entry.url
            if number > stamp and text.startswith(prefix):
                return False
        entry.checked = self.version
        return True

    def purge(self, what: Mapping[str, Collection[str]], *, everything: bool = False) -> None:
        """Purge by kind (`KINDS`), here now and everywhere within a second. Raises StoreError."""
        record: dict[str, Any] = {kind: sorted(values) for kind, values in what.items() if values}
        if "url" in record:
            record["url"] = [variant_id(url) for url in record["url"]]
        if everything:
            record["all"] = True
        self._publish(record)

    def forget(self, urls: Iterable[str]) -> None:
        """Something has changed: what is kept under these URLs is dropped here now, elsewhere with the next ticks."""
        marks = tuple(map(variant_id, urls))
        if self._store is None:
            self.number += 1
            self._apply({"url": marks}, self.number)
            return
        if len(self._waiting) <= WAITING:  # more of them stand for all
            self._waiting.update(dict.fromkeys(marks))
        self._apply({"url": marks}, self.number + 1)

    def tick(self) -> None:
        """Tell the others, and hear from them. Raises StoreError."""
        if self._store is None:
            return
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            try:
                self._publish({"url": list(waiting)} if len(waiting) <= WAITING else {"all": True})
            except StoreError:
                self._waiting = {**waiting, **self._waiting}
                raise
        self._read(self._store)

    def _publish(self, record: Mapping[str, Any]) -> None:
        if self._store is None:
            self.number += 1
            self._apply(record, self.number)
            return
        number = self._store.incr(NUMBER, 1, None)
        # NOTE: kept for longer than any entry, or one could outlive the purge.
        self._store.set(_key(number), json.dumps(record).encode(), 2 * LONGEST)
        if number > 2 * READ:  # nobody reads that any more, and what is kept would be crowded out by it in a day or two
            self._store.delete(_key(number - 2 * READ))
        self._apply(record, number)
        if number == self.number + 1:  # else there is something before it that is not known yet
            self.number = number

    def _read(self, store: Store) -> None:
        raw = store.get(NUMBER)
        last = int(raw) if raw is not None and raw.isdigit() and len(raw) < 19 else 0
        if last == self.number and self._is_read:
            return
        if not self._is_read or last < self.number:  # the first time, or a store that was emptied
            self._is_read = True
            self._start(last)
        first = max(self.number, last - READ)
        if first > self.number:
            self._drop_before(first)
        for number in range(first + 1, last + 1):
            record = _record(store.get(_key(number)))
            if record is None and self._missing < _PATIENCE:
                self._missing += 1  # the number is told before what it stands for
                return
            self._missing = 0
            self._apply({"all": True} if record is None else record, number)
            self.number = number

    def _start(self, last: int) -> None:
        self.number = self._floor = max(0, last - READ)
        self.version += 1
        for known in self._known.values():
            known.clear()

    def _apply(self, record: Mapping[str, Any], number: int) -> None:
        if record.get("all") is True:
            self._drop_before(number)
        for kind, known in self._known.items():
            for value in record.get(kind, ()):
                known.pop(value, None)
                known[value] = number
            while len(known) > (PREFIXES if kind == "prefix" else KNOWN):
                oldest = next(iter(known))
                self._floor = max(self._floor, known.pop(oldest))
        self.version += 1

    def _drop_before(self, number: int) -> None:
        """Drop all that was asked for before the purge `number`."""
        self._floor = max(self._floor, number)
        self.version += 1


def _key(number: int) -> bytes:
    return b"purge:%d" % number


def _record(raw: bytes | None) -> Mapping[str, Any] | None:
    """What was purged; None where it is not there, or cannot be read."""
    try:
        found = json.loads(raw or b"null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {
        kind: [each for each in found[kind] if isinstance(each, str)]
        for kind in KINDS
        if isinstance(found.get(kind), list)
    } | ({"all": True} if found.get("all") is True else {})
