"""Inputs of rules: signals of a window from the history, the others from what the collector sees now."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from gateway.alerting.rules.measure import measure
from gateway.alerting.rules.rule import Rule
from gateway.alerting.rules.terms import Call, calls
from gateway.config.model import Document
from gateway.observability.collector.component import CollectorContext
from gateway.observability.collector.ring import First
from gateway.observability.metrics.snapshot import Snapshot

_WELL: Final = frozenset({"serving", "starting slowly"})
#: a window is looked at again after this share of it, but at least once in so many seconds
_SHARE: Final = 1 / 300
_MOST_AGE: Final = 30.0


class SignalReader:
    """`ask` answers for one second; `turn` begins the next one."""

    def __init__(self, world: CollectorContext) -> None:
        self._world = world
        self._document: Document | None = None
        self._now = 0.0
        self._answers: dict[tuple[Any, ...], float | None] = {}
        self._windows: dict[float, tuple[float, Snapshot]] = {}
        self._rows: dict[str, dict[str, Any]] | None = None

    def configure(self, document: Document) -> None:
        """Take a configuration."""
        self._document = document
        self._windows.clear()

    def turn(self, now: float) -> None:
        """Another second."""
        self._now = now
        self._answers.clear()
        self._rows = None

    def figures(self, window: float) -> Snapshot:
        """What came in the last `window` seconds. PERF: a day is not summed up every second."""
        age = min(_MOST_AGE, window * _SHARE)
        kept = self._windows.get(window)
        if kept is not None and 0 <= self._now - kept[0] < age:
            return kept[1]
        found = self._world.history.since(window)
        self._windows[window] = self._now, found
        return found

    def ask(self, call: Call) -> float | None:
        """The value of a signal; None where there is nothing to tell it by."""
        key = call.signal, call.window, call.limit, call.route, call.upstream
        if key not in self._answers:
            self._answers[key] = self._answer(call)
        return self._answers[key]

    def _answer(self, call: Call) -> float | None:
        if call.window:
            covered = min(call.window, self._world.history.covered())
            return measure(call, self.figures(call.window), covered)
        if call.signal == "target_health":
            targets = self._upstream(call.upstream).get("targets", ())
            return sum(each["state"] in _WELL for each in targets) / len(targets) if targets else None
        if call.signal == "saturation":
            return self._saturation(call)
        own = self._world.own.figures
        value = {
            "loop_lag": own.loop_lag if own.vitals else None,
            "memory": float(own.memory) if own.vitals else None,
            "certificate_expiry": own.certificate_expiry,
            "config_refused": float(bool(own.config_refused)),
        }[call.signal]
        return value if value is not None and math.isfinite(value) else None

    def _saturation(self, call: Call) -> float | None:
        own = self._world.own.figures
        if call.upstream is None:
            return own.open_connections / own.connections if own.connections else None
        row = self._upstream(call.upstream)
        targets = row.get("targets", ())
        limit = row["limit"]["now"] if row.get("limit") else self._pool(call.upstream) * len(targets) * len(own.workers)
        return row["in_flight"] / limit if limit else None

    def _pool(self, name: str) -> int:
        """Connections of one worker to one target."""
        specs = self._document.upstreams if self._document is not None else ()
        return next((spec.pool.max_connections for spec in specs if spec.name == name), 0)

    def _upstream(self, name: str | None) -> dict[str, Any]:
        if self._rows is None:
            seen = self._world.history.current.targets
            self._rows = {row["name"]: row for row in self._world.looks.rows(seen)}
        return self._rows.get(name or "", {})


def named(rules: Iterable[Rule]) -> First:
    """The routes and upstreams that rules name, whose figures must not go under in those of busier ones."""
    rules = tuple(rules)
    asked = [call for rule in rules if rule.term is not None for call in calls(rule.term)]
    watched = {route for rule in rules if rule.watch is not None for route in rule.watch.routes}
    routes = {call.route for call in asked if call.route is not None}
    return First(frozenset(routes | watched), frozenset(call.upstream for call in asked if call.upstream is not None))
