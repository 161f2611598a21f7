"""Requests to the store that come before or instead of a notification: one greenlet, in order of arrival."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, Final

import gevent
from gevent.queue import Queue

from gateway.alerting.channels.outbox import Outbox
from gateway.alerting.escalation import Ack
from gateway.alerting.notification import Notification
from gateway.alerting.options import Channel
from gateway.alerting.replication import AlertReplicator
from gateway.alerting.store_entry import Observation

log = logging.getLogger("gateway")

ROOM: Final = 4096

Addressed = tuple[Notification, tuple[Channel, ...]]


class StoreQueue:
    """`adopt` is called with (key, ack, tier) when another host has an acknowledgement; it gives what is then told.

    The tier is one that is not to be told for its sake, or 0.
    """

    def __init__(
        self, ledger: AlertReplicator, outbox: Outbox, adopt: Callable[[str, Ack, int], list[Addressed]]
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._adopt = adopt
        self._jobs: Queue[Callable[[], None]] = Queue()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether all that came is done."""
        return self._greenlet is None

    def page(self, addressed: Addressed) -> None:
        """A tier is to be told, by one of all hosts; by each when the store is so slow that too much waits for it."""
        note = addressed[0]
        if self._jobs.qsize() >= ROOM:
            self._send([addressed])
            return

        def job() -> None:
            claimed = self._ledger.claim(note.key, note.tier)
            if isinstance(claimed, Ack):
                self._adopt(note.key, claimed, note.tier)  # who was told hears of it by the next beat
            elif claimed:
                self._send([addressed])

        self._do(job)

    def again(self, addressed: Addressed, every: float) -> None:
        """A tier that was told is told once more, by one of all hosts. Left out while there is enough to do."""

        def job() -> None:
            note, channels = addressed
            if self._ledger.claim_again(note.key, note.tier, every):
                for channel in channels:
                    self._outbox.again(channel, note)

        if self._jobs.qsize() < ROOM // 2:
            self._do(job)

    def acknowledged(self, key: str, ack: Ack, addressed: list[Addressed]) -> None:
        """Somebody has it in hand: the other hosts are to know, and those who were told."""

        def job() -> None:
            self._ledger.acknowledge(key, ack)
            self._send(addressed)

        self._do(job)

    def take(self, name: str, labels: Mapping[str, str], ack: Ack, but: Collection[str]) -> list[dict[str, Any]]:
        """Somebody has in hand what fires on other hosts, without the keys `but`; those. Raises StoreError."""
        return self._ledger.take(name, labels, ack, but)

    def over(self, key: str, addressed: list[Addressed]) -> None:
        """It is over here; who was told hears so when it is over everywhere."""
        self._do(lambda: self._send(addressed) if self._ledger.leave(key) else None)

    def beat(self, sights: Iterable[Observation]) -> None:
        """These are still seen here. Left out while there is enough to do."""
        if self._jobs.qsize() < ROOM // 2:
            for sight in sights:
                self._do(partial(self._refresh, sight))

    def close(self, patience: float) -> None:
        """Give what waits a moment."""
        if self._greenlet is not None:
            self._greenlet.join(patience)
            if self._greenlet is not None:
                self._greenlet.kill(block=False)

    def _do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        try:
            while not self._jobs.empty():
                try:
                    self._jobs.get()()
                except Exception:
                    log.exception("an alert could not be told")
        finally:
            self._greenlet = None

    def _send(self, addressed: list[Addressed]) -> None:
        for note, channels in addressed:
            for channel in channels:
                self._outbox.put(channel, note)

    def _refresh(self, sight: Observation) -> None:
        ack, is_mine = self._ledger.refresh(sight)
        if ack is not None:
            addressed = self._adopt(sight.key, ack, 0)
            self._send(addressed if is_mine else [])
