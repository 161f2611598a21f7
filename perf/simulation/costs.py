"""What a request costs, from a result of `python -m perf run` or from the figures that `simulate --check` kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from perf import results

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "simulation.json"
#: the series of a result that each line's cost is read from, the first one there is
SERIES = {
    "bare": (("bare", "gateway"), ("full", "gateway@bare")),
    "limits": (("limits", "gateway@limits"),),
    "exact": (("limits-redis", "gateway@exact"),),
    "leased": (("limits-redis", "gateway@leased"),),
    "cache-hit": (("cache-hit", "gateway@kept"),),
    "full": (("full", "gateway@full"), ("full", "gateway")),
}


class NoCost(Exception):
    """A line that nobody has measured; the message names those that were."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds of CPU: of a request by line, of the Redis for a call by its kind and how many came together.

    A worker that had nothing to do is woken for a request, and once more for its answer: `wake_us` of CPU on top.
    """

    cpu_us: dict[str, float]
    redis_us: dict[str, dict[int, float]]
    wake_us: float = 0.0

    def of(self, line: str) -> float:
        """Of one request."""
        if line not in self.cpu_us:
            raise NoCost(f"no measured cost of {line!r}; there are {', '.join(sorted(self.cpu_us))}")
        return self.cpu_us[line]

    def redis(self, kind: str, together: float) -> float:
        """Of the Redis for one call, where `together` come in one round trip; between two measured, in proportion."""
        if kind not in self.redis_us:
            raise NoCost(f"no measured cost of {kind!r} in a Redis; there are {', '.join(sorted(self.redis_us))}")
        points = sorted(self.redis_us[kind].items())
        if together <= points[0][0]:
            return points[0][1]
        for (low, below), (high, above) in pairwise(points):
            if together <= high:
                return below + (above - below) * (together - low) / (high - low)
        return points[-1][1]


def used(rate: float, cpu_us: float, wake_us: float) -> float:
    """The share of a core that a worker uses at a rate: who comes at any time finds it idle as often as it is."""
    cost, wake = cpu_us / 1e6, wake_us / 1e6
    return min(1.0, rate * (cost + wake) / (1 + rate * wake))


def rate_at(share: float, cpu_us: float, wake_us: float) -> float:
    """The rate at which a worker uses so much of a core; what `used` turns round."""
    return share * 1e6 / (cpu_us + wake_us * (1 - share))


def kept(path: Path = KEPT) -> Costs:
    """Those that were kept with the tree."""
    return of_document(json.loads(path.read_text()))


def of_document(document: dict[str, Any]) -> Costs:
    """Those of what `--check` wrote."""
    calls = {kind: {int(n): cost for n, cost in by.items()} for kind, by in document["redis_us"].items()}
    lines = {line: found["value"] for line, found in document["cpu_us"].items()}
    return Costs(lines, calls, document["wake_us"])


def of_result(path: Path, otherwise: Costs) -> Costs:
    """Those of a result of the suite; of a line that it does not have, and of the Redis, `otherwise`'s."""
    scenarios = results.read(path)["scenarios"]
    found = dict(otherwise.cpu_us)
    known = 0
    for line, places in SERIES.items():
        for scenario, series in places:
            figures = scenarios.get(scenario, {}).get("series", {}).get(series, {}).get("median", {})
            if "cpu_us" in figures:
                found[line] = float(figures["cpu_us"]["value"])
                known += 1
                break
    if not known:
        raise NoCost(f"{path}: has none of the scenarios {', '.join(SERIES)}")
    return replace(otherwise, cpu_us=found)
