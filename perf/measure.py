"""The measuring itself: for each kind of scenario, rounds of figures for each of its series.

Series are measured in turn within each round, and each round begins with another one, so that what happens to the
machine meanwhile meets all of them alike.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from perf import held, streams
from perf import load as generators
from perf.arena import Arena, get
from perf.peak import Peak
from perf.procs import session_cpu, session_memory
from perf.reload import swap_under_load
from perf.scenario import Scenario, Trial

Figures = dict[str, float]
Rounds = dict[str, list[Figures]]
MOST = 20_000  # requests per second that openloop can send on time beside the upstream on one core
OPEN = ("p50_ms", "p99_ms")  # what is kept of an open model's latencies


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure."""

    rounds: int = 7
    seconds: int = 2


def measure(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    """All rounds of a scenario: {series: [figures of round 1, figures of round 2, ...]}."""
    return KINDS[scenario.kind](scenario, arena, options)


def _in_turn(scenario: Scenario, options: Options) -> Iterator[Trial]:
    trials = scenario.trials
    for turn in range(scenario.rounds or options.rounds):
        first = turn % len(trials)
        yield from trials[first:] + trials[:first]


def _rounds(scenario: Scenario, options: Options, one: Callable[[Trial], Figures]) -> Rounds:
    found: Rounds = {trial.series: [] for trial in scenario.trials}
    for trial in _in_turn(scenario, options):
        found[trial.series].append(one(trial))
    return found


def _load(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    for trial in scenario.trials:
        tokens = arena.tokens(trial.load.tokens)
        generators.wrk(
            arena.get(trial).port, trial.load, trial.load.warm, tokens
        )  # connections, caches, lazily built tables

    def one(trial: Trial) -> Figures:
        running = arena.get(trial)
        sid, tokens = running.server.sid, arena.tokens(trial.load.tokens)
        before = session_cpu(sid)
        with Peak(sid) as peak:
            seen = generators.wrk(running.port, trial.load, options.seconds, tokens)
        figures = load_figures(session_cpu(sid) - before, seen, trial) | {"peak_mb": peak.megabytes}
        if trial.load.rate:
            paced = generators.openloop(running.port, trial.load, trial.load.rate, options.seconds / 2, tokens)
            figures |= {f"open_{name}": paced[name] for name in OPEN}
            figures["failed"] += paced["failed"]
        return figures

    return _rounds(scenario, options, one)


def load_figures(cpu: float, seen: Figures, trial: Trial) -> Figures:
    """The figures of one round from CPU seconds and what wrk saw."""
    figures = {
        "cpu_us": cpu / seen["requests"] * 1e6,
        "rps": seen["requests"] / seen["seconds"],
        "p50_ms": seen["p50_ms"],
        "p99_ms": seen["p99_ms"],
        "failed": seen["failed"],
    }
    # NOTE: by bytes, not by requests: of large bodies many are still under way when wrk stops, and their CPU was spent.
    if trial.load.answer:
        figures["cpu_s_per_gb"] = cpu / seen["bytes"] * 1e9
    if trial.load.body:
        figures["cpu_s_per_gb"] = cpu / (seen["requests"] * trial.load.body) * 1e9
    return figures


def _latency(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    paced = next((t for t in scenario.trials if t.subject != "direct"), scenario.trials[0])
    full = generators.wrk(arena.get(paced).port, paced.load, 2, arena.tokens(paced.load.tokens))
    rate = min(MOST, full["requests"] / full["seconds"] * paced.load.share)

    def one(trial: Trial) -> Figures:
        running = arena.get(trial)
        return generators.openloop(running.port, trial.load, rate, options.seconds, arena.tokens(trial.load.tokens))

    return _rounds(scenario, options, one)


def _cold_start(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    def one(trial: Trial) -> Figures:
        running = arena.start(trial)
        try:
            return {"seconds": running.server.wait_ready(running.port, get(trial.load.path), step=0.001)}
        finally:
            arena.stop(running)

    return _rounds(scenario, options, one)


def _idle_memory(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    def one(trial: Trial) -> Figures:
        running = arena.start(trial)
        try:
            running.server.wait_ready(running.admin, get("/healthz"))
            rss, pss = held.largest(running.server.sid)
            return {"rss_mb": rss, "pss_mb": pss}
        finally:
            arena.stop(running)

    return _rounds(scenario, options, one)


def _conn_memory(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    def one(trial: Trial) -> Figures:
        running = arena.start(trial)
        try:
            running.server.wait_ready(running.port, get(trial.load.path))
            return held.by_connections(running.server.sid, running.port, trial.load.path, trial.load.connections)
        finally:
            arena.stop(running)

    return _rounds(scenario, options, one)


def _stream(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    def one(trial: Trial) -> Figures:
        pace, size = trial.load.megabytes_per_second * 1e6, trial.load.megabytes * 1_000_000
        if trial.load.method == "GET":
            running = arena.get(trial)
            return _growth(running.server.sid, lambda: streams.download(running.port, trial.load.path, size, pace))
        sink = streams.SlowSink(pace)
        try:
            running = arena.get(trial, sink.port)
            return _growth(running.server.sid, lambda: streams.upload(running.port, trial.load.path, size))
        finally:
            sink.close()

    return _rounds(scenario, options, one)


def _growth(sid: int, work: Callable[[], None]) -> Figures:
    """By how many MB the session's memory grew, at its highest, while the work was done."""
    before, done = session_memory(sid)[0], threading.Event()
    peak = before

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, session_memory(sid)[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, cpu = time.perf_counter(), session_cpu(sid)
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return {"grown_mb": peak - before, "seconds": time.perf_counter() - start, "cpu_s": session_cpu(sid) - cpu}


def _reload(scenario: Scenario, arena: Arena, options: Options) -> Rounds:
    return _rounds(scenario, options, lambda trial: swap_under_load(arena.get(trial), trial))


KINDS: dict[str, Callable[[Scenario, Arena, Options], Rounds]] = {
    "load": _load,
    "latency": _latency,
    "cold-start": _cold_start,
    "idle-memory": _idle_memory,
    "conn-memory": _conn_memory,
    "stream": _stream,
    "reload": _reload,
}
