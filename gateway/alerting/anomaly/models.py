"""Six views of a series: each expects something, and how far off a value is, is weighed on that view's own past."""

from __future__ import annotations

import math

from gateway.alerting.anomaly.residuals import ResidualDistribution
from gateway.alerting.anomaly.seasonal import DAY, WEEK, SeasonalBaseline

#: beside the last values; beside what is long usual; beside this time of the day; a small step that stays;
#: the size of the jumps; the same value again and again
JUMP, RANGE, SEASON, SHIFT, UNREST, STUCK = range(6)
_VIEWS = 6
_NONE = (0.0,) * _VIEWS

#: how much of a new value the level, the shift and the unrest take
_FAST = 0.25
_SHORT = 0.08
_QUICK = 0.06
#: days that the long level remembers, and its least and most in values
_SLOW = 4.0
_SLOWEST = (300.0, 5_000.0)
#: visits of a slot before its season says anything; days before the week does
_VISITS = 2
_WEEKS = 15 * DAY
#: a season must explain so much to be believed: its error against that of the long level
_EXPLAINS = 0.85
#: a pause longer than so many usual ones is a gap
_GAP = 6.0
#: the least scale of distances, as a part of the usual size of values
_FLOOR = 0.01
#: values of a view before it speaks
_LEAST = (0, 0, 50, 100, 100, 300)
#: the part of values that must differ from the one before, for a series that can be stuck
_MOVES = 0.5


def _clip(distance: float, most: float) -> float:
    return max(-most, min(distance, most))


class AnomalyModels:
    """What is kept of a series: levels, seasons, and the past distances of each view."""

    __slots__ = (
        "_at", "_base", "_day", "_distances", "_ended", "_error", "_fast", "_first", "_floors", "_last", "_long",
        "_moves", "_plain", "_quick", "_seasonal", "_sides", "_size", "_slow", "_span", "_usual", "_week", "count",
        "negative", "run", "short", "step", "value",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0
        #: usual seconds between two values
        self.step = 300.0
        #: how many values before the last one were equal to it
        self.run = 0
        #: mean distance of the last dozen values from what is usual
        self.short = 0.0
        self.negative = False
        #: the last one
        self.value = 0.0
        self._at = self._first = self._last = 0.0
        # the last level without its season, the long level, the usual size
        self._fast = self._slow = self._size = 0.0
        self._quick = self._long = self._moves = 0.0
        self._day = SeasonalBaseline(DAY, 96)
        self._week = SeasonalBaseline(WEEK, 168)
        # what the season says of now; what the level is taken beside; errors with and without a season
        self._usual: float | None = None
        self._span = (0.0, 0.0)
        self._base = 0.0
        self._seasonal = False
        # how long the run was that ended with the last value
        self._ended = -1
        self._error = self._plain = 0.0
        self._sides = tuple(ResidualDistribution(memory) for memory in (3_000, 6_000, 3_000, 6_000, 6_000, 6_000))
        self._distances = self._floors = _NONE

    @property
    def restless(self) -> bool:
        """Whether the last values jumped more than those before."""
        return self._quick > self._long

    def look(self, at: float, value: float) -> tuple[float, ...]:
        """How surprising the value is in each view, -ln of its share."""
        self.count += 1
        self.value = value
        self.negative = self.negative or value < 0
        if self.count == 1:
            self._at = self._first = at
            self._last = self._fast = self._slow = value
            self._size = abs(value)
            return _NONE
        gap = self._tick(at)
        self._size += (min(abs(value), 4.0 * self._size or abs(value)) - self._size) / min(self.count, 2_000)
        floor = max(_FLOOR * self._size, 1e-9)
        self._floors = floors = (floor, floor, floor, floor / 2, 0.05, 3.0)
        self._expect(at)
        self._distances = distances = self._measure(value, gap, floor)
        speaks = self._speaking()
        sides = self._sides
        return tuple(
            sides[view].weigh(distances[view], floors[view]) if speaks[view] else 0.0 for view in range(_VIEWS)
        )

    def learn(self) -> None:
        """Make the value that was looked at part of the past."""
        value, at = self.value, self._at
        jump, away, _, _, _, _ = self._distances
        sides = self._sides
        wide = self._slow
        if self.count > 1:
            self._remember()
            wide = max(sides[RANGE].scale, self._floors[RANGE])
            if self._usual is not None:
                self._compare(at, value - self._usual, away, 8.0 * wide)
            most = 4.0 * max(sides[JUMP].scale, self._floors[JUMP])
            # a step far out of all proportion is a new level, not noise
            self._fast += jump * 0.3 if abs(jump) > 50.0 * most else _clip(jump, most) * _FAST
            memory = max(_SLOWEST[0], min(_SLOWEST[1], _SLOW * DAY / self.step))
            self._slow += _clip(away, 5.0 * wide) / min(self.count, memory)
        tame = self._slow + _clip(away, 10.0 * wide)
        self._day.learn(at, tame)
        self._week.learn(at, tame)
        self._last = value

    def _remember(self) -> None:
        """Add the distances to the past of their views."""
        young = self._at - self._first < DAY / 5
        for view in range(STUCK):
            if not ((view == RANGE and young) or (view == SEASON and self._usual is None)):
                self._sides[view].learn(self._distances[view], self._floors[view])
        # a run is one number however long it lasts, known at its end
        if self._ended >= 0:
            self._sides[STUCK].learn(float(self._ended), self._floors[STUCK])

    def effect(self, view: int) -> tuple[float, float]:
        """How far off the last value is in a view, in the series' own unit, and what is usual there."""
        centre = self.centre(view)
        if view == SHIFT:
            return self.short, centre
        if view == UNREST:
            return self._quick - self._long, centre
        return self.value - centre, centre

    def centre(self, view: int) -> float:
        """What the view expected of the last value."""
        if view == JUMP:
            return self._fast + self._base
        if self._seasonal and self._usual is not None and view in (SEASON, SHIFT):
            return self._usual
        return self._slow

    def expected(self, view: int, surprise: float) -> tuple[float, float]:
        """Between which values (means of values for SHIFT) the view is less surprised than that."""
        if view in (UNREST, STUCK):
            view = SEASON if self._seasonal else RANGE
        down, up = self._sides[view].reach(surprise, max(_FLOOR * self._size, 1e-9))
        least, most = self._span if view == SEASON else (self.centre(view), self.centre(view))
        low = least + down
        return (low if self.negative else max(0.0, low)), most + up

    def _tick(self, at: float) -> bool:
        """Move the clock; whether values are missing before this one."""
        pause = at - self._at
        self._at = max(at, self._at)
        if pause <= 0:
            return False
        if self.count == 2:
            self.step = pause
        gap = pause > _GAP * self.step
        self.step += (min(pause, 3.0 * self.step) - self.step) * 0.05
        return gap

    def _expect(self, at: float) -> None:
        """Ask the seasons, and believe the one that explains more."""
        believed = self._day
        usual = believed.expect(at, _VISITS)
        if at - self._first > _WEEKS and self._week.error < self._day.error:
            weekly = self._week.expect(at, _VISITS)
            if weekly is not None:
                believed, usual = self._week, weekly
        if usual is not None:
            self._span = believed.span(at)
        seasonal = usual is not None and self._error < _EXPLAINS * self._plain
        base = usual if seasonal and usual is not None else 0.0
        if seasonal != self._seasonal:
            # the level was kept without the season, or beside it: say it the other way
            self._fast += self._base - base
        self._usual, self._seasonal, self._base = usual, seasonal, base

    def _measure(self, value: float, gap: bool, floor: float) -> tuple[float, ...]:
        sides = self._sides
        jump = value - self._base - self._fast
        away = value - self._slow
        season = 0.0 if self._usual is None else value - max(self._span[0], min(value, self._span[1]))
        off, view = (value - self._base, SEASON) if self._seasonal else (away, RANGE)
        self.short += (_clip(off, 6.0 * sides[view].scale + floor) - self.short) * _SHORT
        size = min(abs(jump), 8.0 * max(sides[JUMP].scale, floor))
        self._quick += (size - self._quick) * _QUICK
        self._long += (size - self._long) / min(self.count, 3_000)
        unrest = math.log((self._quick + floor / 10) / (self._long + floor / 10))
        moved = gap or value != self._last
        self._ended = self.run if moved else -1
        self.run = 0 if moved else self.run + 1
        self._moves += (moved - self._moves) / min(self.count, 3_000)
        # after a gap nothing is known of the last values: half of the step may have come meanwhile
        return jump * (0.5 if gap else 1.0), away, season, self.short, unrest, float(self.run)

    def _speaking(self) -> tuple[bool, ...]:
        # the first day teaches what a day brings: until then only the last values tell what is odd
        grown = self._at - self._first > DAY
        counts = [side.count >= least for side, least in zip(self._sides, _LEAST, strict=True)]
        rules = (True, grown, self._seasonal, grown, True, self._moves > _MOVES)
        return tuple(map(bool.__and__, counts, rules))

    def _compare(self, at: float, season: float, away: float, most: float) -> None:
        """Keep how far off the season is, against no season, and the week against the day."""
        share = 1.0 / max(1, min(self._sides[SEASON].count, 1_500))
        self._error += (min(abs(season), most) - self._error) * share
        self._plain += (min(abs(away), most) - self._plain) * share
        for one in (self._day, self._week):
            usual = one.expect(at, _VISITS)
            if usual is not None:
                one.error += (min(abs(self.value - usual), most) - one.error) * 0.003
