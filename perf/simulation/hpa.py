"""The HorizontalPodAutoscaler's own arithmetic (autoscaling/v2), for one metric of the kind Utilization.

`desired` is the formula of the Kubernetes documentation, with what it says of pods that are not ready or have no
metrics; `Autoscaler` adds the stabilization windows and the policies of `behavior`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `value` pods, or per cent of those there were, in `period` seconds."""

    type: Literal["Pods", "Percent"]
    value: int
    period: float

    def up(self, count: int) -> int:
        """How many there may be at most."""
        return count + self.value if self.type == "Pods" else math.ceil(count * (1 + self.value / 100))

    def down(self, count: int) -> int:
        """How many there must be at least."""
        return count - self.value if self.type == "Pods" else int(count * (1 - self.value / 100))


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction of `behavior`; without policies nothing is held back."""

    policies: tuple[Policy, ...] = ()
    window: float = 0.0  # seconds of stabilization
    select: Literal["Max", "Min"] = "Max"


def desired(current: int, used: Sequence[float], silent: int, target: float, tolerance: float = TOLERANCE) -> int:
    """How many pods the metric asks for: `used` is the utilization of each pod that has one, as a share of its request.

    `silent` pods are not ready yet or have no metrics: where more are asked for they count as idle, and where fewer,
    as at their target.  When that turns the direction round, or leads into the tolerance, nothing is changed.
    """
    if not used:
        return current
    ratio = sum(used) / len(used) / target
    if not silent:
        return current if abs(ratio - 1) <= tolerance else math.ceil(ratio * len(used) - 1e-9)
    filled = sum(used) + (silent * target if ratio < 1 else 0.0)
    again = filled / (len(used) + silent) / target
    if abs(again - 1) <= tolerance or (ratio < 1) != (again < 1):
        return current
    wanted = math.ceil(again * (len(used) + silent) - 1e-9)
    return current if (again < 1 and wanted > current) or (again > 1 and wanted < current) else wanted


class Autoscaler:
    """What is set as replicas, looked at every 15 s."""

    def __init__(self, least: int, most: int, target: float, up: Rules, down: Rules) -> None:
        self.least, self.most, self.target, self.up, self.down = least, most, target, up, down
        self._asked: deque[tuple[float, int]] = deque()
        self._changes: deque[tuple[float, int]] = deque()

    def look(self, now: float, current: int, used: Sequence[float], silent: int) -> int:
        """The replicas from now on."""
        wanted = self._stable(now, current, desired(current, used, silent, self.target))
        if wanted > current:
            wanted = max(current, min(wanted, self._most(now, current)))
        elif wanted < current:
            wanted = min(current, max(wanted, self._least(now, current)))
        wanted = min(max(wanted, self.least), self.most)
        if wanted != current:
            self._changes.append((now, wanted - current))
        return wanted

    def _stable(self, now: float, current: int, wanted: int) -> int:
        """The most cautious of what was asked for within the windows."""
        self._asked.append((now, wanted))
        while self._asked[0][0] < now - max(self.up.window, self.down.window):
            self._asked.popleft()
        low = min(asked for at, asked in self._asked if at >= now - self.up.window)
        high = max(asked for at, asked in self._asked if at >= now - self.down.window)
        return low if current < low else min(current, high) if current > high else current

    def _most(self, now: float, current: int) -> int:
        places = [policy.up(current - self._changed(now, policy.period)) for policy in self.up.policies]
        return (max if self.up.select == "Max" else min)(places, default=self.most)

    def _least(self, now: float, current: int) -> int:
        # NOTE: `Max` is the policy that allows the larger change, so the smaller number.
        places = [policy.down(current - self._changed(now, policy.period)) for policy in self.down.policies]
        return (min if self.down.select == "Max" else max)(places, default=self.least)

    def _changed(self, now: float, period: float) -> int:
        """By how much there are more than a period ago."""
        while self._changes and self._changes[0][0] <= now - 1800:
            self._changes.popleft()
        return sum(change for at, change in self._changes if at > now - period)
