"""The targets of an upstream, and whose turn it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from gateway.errors import NO_TARGET, GatewayError
from gateway.upstreams.pool import TargetPool

LONGEST_ROTATION = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """One place to send a request to; `address` as the log shows it."""

    address: str
    pool: TargetPool
    weight: int = 1


def rotation(weights: Sequence[int]) -> tuple[int, ...]:
    """The order of turns, as indexes, of one whole round: smooth, so that heavy ones do not come in rows.

    Each turn, every candidate gains its weight; the richest is taken and pays the sum of all weights.  Weight 0 gets
    no turn.  A round longer than `LONGEST_ROTATION` is shortened by rounding the weights.
    """
    weights = [max(0, weight) for weight in weights]
    common = gcd(*weights) or 1
    weights = [weight // common for weight in weights]
    total = sum(weights)
    if total > LONGEST_ROTATION:
        weights = [max(1, round(weight * LONGEST_ROTATION / total)) if weight else 0 for weight in weights]
        total = sum(weights)
    gained = [0] * len(weights)
    turns = []
    for _ in range(total):
        for index, weight in enumerate(weights):
            gained[index] += weight
        best = max((index for index in range(len(weights)) if weights[index]), key=gained.__getitem__)
        gained[best] -= total
        turns.append(best)
    return tuple(turns)


class Fleet:
    """Targets in smooth weighted rotation. The order is worked out once; a turn costs one step in it."""

    __slots__ = ("_next", "_turns", "name", "targets")

    def __init__(self, name: str, targets: Sequence[Target]) -> None:
        self.name = name
        self.targets = tuple(targets)
        self._turns = tuple(self.targets[index] for index in rotation([target.weight for target in targets]))
        self._next = 0

    def pick(self) -> Target:
        """The target whose turn it is. Raises GatewayError(NO_TARGET)."""
        turn = self._next
        try:
            target = self._turns[turn]
        except IndexError:
            if not self._turns:
                raise GatewayError(NO_TARGET, f"The upstream {self.name} has no target.") from None
            turn, target = 0, self._turns[0]
        self._next = turn + 1
        return target
