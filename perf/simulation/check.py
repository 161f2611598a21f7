"""`python -m perf simulate --check`: what a request costs is measured, one host predicted from it, and measured too.

The costs come from rounds of one worker at full speed with 64 connections and with 4, and of two on one core with 32.
What is predicted are other things: 16 connections, fixed rates, two workers on one core with 64, two workers on two
cores that load and upstream use as well.  Rounds of both are in turn, since what a request costs changes with what else
the machine does.  Nothing that is compared has a part in what it is compared with; one worker with 64 connections is
there twice and says how much two equal rounds differ.
"""

from __future__ import annotations

import datetime
import resource
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from statistics import median
from typing import Any

from gateway.tuning.measurement import BUSY
from gateway.tuning.processes import machine_busy
from perf import load as generators
from perf import machine
from perf.arena import Arena
from perf.procs import session_cpu
from perf.scenario import Load, Shape, Trial
from perf.simulation import redis_load
from perf.simulation.host import Host
from perf.simulation.turns import FEW, MANY, Turns
from perf.stats import estimate

Look = Callable[[], dict[str, float]]

BOUND = 0.15
FULL = Shape(auth=True, limits=True, observed="1%")
LINES = {
    "bare": (Shape(), Load()),
    "limits": (Shape(limits=True), Load()),
    "exact": (Shape(limits=True, redis="exact"), Load()),
    "leased": (Shape(limits=True, redis="leased"), Load()),
    "cache-hit": (Shape(cache="1h"), Load()),
    "full": (FULL, Load(tokens=1)),
}
CHECKED = ("bare", "full")
CALM, BUSY_AT = 0.3, 0.6  # of the most: where waking is measured, and where the CPU is predicted


@dataclass(frozen=True, slots=True)
class Compared:
    """A prediction beside what was seen; `held` ones have to be within BOUND."""

    line: str
    what: str
    predicted: float
    measured: float
    is_held: bool

    @property
    def off(self) -> float:
        """The error as a share of what was measured."""
        return self.predicted / self.measured - 1


class Round:
    """One stretch of load, with the CPU that each side used."""

    def __init__(self, arena: Arena, line: str, workers: int = 1) -> None:
        shape, self.load = LINES[line]
        self.arena, self.trial = arena, Trial(line, "gateway", _with(shape, workers), self.load)
        self.running, self.tokens = arena.get(self.trial), arena.tokens(self.load.tokens)

    def closed(self, seconds: int, connections: int = MANY) -> dict[str, float]:
        """wrk at full speed."""
        load = Load(tokens=self.load.tokens, connections=connections)
        return self._counted(lambda: generators.wrk(self.running.port, load, seconds, self.tokens))

    def open(self, rate: float, seconds: float) -> dict[str, float]:
        """A fixed rate."""
        return self._counted(lambda: generators.openloop(self.running.port, self.load, rate, seconds, self.tokens))

    def _counted(self, work: Look) -> dict[str, float]:
        before = self._spent()
        seen = dict(work())
        gateway, load, ours, busy, whole = (now - then for now, then in zip(self._spent(), before, strict=True))
        answered = seen.get("requests") or seen["answered"]
        return seen | {
            "rps": answered / seen["seconds"] if "seconds" in seen else seen["rate"] * answered / seen["sent"],
            "cpu_us": gateway / answered * 1e6,
            "load_us": load / answered * 1e6,
            "others": max(0.0, busy - ours) / whole,
        }

    def _spent(self) -> tuple[float, float, float, float, float]:
        """CPU seconds so far: gateway, upstream and load, all of ours, all that cores were busy, all there were."""
        gateway, started = session_cpu(self.running.server.sid), _started()
        ours = started + sum(session_cpu(server.sid) for server in self.arena.servers)
        return gateway, started + session_cpu(self.arena.servers[0].sid), ours, *machine_busy()


def check(rounds: int = 5) -> dict[str, Any]:
    """Everything: costs of all lines and of the Redis, then what was predicted for one host beside what was seen."""
    found: dict[str, Any] = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe() | {"redis": redis_load.version()},
        "redis_us": redis_load.measure(),
    }
    with Arena() as arena:
        costs = _costs(arena, rounds)
        bare = Round(arena, "bare")
        found["wake_us"] = round(_wake(bare, CALM * 1e6 / median(each["cpu_us"] for each in costs["bare"]), rounds), 2)
        alone = {line: _one_core(arena, line, rounds) for line in CHECKED}
    with Arena(2) as arena:
        together = [each for line in CHECKED for each in _two_cores(arena, line, rounds, alone[line][1])]
    compared = [each for found, _ in alone.values() for each in found] + together
    found["cpu_us"] = {line: _interval([each["cpu_us"] for each in seen]) for line, seen in costs.items()}
    found["load_us"] = {line: median(each["load_us"] for each in seen) for line, seen in costs.items()}
    found["others"] = round(median(each["others"] for seen in costs.values() for each in seen), 3)
    found["check"] = [asdict(each) | {"off": each.off} for each in compared]
    return found


def failures(found: dict[str, Any], bound: float = BOUND) -> list[str]:
    """What was predicted worse than it must be."""
    return [
        f"{each['line']}, {each['what']}: predicted {each['predicted']:,.4g}, measured {each['measured']:,.4g}"
        for each in found["check"]
        if each["is_held"] and abs(each["off"]) > bound
    ]


def _costs(arena: Arena, rounds: int) -> dict[str, list[dict[str, float]]]:
    loads = {line: Round(arena, line) for line in LINES}
    for each in loads.values():
        each.closed(1)
    found: dict[str, list[dict[str, float]]] = {line: [] for line in LINES}
    for _ in range(rounds):
        for line, each in loads.items():
            found[line].append(each.closed(1))
    return found


def _one_core(arena: Arena, line: str, rounds: int) -> tuple[list[Compared], float]:
    """(what was compared, the share of its core that a worker gets that is never idle)."""
    base, both = Round(arena, line), Round(arena, line, 2)
    both.closed(1)
    at = ((16, 1), (MANY, 1), (MANY, 2))
    looks = [partial((base if workers == 1 else both).closed, 1, connections) for connections, workers in at]
    known = [partial(base.closed, 1), partial(base.closed, 1, FEW), partial(both.closed, 1, MANY // 2)]
    many, few, halves, *seen = _in_turn([*known, *looks], rounds)
    turns = Turns(_median(few, "cpu_us"), _median(many, "cpu_us"))
    # Two that take turns on a core find its caches full of the other's: how much that is depends on the machine.
    crowd = max(1.0, _median(halves, "cpu_us") / turns.at(MANY / 4))
    share = min(1.0, median(each["cpu_us"] * each["rps"] / 1e6 for each in many))
    found = []
    for (connections, workers), each in zip(at, seen, strict=True):
        cost = turns.at(connections / workers) * (crowd if workers > 1 else 1.0)
        wanted = Host(cost, _median(many, "load_us"), share=share).closed(connections, 1.0)
        words = f"{_words(workers)} on one core, {connections} connections"
        found += _at_most(line, words, (wanted.rps, wanted.rps / wanted.busy), each, ("cpu_us",))
    return found + _at_rate(base, line, rounds), share


def _at_rate(base: Round, line: str, rounds: int) -> list[Compared]:
    """The CPU at a fixed rate, and what it took; where others hold the core, requests wait and come in clumps."""
    whole = 1e6 / base.closed(1)["cpu_us"]
    rate, wake_us = BUSY_AT * whole, _wake(base, CALM * whole, rounds)
    costs, seen = _in_turn([partial(base.closed, 1), partial(base.open, rate, 1.5)], rounds)
    host = Host(_median(costs, "cpu_us"), _median(costs, "load_us"), wake_us=wake_us)
    wanted, at = host.open(rate, 2.0, Random(1)), f"{BUSY_AT:.0%} of the most"
    busy = median(each["cpu_us"] * each["rps"] / 1e6 for each in seen)
    found = [Compared(line, f"cores used, {at}", wanted.busy, busy, _is_quiet(seen))]
    if _is_quiet(seen):
        found.append(Compared(line, f"p50 ms, {at}", wanted.p50_ms, _median(seen, "p50_ms"), False))
        found.append(Compared(line, f"p99 ms, {at}", wanted.p99_ms, _median(seen, "p99_ms"), False))
    return found


def _two_cores(arena: Arena, line: str, rounds: int, share: float) -> list[Compared]:
    base, both = Round(arena, line), Round(arena, line, 2)
    both.closed(1)
    looks = [partial(base.closed, 1), partial(base.closed, 1, FEW), partial(both.closed, 1)]
    many, few, seen = _in_turn(looks, rounds)
    cost = Turns(_median(few, "cpu_us"), _median(many, "cpu_us")).at(MANY / 2)
    rps = Host(cost, _median(many, "load_us"), 2, is_shared=True, share=share).closed(MANY, 1.0).rps
    at = "two workers on two cores, load and upstream on them too"
    return _at_most(line, at, (rps, rps / 2 / share), seen, ("cpu_us", "load_us"))


def _wake(base: Round, rate: float, rounds: int) -> float:
    """Microseconds of CPU on top of a request that finds its worker idle: from what it costs at a low rate."""
    costs, seen = _in_turn([partial(base.closed, 1), partial(base.open, rate, 1.5)], rounds)
    each = _median(seen, "cpu_us")
    return max(0.0, (each - _median(costs, "cpu_us")) / max(0.1, 1 - rate * each / 1e6))


def _in_turn(looks: Sequence[Look], rounds: int) -> list[list[dict[str, float]]]:
    """What each saw in its rounds, in turn: what the machine does meanwhile, and who looked before, meets all alike."""
    found: list[list[dict[str, float]]] = [[] for _ in looks]
    order, random = list(range(len(looks))), Random(1)
    for _ in range(rounds):
        random.shuffle(order)
        for place in order:
            found[place].append(looks[place]())
    return found


def _median(seen: list[dict[str, float]], name: str) -> float:
    return median(each[name] for each in seen)


def _at_most(
    line: str, at: str, wanted: tuple[float, float], seen: list[dict[str, float]], spent: tuple[str, ...]
) -> list[Compared]:
    """Requests a second, and for each second of CPU, which holds on a busy machine as well."""
    each_cpu = median(1e6 / sum(each[name] for name in spent) for each in seen)
    return [
        Compared(line, f"requests/s, {at}", wanted[0], median(each["rps"] for each in seen), _is_quiet(seen)),
        Compared(line, f"requests for a second of CPU, {at}", wanted[1], each_cpu, True),
    ]


def _is_quiet(seen: list[dict[str, float]]) -> bool:
    return median(each["others"] for each in seen) <= BUSY


def _words(workers: int) -> str:
    return "one worker" if workers == 1 else f"{workers} workers"


def _interval(samples: list[float]) -> dict[str, float]:
    found = estimate(samples)
    return {"value": round(found.value, 2), "low": round(min(samples), 2), "high": round(max(samples), 2)}


def _with(shape: Shape, workers: int) -> Shape:
    values = {name: getattr(shape, name) for name in Shape.__dataclass_fields__}
    return Shape(**(values | {"workers": workers}))


def _started() -> float:
    """CPU seconds of the load generators that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
