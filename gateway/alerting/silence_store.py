"""Silences that people make: of this host at once, of all hosts within seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent

from gateway.alerting.manager import AlertManager
from gateway.alerting.replication import AlertReplicator
from gateway.alerting.silences import Silence
from gateway.state.store import StoreError

log = logging.getLogger("gateway")


class SilenceStore:
    """Where the store is in trouble a silence holds on this host alone, and is handed on once the store is back."""

    def __init__(self, board: AlertManager, ledger: AlertReplicator, clock: Callable[[], float]) -> None:
        self._board = board
        self._ledger = ledger
        self._clock = clock
        self._changes = 0
        self._unshared: dict[str, Silence | None] = {}
        self._learning: Any = None

    def add(self, silence: Silence) -> bool:
        """Mute for a while; whether there was room."""
        if not self._board.silence(silence):
            return False
        self._unshared[silence.id] = silence
        self._changes += 1
        self._share()
        return True

    def end(self, name: str) -> bool:
        """End a silence; whether there was one."""
        found = self._board.silences.pop(name, None) is not None
        if found:
            self._unshared[name] = None
            self._changes += 1
            self._share()
        return found

    def refresh(self) -> None:
        """Learn of those of other hosts, without waiting."""
        if self._learning is None or self._learning.ready():
            self._learning = gevent.spawn(self._learn)

    def _share(self, *, is_told: bool = True) -> None:
        """Hand on what the store has not got yet; trouble is told once, when people ask for something."""
        waiting = dict(self._unshared)

        def change(kept: dict[str, Silence]) -> None:
            for name, silence in waiting.items():
                if silence is None:
                    kept.pop(name, None)
                else:
                    kept[name] = silence

        try:
            self._ledger.change_silences(change)
        except StoreError as error:
            if is_told:
                log.warning("silences are known to this host alone: %s", error)
            return
        for name, silence in waiting.items():
            if self._unshared.get(name, self) is silence:
                del self._unshared[name]

    def _learn(self) -> None:
        if self._unshared:
            self._share(is_told=False)
        changes = self._changes
        found = self._ledger.silences()
        if found is not None and changes == self._changes and not self._unshared:
            now = self._clock()
            self._board.silences = {each.id: each for each in found if each.until > now}
