"""Verdict on the advice against what is configured, in words with the figures."""

from __future__ import annotations

from gateway.tuning.advice import Advice, best
from gateway.tuning.config import Settings
from gateway.tuning.measurement import FixedRate, Measured
from gateway.tuning.statistics import in_ms

#: less than this is no difference on a machine that does other things too
CPU, P99, MEMORY = 0.05, 0.2, 0.1


def verdict(found: Measured, advice: Advice, configured: Settings) -> list[str]:
    """Sentences: what is better, what is worse, or why nothing is."""
    lines = []
    settings = advice.settings
    if found.duel:
        advised, theirs = found.duel
        lines.append(contended(advised, theirs, advice.p99_limit_ms))
    else:
        lines.append(f"{configured.workers} workers are what is configured, and what was found best: nothing to gain.")
    if settings.connections < configured.connections:
        fewer = f"{settings.connections:,} instead of {configured.connections:,}"
        most = best(found.points, settings.workers).connections
        price = (
            "it costs no requests/s, and"
            if settings.workers * settings.connections >= most
            else (f"fewer than the {most} with which most was done, but it")
        )
        lines.append(f"Connections are {fewer}: {price} keeps a full worker within the memory.")
    if settings.backlog != configured.backlog:
        lines.append(
            f"The backlog is {settings.backlog:,} instead of {configured.backlog:,}: for what waits in a stall."
        )
    if settings.keepalive != configured.keepalive:
        saved = max(0.0, found.fresh.cpu_us - advice.cpu_us)
        lines.append(f"Connections are kept: a new one for each request costs {saved:.0f} us of CPU more.")
    return lines


def contended(advised: FixedRate, theirs: FixedRate, limit_ms: float) -> str:
    """Two gateways at the same rate."""
    ours, other = advised.settings.workers, theirs.settings.workers
    changes = {
        "CPU per request": _change(advised.cpu_us, theirs.cpu_us, CPU),
        "memory": _change(advised.memory_mb, theirs.memory_mb, MEMORY),
        "p99": _apart(advised, theirs),
    }
    told = [
        f"{what} {abs(change):.0%} {'lower' if change < 0 else 'higher'}" for what, change in changes.items() if change
    ]
    if changes["p99"] > 0 and advised.p99_ms.value <= limit_ms:
        told.append(f"which is within {in_ms(limit_ms)}")
    for whose, each in (("the advised", advised), ("the configured", theirs)):
        if each.failed:
            told.append(f"{each.failed:,} of {each.answered + each.failed:,} requests to {whose} failed")
    cores = f"{other - ours} fewer cores" if ours < other else f"{ours - other} more cores, and what they can do"
    head = f"{ours} instead of {other} workers, at {advised.rate:,.0f} requests/s: {cores}; "
    return head + (", ".join(told) or "CPU per request, memory and p99 the same") + "."


def _change(now: float, before: float, least: float) -> float:
    change = (now - before) / before if before else 0.0
    return change if abs(change) > least else 0.0


def _apart(now: FixedRate, before: FixedRate) -> float:
    """The change of p99, 0 while the rounds of one lie among those of the other."""
    a, b = now.p99_ms, before.p99_ms
    return _change(a.value, b.value, P99) if a.high < b.low or b.high < a.low else 0.0
