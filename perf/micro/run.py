"""Runs the micro-benchmarks: each perf/micro/bench_NAME.py offers `benches() -> list of (name, callable, loops)`.

The figure is nanoseconds per call, the call itself included (some 20 ns for an empty function): the median of 5 runs.
"""

from __future__ import annotations

import gc
import importlib
import timeit
from collections.abc import Callable
from pathlib import Path
from statistics import median

REPEATS = 5
Bench = tuple[str, Callable[[], object], int]


def discover(folder: Path = Path(__file__).parent) -> list[str]:
    """The names of the modules that have benches."""
    return sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))


def nanoseconds(call: Callable[[], object], loops: int) -> tuple[float, float]:
    """(median, spread) of the time of one call over the repeats; the spread is the largest less the smallest."""
    timer = timeit.Timer(call)
    timer.timeit(max(1, loops // 10))
    gc.collect()
    runs = [timer.timeit(loops) / loops * 1e9 for _ in range(REPEATS)]
    return median(runs), max(runs) - min(runs)


def main(names: list[str] | None = None) -> int:
    """Run the named modules' benches, or all; 1 when one of them cannot run."""
    known, status = discover(), 0
    for name in names or known:
        if name not in known:
            print(f"{name}: no such benches; there are {', '.join(known)}")
            return 2
        try:
            module = importlib.import_module(f"perf.micro.bench_{name}")
        except ImportError as error:
            print(f"{name}: cannot run: {error} (is it built?)")
            status = 1
            continue
        if not hasattr(module, "benches"):
            print(f"{name}: offers no benches(); run it by itself: python -m perf.micro.bench_{name}")
            continue
        for label, call, loops in module.benches():
            middle, spread = nanoseconds(call, loops)
            print(f"{name:10s} {label:50s} {middle:12,.0f} ns/op  +- {spread / 2:,.0f}", flush=True)
    return status
