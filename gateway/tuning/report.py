"""The result as text for a terminal, and as JSON with every figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gateway.tuning.advice import PLANNED, PODS_LEAST, ROOM, Advice, Target
from gateway.tuning.config import Settings
from gateway.tuning.measurement import FixedRate, Measured, Point
from gateway.tuning.statistics import Usl, in_ms


@dataclass(frozen=True, slots=True)
class Result:
    """All that is told. `request` is the line of the request, `differences` what is measured otherwise."""

    config: str
    machine: str
    request: str
    upstream: str
    target: Target
    configured: Settings
    found: Measured
    advice: Advice
    verdict: tuple[str, ...]
    differences: tuple[str, ...]


def as_json(result: Result) -> dict[str, Any]:
    """Every figure; a peak that there is none of is null."""
    advice = result.advice
    derived = {
        "usl": _law(advice.usl),
        "across": _law(advice.across),
        "cpu_seconds_per_million": advice.cpu_us,
        "requests_per_core_second": 1e6 / advice.cpu_us,
    }
    return asdict(result) | {"format": 1, "advice": asdict(advice) | derived}


def _law(law: Usl | None) -> dict[str, float | None] | None:
    if law is None:
        return None
    peak = law.peak if math.isfinite(law.peak) else None
    return asdict(law) | {"peak": peak, "limit": law.limit if math.isfinite(law.limit) else None}


def as_text(result: Result) -> str:
    """For people."""
    blocks = [
        _head(result),
        _sweep(result.found.points, result.advice),
        _curve(result),
        _duel(result),
        _settings(result),
    ]
    blocks += [_why(result), _pod(result)]
    if result.differences or result.advice.notes:
        lines = [*result.advice.notes, *result.differences]
        blocks.append("\n".join(["To know:", *(f"  - {line}" for line in lines)]))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(result: Result) -> str:
    target = result.target
    wanted = [f"{target.rate:,.0f} requests/s"] if target.rate else []
    wanted += [f"p99 {in_ms(target.p99 * 1e3)}"] if target.p99 else []
    wanted += [f"{target.cores} core{'s' * (target.cores > 1)} a pod"]
    wanted += [f"{target.memory / 2**20:.0f} MB"] if target.memory else []
    return (
        f"{result.request}  ({result.upstream})\n{result.machine}\n"
        f"Wanted: {', '.join(wanted)}. Measured in {result.found.seconds:.0f} s."
    )


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in (names, *rows)) for at in range(len(names))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (names, *rows)]
    return "\n".join("  " + line.rstrip() for line in lines)


def _sweep(points: tuple[Point, ...], advice: Advice) -> str:
    names = (
        "workers",
        "connections",
        "requests/s",
        "low..high",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "memory MB",
        "at its end",
        "",
    )
    rows = [
        (
            str(point.workers),
            str(point.connections),
            f"{point.rps.value:,.0f}",
            f"{point.rps.low:,.0f}..{point.rps.high:,.0f}",
            f"{point.p50_ms:.2f}",
            f"{point.p99_ms:.2f}",
            f"{point.cpu_us:.0f}",
            f"{point.memory_mb:.0f}",
            {"latency": "-"}.get(point.limit, point.limit),
            "<- knee" if (point.workers, point.connections) == (advice.settings.workers, advice.knee) else "",
        )
        for point in points
    ]
    lines = ["As much as it can (each connection asks again when it was answered):", _table(names, rows)]
    lines.append(f"  knee (Kneedle): {advice.knee} connections, with {_count(advice.settings.workers)}")
    if advice.usl:
        lines.append(f"  over connections: {_usl(advice.usl)}")
    if advice.across:
        lines.append(f"  over workers: {_usl(advice.across)}")
    return "\n".join(lines)


def _usl(law: Usl) -> str:
    peak = f"most at {law.peak:.0f}" if math.isfinite(law.peak) else "no peak"
    return (
        f"universal scalability law: contention {law.contention:.3f}, coherence {law.coherence:.2g}, {peak}, "
        f"error {law.error:.1%}"
    )


def _paced(rows: tuple[FixedRate, ...], first: str, label: list[str]) -> str:
    names = (
        first,
        "requests/s",
        "p50 ms",
        "p99 ms",
        "low..high",
        "max ms",
        "sent late ms",
        "CPU us",
        "memory MB",
        "failed",
    )
    told = [
        (
            name,
            f"{each.rate:,.0f}",
            f"{each.p50_ms.value:.2f}",
            f"{each.p99_ms.value:.2f}",
            f"{each.p99_ms.low:.2f}..{each.p99_ms.high:.2f}",
            f"{each.max_ms:.1f}",
            f"{each.late_ms:.2f}",
            f"{each.cpu_us:.0f}",
            f"{each.memory_mb:.0f}",
            f"{each.failed:,}",
        )
        for name, each in zip(label, rows, strict=True)
    ]
    return _table(names, told)


def _curve(result: Result) -> str:
    advice, curve = result.advice, result.found.curve
    head = f"At fixed rates, {_count(advice.settings.workers)} (latency counts from when a request was due):"
    most = f"up to {advice.borne * advice.capacity:,.0f} requests/s" if advice.borne else "at none of these rates"
    tail = f"  p99 holds ({in_ms(advice.p99_limit_ms)}) {most}, {advice.borne:.0%} of the capacity"
    return "\n".join([head, _paced(curve, "of the most", [f"{each.share:.0%}" for each in curve]), tail])


def _duel(result: Result) -> str:
    if not result.found.duel:
        return ""
    head = "Advised and configured, in turn at the same rate:"
    labels = [
        f"{_count(each.settings.workers)}, {name}"
        for each, name in zip(result.found.duel, ("advised", "configured"), strict=True)
    ]
    return "\n".join([head, _paced(result.found.duel, "", labels)])


def _settings(result: Result) -> str:
    now, then = result.configured, result.advice.settings
    rows = [
        ("workers", "server.workers", f"{now.workers}", f"{then.workers}"),
        ("worker_connections", "server.connections", f"{now.connections:,}", f"{then.connections:,}"),
        ("backlog", "(gunicorn's own)", f"{now.backlog:,}", f"{then.backlog:,}"),
        ("keepalive", "server.keepalive", f"{now.keepalive:g} s", f"{then.keepalive:g} s"),
        ("threads", "", "none", "none"),
    ]
    return "Settings:\n" + _table(("gunicorn", "in the file", "configured", "advised"), rows)


def _why(result: Result) -> str:
    return "\n".join(["Against what is configured:", *(f"  - {line}" for line in result.verdict)])


def _pod(result: Result) -> str:
    advice, target = result.advice, result.target
    workers, held, burst = advice.settings.workers, result.found.held, result.found.burst
    kind = "derived: workers x 10^6 / CPU us" if advice.derived else "measured"
    request, most = _mb(advice.memory_request), _mb(advice.memory_limit)
    each = f"{held.each_kb:.1f} KB a connection ({held.connections} held)"
    planned = f"{advice.borne:.0%} borne x {PLANNED:g}"
    none = f"{burst.failed} without one"
    lines = [
        f"capacity         {advice.capacity:,.0f} requests/s ({kind}); {1e6 / advice.cpu_us:,.0f} for each core",
        f"cost             {advice.cpu_us:,.0f} CPU seconds for a million requests",
        f"pod              cpu {workers} (request and limit), memory {request} (request), {most} (limit)",
        f"memory           {held.rest_mb:.0f} MB at rest, {each}; limit = {ROOM:g} x (used + caches + all connections)",
        f"burst            {burst.connections:,} clients at once: the last answer after {burst.last_ms:.0f} ms, {none}",
        f"scale at         {advice.hpa} % of the CPU request ({planned}): {advice.planned:,.0f} requests/s",
    ]
    if not advice.borne:
        lines[-1] = "scale at         nobody can say: no rate was borne"
    if target.rate and advice.headroom is not None:
        share = f"{advice.headroom:.0%} headroom" if advice.headroom >= 0 else f"{-advice.headroom:.0%} short"
        lines.append(f"one pod          {share} at {target.rate:,.0f} requests/s")
        lines.append(f"pods             {advice.pods} (at least {PODS_LEAST}: one may go)")
    return "\n".join(["What follows:", *(f"  {line}" for line in lines)])


def _mb(size: int) -> str:
    return f"{size / 2**20:.0f}Mi"


def _count(workers: int) -> str:
    return f"{workers} worker{'s' * (workers > 1)}"
