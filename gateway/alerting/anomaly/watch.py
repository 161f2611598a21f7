"""Anomalies: a detector for each route and metric that a rule watches, asked once a minute."""

from __future__ import annotations

import logging
import math
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.alerting.anomaly.detector import Detector, Verdict
from gateway.alerting.rules.evaluate import Evaluation
from gateway.alerting.rules.measure import measure
from gateway.alerting.rules.rule import Rule
from gateway.alerting.rules.signals import SIGNALS, shown
from gateway.alerting.rules.terms import Call
from gateway.observability.metrics.snapshot import Snapshot

#: seconds between two looks, which is the window too
EVERY: Final = 60.0
#: routes of a rule that names none, and detectors in all (each takes under 40 KB)
ROUTES: Final = 50
DETECTORS: Final = 500
#: requests in a minute below which shares and quantiles of it say nothing
LEAST: Final = 10
#: what is off by less is no anomaly, whatever is usual: requests a second, a share, seconds
EFFECT: Final = {"requests": 0.2, "error_rate": 0.01, "p50": 0.005, "p95": 0.005, "p99": 0.005}

#: seconds between two times that what was learned is written
KEEP: Final = 600.0
KEPT: Final = "anomalies.pickle"
_LETTERS: Final = " /%abcdefghijklmnopqrstuvwxyz"

log = logging.getLogger("gateway")

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sight:
    """One verdict: of which rule, with which labels of its own, and why."""

    rule: Rule
    more: dict[str, str]
    finding: Evaluation
    words: str


class AnomalyWatcher:
    """Keeps the detectors; those of rules and routes that go are forgotten."""

    def __init__(self, make: Callable[[float, float], Detector], folder: Path) -> None:
        """`make` gives a detector of a sensitivity and of an effect that matters at least.

        `folder` is private to the gateway: what another observer of it has learned is there.
        """
        self._make = make
        self._rules: list[Rule] = []
        self._file = folder / KEPT
        self._detectors: dict[Key, Detector] = self._kept()
        self._due = self._keep_at = 0.0

    def configure(self, rules: tuple[Rule, ...], routes: set[str]) -> None:
        """Take other rules; what is known of metrics that are still watched stays."""
        self._rules = [rule for rule in rules if rule.watch is not None]
        names = {rule.name for rule in self._rules}
        self._detectors = {key: each for key, each in self._detectors.items() if key[0] in names and key[1] in routes}

    def look(self, now: float, since: Callable[[float], Snapshot], covered: float) -> list[Sight]:
        """What a minute says; nothing within one, and until a whole one is known."""
        # NOTE: a clock that was set back makes one look too many, and no pause.
        if not self._rules or now < self._due <= now + EVERY or covered < EVERY:
            return []
        self._due = (now // EVERY + 1) * EVERY
        if not now < self._keep_at <= now + KEEP:
            self._keep_at = now + KEEP
            self.keep()
        figures = since(EVERY)
        return [sight for rule in self._rules for sight in self._of(rule, figures, now)]

    def keep(self) -> None:
        """Write what was learned: 4 MB at most."""
        made = self._file.with_name(f"{KEPT}.{os.getpid()}")
        try:
            made.write_bytes(pickle.dumps(self._detectors))
            made.replace(self._file)
        except OSError as error:
            log.warning("what is usual cannot be kept: %s", error)

    def _kept(self) -> dict[Key, Detector]:
        try:
            # SECURITY: written by this code alone, into a directory that is private to the gateway's user
            found = pickle.loads(self._file.read_bytes())  # noqa: S301 - see above
        except FileNotFoundError:
            return {}
        except Exception as error:  # of another version, perhaps: then it is learned anew
            log.warning("what is usual is learned anew: %s", error)
            return {}
        return dict(found)

    def _of(self, rule: Rule, figures: Snapshot, now: float) -> Iterator[Sight]:
        assert rule.watch is not None
        for route in rule.watch.routes or self._busiest(rule, figures):
            for metric in rule.watch.metrics:
                sight = self._watched(rule, route, metric, figures, now)
                if sight is not None:
                    yield sight

    def _busiest(self, rule: Rule, figures: Snapshot) -> list[str]:
        """Routes that are watched already, and the busiest others while there is room."""
        known = dict.fromkeys(route for name, route, _ in self._detectors if name == rule.name)
        by_requests = sorted(figures.routes, key=lambda name: -sum(figures.routes[name].requests.values()))
        known.update(dict.fromkeys(name for name in by_requests if name and name != "(other)"))
        return list(known)[:ROUTES]

    def _watched(self, rule: Rule, route: str, metric: str, figures: Snapshot, now: float) -> Sight | None:
        assert rule.watch is not None
        unit = SIGNALS[metric].unit
        call = Call(metric, unit, EVERY, route, text=f"{metric} of route {route}")
        value = measure(call, figures, EVERY)
        if metric != "requests" and (measure(_counting(route), figures, EVERY) or 0.0) * EVERY < LEAST:
            value = None
        key = rule.name, route, metric
        detector = self._detectors.get(key)
        if value is None:
            return None if detector is None else Sight(rule, {"route": route, "metric": metric}, Evaluation(None), "")
        if detector is None and len(self._detectors) >= DETECTORS:
            return None
        if detector is None:
            detector = self._detectors[key] = self._make(rule.watch.sensitivity, EFFECT[metric])
        verdict = detector.observe(now, value)
        finding = Evaluation(verdict.is_anomalous, value, call)
        usual = f"{call.text} is {shown(value, unit)}, as usual"
        words = explained(call, value, verdict) if verdict.is_anomalous else usual
        return Sight(rule, {"route": route, "metric": metric}, finding, words)


def _counting(route: str) -> Call:
    return Call("requests", "rate", EVERY, route)


def explained(call: Call, value: float, verdict: Verdict) -> str:
    """In words, such as "p99 of route item is 480 ms, expected 95-140 ms"."""
    least, most = max(0.0, verdict.expected[0]), verdict.expected[1]
    if least <= value <= most:  # what is odd is not how much it is
        return f"{call.text} {verdict.words}"
    told = f"{call.text} is {shown(value, call.unit)}, expected"
    if not math.isfinite(most):
        return f"{told} at least {shown(least, call.unit)}"
    low, high = shown(least, call.unit), shown(most, call.unit)
    number = low.rstrip(_LETTERS)
    has_same_unit = low[len(number) :] == high[len(high.rstrip(_LETTERS)) :]
    return f"{told} {number}-{high}" if has_same_unit else f"{told} {low} to {high}"
