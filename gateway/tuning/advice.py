"""Advice from the measurement: settings, pods, memory, and when to add a pod.  Pure functions, formulas said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.tuning.config import Settings
from gateway.tuning.measurement import BUSY, FixedRate, Measured, Point
from gateway.tuning.statistics import Usl, fit_usl, in_ms, knee

#: of what a pod can bear, the part that is planned with: a quarter more may come while another pod starts
PLANNED: Final = 0.8
#: per cent of the CPU request: bounds of the target of a HorizontalPodAutoscaler
HPA_LEAST, HPA_MOST, HPA_STEP = 10, 80, 5
#: without a target for p99, a rate is borne while p99 is within so many times that of the lowest rate
PATIENCE: Final = 5.0
#: share of the asked rate that has to be answered: where p99 shall hold, no more may have no answer at all
KEPT: Final = 0.99
#: of memory that was measured or counted, what a limit adds
ROOM: Final = 1.25
PODS_LEAST: Final = 2  # one may go
BACKLOG: Final = 2048
KEEPALIVE: Final = 75.0
GUESS: Final = 0.7  # share of the most that is borne, before the curve was measured
CONNECTIONS_LEAST: Final = 64
MB: Final = 1e6
#: memory is asked for in steps of this
_STEP: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Target:
    """What the user needs: requests a second, seconds of p99, bytes; None where nothing was said. `cores` of a pod."""

    cores: int
    rate: float | None = None
    p99: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What else the figures depend on: bytes of caches in each worker, and the kernel's longest backlog."""

    cache: int
    somaxconn: int


@dataclass(frozen=True, slots=True)
class Advice:
    """The settings and what they come to; rates in requests a second, memory in bytes.

    `borne` is the highest rate at which p99 was seen to hold, as a share of `capacity`, 0 when it never did; `planned`
    is the rate of one pod.
    `headroom` is (what one pod bears / the target) - 1; that and `pods` are None when nobody can say. `derived` says
    that the load took CPU from the workers, so that `capacity` is not a rate that was seen.
    """

    settings: Settings
    knee: int
    usl: Usl | None
    across: Usl | None
    capacity: float
    derived: bool
    cpu_us: float
    p99_limit_ms: float
    borne: float
    headroom: float | None
    hpa: int
    planned: float
    pods: int | None
    memory_request: int
    memory_limit: int
    notes: tuple[str, ...]


def best(points: Sequence[Point], workers: int) -> Point:
    """The point with the most requests a second."""
    return max((point for point in points if point.workers == workers), key=lambda point: point.rps.value)


def capacity(points: Sequence[Point], workers: int) -> tuple[float, bool]:
    """(requests a second of so many workers, whether that is derived).

    Measured where the workers were at their end.  Else workers * 10^6 / cpu_us, what they could do on cores of their
    own; and never more for each worker than one worker alone.
    """
    top = best(points, workers)
    if top.limit == "gateway":
        return top.rps.value, False
    derived = max(top.rps.value, workers * 1e6 / top.cpu_us)
    least = min(point.workers for point in points)
    if workers == least:
        return derived, True
    return min(derived, workers / least * capacity(points, least)[0]), True


def first_choice(points: Sequence[Point], target: Target) -> int:
    """The fewest workers that should bear the target, else those with the most requests a second."""
    counts = sorted({point.workers for point in points})
    if target.rate:
        for workers in counts:
            if GUESS * capacity(points, workers)[0] >= target.rate:
                return workers
    return max(counts, key=lambda workers: capacity(points, workers)[0])


def widen(connections: int) -> int:
    """Connections for a load at a fixed rate: enough that it does not wait for one."""
    return min(256, max(32, 4 * connections))


def sustainable_rate(curve: Sequence[FixedRate], p99: float | None) -> tuple[float, float, FixedRate]:
    """(share, p99 limit in ms, the place): the highest rate up to which all were answered in time.

    Without `p99` (seconds) the limit is PATIENCE times the p99 of the lowest rate.  Share 0, and the lowest rate, when
    not even that was.
    """
    ordered = sorted(curve, key=lambda each: each.share)
    limit = p99 * 1e3 if p99 else PATIENCE * ordered[0].p99_ms.value
    held: FixedRate | None = None
    for each in ordered:
        if _failed(each) or each.p99_ms.value > limit:
            break
        held = each
    return (held.share if held else 0.0), limit, held or ordered[0]


def _failed(place: FixedRate) -> bool:
    return place.failed > (1 - KEPT) * (place.answered + place.failed)


def hpa_target(share: float) -> int:
    """Per cent of the CPU request at which a pod is added: 100 * share * PLANNED, in steps, within bounds."""
    return max(HPA_LEAST, min(HPA_MOST, int(100 * share * PLANNED) // HPA_STEP * HPA_STEP))


def pods(rate: float, planned: float) -> int:
    """For `rate`, at `planned` each; two at least."""
    return max(PODS_LEAST, math.ceil(rate / planned))


def backlog(rate: float, stall: float, somaxconn: int) -> int:
    """For `rate` new connections a second while nobody accepts for `stall` seconds; a power of two, BACKLOG at least.

    The kernel cuts it at net.core.somaxconn without a word, so no more is advised.
    """
    need = max(1, math.ceil(rate * stall))
    return min(somaxconn, max(BACKLOG, 1 << (need - 1).bit_length()))


def memory_limit(base: float, caches: float, connections: float, each: float) -> int:
    """Bytes: ROOM * (base + caches + connections * each), in whole steps."""
    return _up(ROOM * (base + caches + connections * each))


def connections_within(memory: int, base: float, caches: float, each: float, workers: int) -> int:
    """Connections of each worker that `memory` (bytes) has room for: the reverse of `memory_limit`; 0 for none."""
    left = memory // _STEP * _STEP / ROOM - base - caches
    return max(0, int(left / (workers * max(each, 1.0))))


def advise(found: Measured, configured: Settings, target: Target, around: Around) -> Advice:
    """The advice."""
    workers = found.curve[0].settings.workers
    top = best(found.points, workers)
    swept = [(float(p.connections), p.rps.value) for p in found.points if p.workers == workers]
    most, is_derived = capacity(found.points, workers)
    seen, limit, held = sustainable_rate(found.curve, target.p99)
    share = min(1.0, held.rate / most) if seen else 0.0
    hpa = hpa_target(share)
    planned = min(hpa / 100, share * PLANNED) * most
    base = max(top.memory_mb, *(each.memory_mb for each in found.curve)) * MB
    caches, each = float(around.cache * workers), found.held.each_kb * 1e3
    connections, notes = _connections(configured, target, base, caches, each, workers)
    length = backlog(share * most, held.max_ms / 1e3, around.somaxconn)
    if length < BACKLOG:
        notes.append(f"net.core.somaxconn is {around.somaxconn} and cuts every backlog at that: raise it")
    if not share:
        notes.append(f"{_not_borne(held, limit)} at the lowest rate already: no number of pods helps, so none is told")
    elif 100 * share * PLANNED < HPA_LEAST:
        notes.append("a pod is full before its CPU is in use: add pods by requests a second, not by CPU")
    if top.limit in ("generator", "cores"):
        notes.append(_limited(top.limit))
    if target.cores > found.machine_cores:
        notes.append(f"there are {found.machine_cores} cores here: more workers than that were not measured")
    if found.others > BUSY:
        notes.append(
            f"other processes used {found.others:.0%} of the cores meanwhile: measure again on a quiet machine"
        )
    across = [(float(n), capacity(found.points, n)[0]) for n in sorted({p.workers for p in found.points})]
    return Advice(
        Settings(workers, connections, length, configured.keepalive or KEEPALIVE),
        int(swept[knee(swept)][0]),
        fit_usl(swept),
        fit_usl(across) if len(across) > 3 else None,
        most,
        is_derived,
        top.cpu_us,
        limit,
        share,
        share * most / target.rate - 1 if target.rate and share else None,
        hpa,
        planned,
        pods(target.rate, planned) if target.rate and share else None,
        _up(base + caches),
        memory_limit(base, caches, workers * connections, each),
        tuple(notes),
    )


def _not_borne(place: FixedRate, limit: float) -> str:
    if _failed(place):
        return f"{place.failed:,} of {place.answered + place.failed:,} requests failed"
    return f"p99 is over {in_ms(limit)}"


def _limited(limit: str) -> str:
    if limit == "generator":
        return "the load generator was at its end before the gateway: requests/s are what it can send"
    return (
        "load, echo and workers shared all cores: requests/s are less than the workers can do on cores of their own, "
        "latencies are upper bounds, and the capacity is derived from CPU per request"
    )


def _connections(
    configured: Settings, target: Target, base: float, caches: float, each: float, workers: int
) -> tuple[int, list[str]]:
    """Those that are configured, or fewer where memory has no room for them."""
    if not target.memory:
        return configured.connections, []
    room = connections_within(target.memory, base, caches, each, workers)
    if room >= configured.connections:
        return configured.connections, []
    kept = max(CONNECTIONS_LEAST, room // 10 * 10)
    if room >= CONNECTIONS_LEAST:
        return kept, [f"{configured.connections:,} connections in each worker do not fit into the memory: {kept:,} do"]
    need = memory_limit(base, caches, workers * CONNECTIONS_LEAST, each)
    return kept, [f"the memory is too little for {workers} workers: {need / 2**20:.0f} MB is the least"]


def _up(size: float) -> int:
    return math.ceil(size / _STEP) * _STEP
