"""Rarity of a number among those before it, by the shape of the tail that they left. Constant memory and time."""

from __future__ import annotations

import math

#: the part of the numbers that are the tail
SHARE = 0.02
_SURPRISE = -math.log(SHARE)
#: numbers that a tail remembers, about
_MEMORY = 6000
#: exceedances that the mean of the tail remembers, about
_DEPTH = 120
#: how many means one number may add to the tail: one disaster must not hide the next
_CAP = 6.0
_PRIOR = 6
_FLOOR = 0.02
#: largest excursions that are remembered, and how many numbers apart two of them are
_TOPS = 8
_APART = 12
#: what came so often, that large or nearly, is rare no more
_OFTEN = 3
_LIKE = 0.1
#: what one more of them leaves of the memory of those before it
_FADE = 0.998


class TailEstimator:
    """The upper tail of numbers on a logarithmic scale (see Side): a moving edge, and the mean of what lies beyond it.

    Beyond the edge the numbers are taken to fall off exponentially: on the logarithmic scale that is a power law, so
    a series that has large bursts every day raises no alarm for each of them, and an even one does for a small step.
    """

    __slots__ = ("count", "edge", "idle", "mean", "peak", "seen", "tops")

    def __init__(self, edge: float, mean: float) -> None:
        self.count = 0
        self.seen = 0
        self.edge = edge
        self.mean = mean
        self.peak = 0.0
        self.idle = 0
        #: the peaks of the largest excursions, largest first
        self.tops: list[float] = []

    def surprise(self, x: float) -> float:
        """-ln of the share of numbers expected to be as large as `x`; 0 for what is not in the tail."""
        if x <= self.edge:
            return 0.0
        found = _SURPRISE + (x - self.edge) / self.mean
        like = 0
        for top in self.tops:
            if top < x - _LIKE:
                break
            like += 1
        if like < _OFTEN:
            return found
        return min(found, math.log(max(self.count, 1) / like))

    def reach(self, surprise: float) -> float:
        """The number whose surprise is `surprise`."""
        return self.edge + max(0.0, surprise - _SURPRISE) * self.mean

    def learn(self, x: float) -> None:
        """Count `x` among those seen."""
        count = self.count = min(self.count + 1, _MEMORY)
        # the edge climbs and falls so that SHARE of the numbers are above it (Robbins and Monro)
        step = min(1.0, 1.0 / (SHARE * count)) * self.mean
        if x <= self.edge:
            self.edge -= step * SHARE
            self.idle += 1
            if self.peak and self.idle > _APART:
                self._keep(self.peak)
                self.peak = 0.0
            return
        self.idle = 0
        self.peak = max(self.peak, x)
        excess = min(x - self.edge, _CAP * self.mean)
        seen = self.seen = min(self.seen + 1, _DEPTH)
        self.mean = max(_FLOOR, self.mean + (excess - self.mean) / (seen + _PRIOR))
        self.edge += step * (1.0 - SHARE)

    def _keep(self, peak: float) -> None:
        tops = self.tops
        if len(tops) == _TOPS and peak <= tops[-1]:
            return
        self.tops = sorted((*(top * _FADE for top in tops), peak), reverse=True)[:_TOPS]
