"""Every alert of a gateway, and whom to tell what. Pure: verdicts and the clock come in, notes go out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from gateway.alerting.alert import ActiveAlert
from gateway.alerting.escalation import Ack, EscalationState
from gateway.alerting.notification import NoteState, Notification, key_of
from gateway.alerting.rules.evaluate import Evaluation
from gateway.alerting.rules.rule import Rule
from gateway.alerting.silences import MOST_SILENCES, Inhibition, MaintenanceWindow, Silence, inhibited, matches

#: alerts of rules that make one for each route and metric
MOST_LIVE: Final = 2000
NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


class AlertManager:
    """`host` is the name that notes carry. Times are wall clock seconds."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.silences: dict[str, Silence] = {}
        self._rules: tuple[Rule, ...] = ()
        self._live: dict[str, ActiveAlert] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._inhibitions: Sequence[Inhibition] = ()
        self._windows: Sequence[MaintenanceWindow] = ()

    def configure(
        self,
        rules: tuple[Rule, ...],
        inhibitions: Sequence[Inhibition] = (),
        windows: Sequence[MaintenanceWindow] = (),
        now: float = 0.0,
        routes: Collection[str] = (),
    ) -> list[Notification]:
        """Take other rules; alerts of those that stay go on, of the others they end. What is told of these.

        `routes` are all there are: what is unusual of one that is gone ends too.
        """
        self._rules, self._inhibitions, self._windows = rules, inhibitions, windows
        names = {rule.name for rule in rules}
        self._kept = {key: each for key, each in self._kept.items() if key.partition("{")[0] in names}
        by_identity = {rule.identity: rule for rule in rules}
        notes: list[Notification] = []
        for key, live in list(self._live.items()):
            rule = by_identity.get(live.rule.identity)
            is_there = "route" not in live.more or live.more["route"] in routes
            if is_there and rule is not None and (rule.watch is None) is (live.rule.watch is None):
                live.rule = rule
                continue
            del self._live[key]
            if live.course.end(now):
                live.words = "what it watched is no longer there"
                notes += self._notes_of(live, "resolved", now)
        for rule in rules:
            if rule.watch is None:
                self._of(rule, {})
        return notes

    def observe(
        self, rule: Rule, more: Mapping[str, str], finding: Evaluation, now: float, words: str = ""
    ) -> list[Notification]:
        """Take one verdict; what is told at once, which is only that an alert is resolved (see `climb`)."""
        live = self._of(rule, more, only_if=finding.holds is True)
        if live is None:
            return []
        if finding.value is not None or finding.holds is not None or live.course.state != "firing":
            live.finding = finding
            live.words = words or live.words
        turn = live.course.advance(finding.holds, now, rule.timing)
        if turn == "fired":
            live.climb = EscalationState()
        elif turn == "resolved":
            notes = self._notes_of(live, "resolved", now)
            live.climb = EscalationState()
            live.muted = ""
            return notes
        return []

    def climb(self, now: float) -> list[Notification]:
        """Whom to tell now that alerts fire."""
        self._expire(now)
        firing = [live for live in self._live.values() if live.course.is_on]
        labels = [live.labels for live in firing]
        notes = []
        for live, own in zip(firing, labels, strict=True):
            live.muted = self._muted(own, labels, now)
            tiers = live.climb.due(live.rule.delays, now, muted=bool(live.muted))
            notes += [live.note("firing", tier, now, self.host) for tier in tiers]
        return notes

    def acknowledge(self, name: str, ack: Ack, labels: Mapping[str, str], now: float) -> tuple[int, list[Notification]]:
        """(how many firing alerts somebody now has in hand, what those are told who were told before)."""
        notes: list[Notification] = []
        found = self.firing(name, labels)
        for live in found:
            live.climb.ack = ack
            notes += self._notes_of(live, "acknowledged", now)
        return len(found), notes

    def adopt(self, key: str, ack: Ack, now: float, untold: int = 0) -> list[Notification]:
        """Another host has an acknowledgement, which kept a tier from being told; what those who were told are told."""
        live = self._live.get(key)
        if live is None or not live.course.is_on:
            return []
        live.climb.told = [tier for tier in live.climb.told if tier != untold]
        if untold or (live.climb.ack is not None and ack.at <= live.climb.ack.at):
            return []
        live.climb.ack = ack
        return self._notes_of(live, "acknowledged", now)

    def silence(self, silence: Silence) -> bool:
        """Keep one more; whether there was room."""
        if len(self.silences) >= MOST_SILENCES:
            return False
        self.silences[silence.id] = silence
        return True

    def names(self) -> list[str]:
        """Those of all rules."""
        return list(dict.fromkeys(rule.name for rule in self._rules))

    def firing(self, name: str | None = None, labels: Mapping[str, str] = NO_LABELS) -> list[ActiveAlert]:
        """The alerts that fire, or those of a name with these labels."""
        found = [live for live in self._live.values() if live.course.is_on]
        if name is None:
            return found
        return [live for live in found if live.rule.name == name and labels.items() <= live.labels.items()]

    def counts(self) -> dict[tuple[str, str, str], int]:
        """(name, severity, state) -> alerts; of each rule at least one entry."""
        found = {(rule.name, rule.severity, "firing"): 0 for rule in self._rules}
        for live in self._live.values():
            if live.course.state in ("pending", "firing"):
                key = live.rule.name, live.rule.severity, live.course.state
                found[key] = found.get(key, 0) + 1
        return found

    def rows(self) -> list[dict[str, Any]]:
        """For people: what fires first."""
        order = {"firing": 0, "pending": 1, "resolved": 2, "inactive": 3}
        shown = sorted(self._live.values(), key=lambda live: (order[live.course.state], live.key))
        return [live.row(self.host) for live in shown]

    def kept(self) -> list[dict[str, Any]]:
        """What outlives the process: alerts that are anything but inactive, and those that nothing was heard of yet."""
        kept = [live.kept() for live in self._live.values() if live.course.state != "inactive"]
        return [*kept, *self._kept.values()]

    def restore(self, kept: Iterable[Any]) -> None:
        """Go on where another process stopped; before the first `configure`."""
        self._kept = {str(each.get("key")): each for each in kept if isinstance(each, dict)}

    def _of(self, rule: Rule, more: Mapping[str, str], *, only_if: bool = True) -> ActiveAlert | None:
        """The alert of a rule; of those that make several, only what ever was one."""
        key = key_of(rule.name, {**dict(rule.identity[1]), **more})
        live = self._live.get(key)
        if live is None and (only_if or key in self._kept) and self._has_room():
            live = self._live[key] = ActiveAlert(rule, dict(more))
            kept = self._kept.pop(key, None)
            if kept is not None:
                try:
                    live.restore(kept)
                except (KeyError, TypeError, ValueError, IndexError):
                    live = self._live[key] = ActiveAlert(rule, dict(more))
        return live

    def _has_room(self) -> bool:
        if len(self._live) < MOST_LIVE:
            return True
        idle = [key for key, live in self._live.items() if live.more and live.course.state == "inactive"]
        for key in idle:
            del self._live[key]
        return bool(idle)

    def _notes_of(self, live: ActiveAlert, state: NoteState, now: float) -> list[Notification]:
        return [live.note(state, tier, now, self.host) for tier in live.climb.told]

    def _muted(self, own: Mapping[str, str], firing: Sequence[Mapping[str, str]], now: float) -> str:
        for silence in self.silences.values():
            if silence.start <= now and matches(silence.matchers, own):
                return f"silence {silence.id}"
        for window in self._windows:
            if window.covers(now) and matches(window.matchers, own):
                return f"maintenance {window.comment}".strip()
        other = inhibited(own, firing, self._inhibitions)
        return f"alert {other}" if other else ""

    def _expire(self, now: float) -> None:
        for name in [name for name, silence in self.silences.items() if silence.until <= now]:
            del self.silences[name]
