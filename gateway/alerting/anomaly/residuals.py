"""A distance from what was expected, and how rare it is: on its side, in this series."""

from __future__ import annotations

import math

from gateway.alerting.anomaly.tail import TailEstimator

#: where the tail of even noise begins, in mean distances, as Tail counts
_EDGE = 1.35
_MEAN = 0.2
#: one value moves the scale by at most so many times itself
_CLIP = 5.0


class ResidualDistribution:
    """Distances from an expectation: their scale, and both tails of them."""

    __slots__ = ("count", "down", "memory", "scale", "up")

    def __init__(self, memory: int) -> None:
        self.count = 0
        self.memory = memory
        self.scale = 0.0
        self.up = TailEstimator(_EDGE, _MEAN)
        self.down = TailEstimator(_EDGE, _MEAN)

    def weigh(self, distance: float, floor: float) -> float:
        """How surprising `distance` is, -ln of its share, on its own side; `floor` is the least scale."""
        x = math.log1p(abs(distance) / max(self.scale, floor))
        return (self.up if distance > 0 else self.down).surprise(x)

    def learn(self, distance: float, floor: float) -> None:
        """Count it among those seen."""
        scale = max(self.scale, floor)
        size = abs(distance)
        x = math.log1p(size / scale)
        self.up.learn(x if distance > 0 else 0.0)
        self.down.learn(x if distance < 0 else 0.0)
        count = self.count = min(self.count + 1, self.memory)
        self.scale += (min(size, _CLIP * scale) - self.scale) / count

    def reach(self, surprise: float, floor: float) -> tuple[float, float]:
        """The distances down and up that are as surprising."""
        scale = max(self.scale, floor)
        return -scale * math.expm1(self.down.reach(surprise)), scale * math.expm1(self.up.reach(surprise))
