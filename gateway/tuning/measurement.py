"""Measurements, as values. Times in milliseconds and microseconds as the names say, memory in MB of 10^6 bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.tuning.config import Settings
from gateway.tuning.statistics import Spread
from gateway.tuning.testbed import Round

#: who was at its end: the workers, the load generator, the cores that both share, these because of other processes, or
#: nobody (each waited for the other)
Limit = Literal["gateway", "generator", "cores", "others", "latency"]
FULL = 0.9
BUSY = 0.05  # share of the cores that others may use without a word


@dataclass(frozen=True, slots=True)
class Point:
    """One place of the sweep, closed model; the spread is over rounds.

    `cpu_us` is the CPU of all processes of the gateway for a request, `busy` the share of its workers' cores that they
    used, `generator` the share of its core that the busiest generator used.
    """

    workers: int
    connections: int
    rps: Spread
    p50_ms: float
    p99_ms: float
    cpu_us: float
    memory_mb: float
    busy: float
    generator: float
    failed: int
    limit: Limit


@dataclass(frozen=True, slots=True)
class FixedRate:
    """One place of a curve at fixed rates, open model; `share` is that of the most that was measured closed.

    Latencies count from when a request was due; `late_ms` is the 99th percentile of how late the generator sent.
    """

    settings: Settings
    share: float
    rate: float
    p50_ms: Spread
    p99_ms: Spread
    max_ms: float
    late_ms: float
    cpu_us: float
    memory_mb: float
    answered: int
    failed: int


@dataclass(frozen=True, slots=True)
class KeepAliveRun:
    """Memory of the whole gateway: at rest after load, and what each kept connection adds (KB of 1,000 bytes)."""

    rest_mb: float
    connections: int
    each_kb: float


@dataclass(frozen=True, slots=True)
class NewConnectionRun:
    """A new connection for every request, closed model."""

    rps: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Burst:
    """So many clients connected at the same moment; `last_ms` is when the last of them had its answer."""

    connections: int
    last_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class Measured:
    """All of it. `curve` is of the workers that are advised, `duel` the advised settings and the configured ones.

    `others` is the share of all cores that processes of other people used meanwhile.
    """

    machine_cores: int
    points: tuple[Point, ...]
    held: KeepAliveRun
    fresh: NewConnectionRun
    burst: Burst
    curve: tuple[FixedRate, ...]
    duel: tuple[FixedRate, ...]
    others: float
    seconds: float


def limit_of(workers: int, found: Round) -> Limit:
    """Who was at its end in a round."""
    if found.cpu >= FULL * workers * found.answered.seconds:
        return "gateway"
    if found.generator >= FULL:
        return "generator"
    if found.busy < FULL * found.whole:
        return "latency"
    return "others" if found.others > BUSY * found.whole else "cores"
