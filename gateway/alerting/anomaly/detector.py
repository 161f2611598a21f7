"""Says of each value of a series whether it is out of the ordinary, as it comes: constant memory and time per value.

Six views of the same value, each with its own idea of what to expect (see views.py), say how surprising it is; the
most surprised one speaks. How surprising a distance is, is read off the series' own past (tail.py), never off a bell
curve: a series full of bursts must burst harder than usual, an even one may not move much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.alerting.anomaly.models import JUMP, RANGE, SEASON, SHIFT, STUCK, UNREST, AnomalyModels

#: values without an alarm that end an incident: the next alarm begins another
_QUIET = 48
#: values without an alarm for which the last one stands
_HOLD = 2
#: a series that says the same for so many values may be stuck
_STUCK = 10
#: alarms are counted per this many seconds: a value a second is not to alarm 300 times as often as one in five minutes
_EVERY = 300.0
#: from here on it is no measurement; sums of such values would overflow
_LARGEST = 1e100
#: past so many values an alarm must be the rarer the more have been seen, up to the second number
_SEEN = (1_000.0, 20_000.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a Detector says of one value."""

    is_anomalous: bool
    #: how rare it is, in standard deviations of a bell curve; alarms begin at the sensitivity
    score: float
    #: values between these would have raised no alarm; a side that nothing is known of is infinite
    expected: tuple[float, float]
    #: to be put behind the name of the series: "is 480, expected 95 to 140"
    words: str
    #: whether an incident begins with this value: long enough after the one before
    began: bool = False


class Detector:
    """One series. Feed it in order; the state is plain data and may be pickled.

    sensitivity  an alarm needs a value this rare, in standard deviations of a bell curve; lower alarms more
    warmup       so many first values raise no alarm
    relative     nor does one that is off by less than this share of what is usual
    absolute     nor by less than this, in the series' own unit
    """

    __slots__ = ("_absolute", "_calm", "_open", "_relative", "_sensitivity", "_views", "_warmup")

    def __init__(
        self, *, sensitivity: float = 3.0, warmup: int = 150, relative: float = 0.05, absolute: float = 0.0
    ) -> None:
        self._sensitivity = sensitivity
        self._warmup = warmup
        self._relative = relative
        self._absolute = absolute
        self._views = AnomalyModels()
        self._calm = _QUIET
        self._open = False

    def observe(self, at: float, value: float) -> Verdict:
        """Judge `value`, measured at `at` (seconds since 1970), and learn from it; what is no number is a gap."""
        views = self._views
        if not abs(value) < _LARGEST:
            return Verdict(False, 0.0, (-math.inf, math.inf), "is not a number")
        verdict = self._judge(views.look(at, value))
        views.learn()
        return verdict

    def _judge(self, surprises: tuple[float, ...]) -> Verdict:
        views = self._views
        if views.count <= self._warmup:
            return Verdict(False, 0.0, (-math.inf, math.inf), "is not known well enough yet")
        toll = self._toll()
        view = max(range(len(surprises)), key=surprises.__getitem__)
        score = math.sqrt(2.0 * max(0.0, surprises[view] - toll))
        low, high = views.expected(view, toll + self._sensitivity**2 / 2.0)
        began, anomalous = self._incident(score >= self._sensitivity and self._matters(view))
        return Verdict(anomalous, score, (low, high), self._words(view, low, high), began)

    def _toll(self) -> float:
        """What is taken off a surprise: for six views with two sides, for frequent values, and for a long past."""
        views = self._views
        past = min(max(float(views.count), _SEEN[0]), _SEEN[1]) / _SEEN[0]
        return math.log(12.0) + math.log(max(1.0, _EVERY / views.step)) + 0.5 * math.log(past)

    def _matters(self, view: int) -> bool:
        if view == STUCK:
            return self._views.run >= _STUCK
        effect, usual = self._views.effect(view)
        return abs(effect) >= max(self._absolute, self._relative * abs(usual))

    def _incident(self, alarm: bool) -> tuple[bool, bool]:
        """Whether an incident begins, and whether one is on."""
        if not alarm:
            self._calm += 1
            self._open = self._open and self._calm <= _HOLD
            return False, self._open
        began = self._calm >= _QUIET
        self._calm = 0
        self._open = True
        return began, True

    def _words(self, view: int, low: float, high: float) -> str:
        views, value = self._views, self._views.value
        if view == STUCK:
            return f"has been exactly {value:.4g} for {views.run + 1} values"
        if view == UNREST:
            return f"is {value:.4g} and varies {'more' if views.restless else 'less'} than usual"
        span = f"expected {low:.4g} to {high:.4g}"
        if view == SHIFT:
            return f"has been about {views.centre(SHIFT) + views.short:.4g} for a while, {span}"
        when = {JUMP: "", RANGE: "", SEASON: " at this time"}[view]
        return f"is {value:.4g}, {span}{when}"
