"""The part that watches rules and has people told. What it decides is pure and stands in gateway/alerting."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.alerting.channels.outbox import Outbox
from gateway.alerting.escalation import Ack
from gateway.alerting.manager import AlertManager
from gateway.alerting.notification import Notification
from gateway.alerting.options import Alerting, Channel
from gateway.alerting.repeats import EVERY, RepeatScheduler, repeats
from gateway.alerting.replication import AlertReplicator
from gateway.alerting.rules.evaluate import evaluate
from gateway.alerting.rules.inputs import SignalReader, named
from gateway.alerting.rules.rule import Rule, rules
from gateway.alerting.silence_store import SilenceStore
from gateway.alerting.silences import Silence
from gateway.alerting.store_entry import Observation
from gateway.alerting.store_queue import Addressed, StoreQueue
from gateway.config.model import Document
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.snapshot import Snapshot
from gateway.state.open_store import open_store
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

#: seconds: between two times that other hosts hear of what fires here, and that the state is written
BEAT: Final = 2.0
PATIENCE: Final = 0.4
KEPT: Final = "alerts.json"


class Alerts:
    """Does nothing, and holds next to nothing, until a configuration has alerts."""

    def __init__(
        self, world: CollectorContext, outbox: Outbox | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._world = world
        self._clock = clock
        self.board = AlertManager(socket.gethostname())
        self.outbox = outbox or Outbox()
        self.outbox.on_sent = self._keep_if_latest
        self._facts = SignalReader(world)
        self._alerting = Alerting()
        self._rules: tuple[Rule, ...] = ()
        self._unusual: Any = None
        self._store: Store | None = None
        self._quiet: SilenceStore | None = None
        self._desk: StoreQueue | None = None
        self._again = RepeatScheduler()
        self._beat = 0.0
        self._seen: set[str] = set()
        self._written = ""
        self._me = ""
        self._late: list[tuple[str, Notification]] = []

    def alert_rows(self) -> list[dict[str, Any]]:
        """The alerts, for people."""
        return self.board.rows()

    def configure(self, document: Document) -> None:
        """Take a configuration; alerts that are still in it go on."""
        alerting, now = document.alerting, self._clock()
        if not alerting.alerts and self._desk is None:
            return
        self._open(document)
        made = rules(alerting)
        routes = {route.name for route in document.routes}
        notes = self.board.configure(made, alerting.inhibitions, alerting.windows, now, routes)
        self._tell(notes)  # those who were told by the old one
        self._rules, self._alerting = made, alerting
        late, self._late = self._late, []
        for kind, note in late:
            for channel in self._addressed(note)[1]:
                if channel.kind == kind:
                    self.outbox.put(channel, note)
        self._facts.configure(document)
        self._world.history.keep(named(made))
        if any(rule.watch is not None for rule in made) or self._unusual is not None:
            self._watch(made, routes)

    def tick(self, now: float, figures: Snapshot) -> None:
        """Look at every rule, and tell whom it is time to tell."""
        if self._desk is None or self._quiet is None:
            return
        self._facts.turn(now)
        notes: list[Notification] = []
        for rule in self._rules:
            if rule.term is not None:
                notes += self.board.observe(rule, {}, evaluate(rule.term, self._facts.ask), now)
        if self._unusual is not None:
            for sight in self._unusual.look(now, self._world.history.since, self._world.history.covered()):
                notes += self.board.observe(sight.rule, sight.more, sight.finding, now, sight.words)
        notes += self.board.climb(now)
        self._tell(notes)
        firing = self.board.firing()
        for live in self._again.due(firing, self._alerting, notes, now):
            for addressed in repeats(live, self._alerting, now, self.board.host):
                self._desk.again(addressed, EVERY)
        self._forget({live.key for live in firing}, notes)
        if notes or now - self._beat >= BEAT or now < self._beat:
            self._beat = now
            self._keep()
            self._seen = {live.key for live in firing}
            self._desk.beat([Observation.of(live) for live in firing])
            self._quiet.refresh()

    def resources(self) -> Mapping[str, object]:
        """What it serves."""
        from gateway.alerting import admin as resources

        return resources.of(self)

    def metrics(self) -> Iterable[Sample]:
        """How many alerts there are, and what became of notes."""
        for (name, severity, state), count in self.board.counts().items():
            yield "gateway_alerts", "gauge", {"name": name, "severity": severity, "state": state}, float(count)
        for (kind, outcome), count in self.outbox.counts.items():
            labels = {"channel": kind, "outcome": outcome}
            yield "gateway_alert_notifications_total", "counter", labels, float(count)
        if self._desk is not None:
            yield "gateway_alert_notifications_waiting", "gauge", {}, float(self.outbox.waiting)

    def close(self) -> None:
        """Send what can be sent at once."""
        if self._desk is None:
            return
        if self._unusual is not None:
            self._unusual.keep()
        self._desk.close(PATIENCE / 2)
        self.outbox.close(PATIENCE / 2)
        self._keep_if_latest()
        if self._store is not None:
            self._store.close()

    def acknowledge(self, name: str, ack: Ack, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Somebody has what fires of a name in hand, on all hosts; its rows. Raises StoreError where none is known."""
        firing = self.board.firing(name, labels)
        notes = self.board.acknowledge(name, ack, labels, self._clock())[1]
        if self._desk is None:
            return []
        for live in firing:
            told = [self._addressed(note) for note in notes if note.key == live.key]
            self._desk.acknowledged(live.key, ack, told)
        self._keep()
        rows = [live.row(self.board.host) for live in firing]
        try:
            return rows + self._desk.take(name, labels, ack, {live.key for live in firing})
        except StoreError as error:
            if not rows:
                raise
            log.warning("alert %s: other hosts do not know that %s has it in hand: %s", name, ack.by, error)
            return rows

    def silence(self, silence: Silence) -> bool:
        """Mute for a while, on all hosts; whether there was room, and anything to mute."""
        return self._quiet is not None and self._quiet.add(silence)

    def unsilence(self, name: str) -> bool:
        """End a silence on all hosts; whether there was one."""
        return self._quiet is not None and self._quiet.end(name)

    def _open(self, document: Document) -> None:
        """Once, when there are alerts: the store, and what another process kept."""
        if self._desk is not None:
            return
        self._store = open_store(document.store, self._world.folder, self._world.room)
        self._me = f"{self.board.host}-{secrets.token_hex(4)}"
        try:
            kept = json.loads((self._world.folder / KEPT).read_bytes())
            self._me = str(kept["me"])  # else the one that ended would be another host, which still sees the alerts
            self.board.restore(kept["alerts"])
            self._late = [(kind, Notification.from_json(note)) for kind, note in kept["unsent"]]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none, which is how it begins
        ledger = AlertReplicator(self._store, self._me, self._clock)
        self._desk = StoreQueue(ledger, self.outbox, self._adopt)
        self._quiet = SilenceStore(self.board, ledger, self._clock)

    def _watch(self, made: tuple[Rule, ...], routes: set[str]) -> None:
        from gateway.alerting.anomaly.detector import Detector  # PERF: of no use to most
        from gateway.alerting.anomaly.watch import AnomalyWatcher

        if self._unusual is None:
            self._unusual = AnomalyWatcher(
                lambda sensitivity, effect: Detector(sensitivity=sensitivity, absolute=effect), self._world.folder
            )
        self._unusual.configure(made, routes)

    def _tell(self, notes: Iterable[Notification]) -> None:
        if self._desk is None:
            return
        over: dict[str, list[Addressed]] = {}
        for note in notes:
            if note.state == "resolved":
                over.setdefault(note.key, []).append(self._addressed(note))
            else:
                self._desk.page(self._addressed(note))
        for key, addressed in over.items():
            self._desk.over(key, addressed)

    def _forget(self, firing: set[str], notes: Iterable[Notification]) -> None:
        """Other hosts no longer count on this one for alerts that are over, though nobody here was told of them."""
        over = self._seen - firing
        for key in over - {note.key for note in notes}:
            if self._desk is not None:
                self._desk.over(key, [])
        self._seen -= over

    def _adopt(self, key: str, ack: Ack, untold: int) -> list[Addressed]:
        return [self._addressed(note) for note in self.board.adopt(key, ack, self._clock(), untold)]

    def _addressed(self, note: Notification) -> Addressed:
        tiers = self._alerting.tiers(note.severity)
        channels: tuple[Channel, ...] = tiers[note.tier - 1].channels if note.tier <= len(tiers) else ()
        return note, channels

    def _keep_if_latest(self) -> None:
        """Write it, unless another process has taken over and written since (USR2)."""
        try:
            is_latest = (self._world.folder / KEPT).read_text() == self._written
        except OSError:
            is_latest = True
        if is_latest:
            self._keep()

    def _keep(self) -> None:
        """Write what outlives this process, when it is another than before."""
        unsent = [(kind, note.to_json()) for kind, note in self.outbox.unsent]
        text = json.dumps({"me": self._me, "alerts": self.board.kept(), "unsent": unsent})
        if text == self._written:
            return
        path = self._world.folder / KEPT
        made = path.with_name(f"{KEPT}.{os.getpid()}")
        try:
            made.write_text(text)
            made.replace(path)
            self._written = text
        except OSError as error:
            log.warning("the state of alerts cannot be kept: %s", error)


def components(world: CollectorContext, others: Sequence[Component]) -> list[Component]:
    """What the collector runs of it."""
    return [Alerts(world)]
