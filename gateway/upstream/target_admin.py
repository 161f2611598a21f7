"""Admin row of one target: its state, and why it is (not) used. Times are milliseconds of `now_ms`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.upstream import override
from gateway.upstream.balance.slow_start import ramp
from gateway.upstream.options import Upstream
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience import outlier
from gateway.upstream.resilience.shared_circuit import SharedCircuitBreaker
from gateway.upstream.targets import Target, TargetSet


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One look at an upstream: its fleet, what the configuration says of it, and when."""

    fleet: TargetSet
    spec: Upstream
    now: int

    @property
    def in_panic(self) -> bool:
        """Whether targets are used against which something speaks."""
        fleet = self.fleet
        able = [each for each in fleet.targets if override.may_serve(each.state.override.load())]
        return health.eligible(able, [fleet.is_usable(each, self.now) for each in able], fleet.guards.panic)[1]


def row(look: TargetStatus, target: Target, in_panic: bool) -> dict[str, Any]:
    """A target as JSON; `since` is wall-clock time, sums are (requests, failures, slow ones) of the window."""
    state, now = target.state, look.now
    word = state.override.load()
    name, why = verdict(look, target)
    if in_panic and name not in ("disabled", "draining", "serving", "starting slowly"):
        why += "; used all the same, for too few targets are well"
    opinion = health.read(state.health.load())
    return {
        "address": target.address,
        "state": name,
        "why": why,
        "zone": target.where[0] or None,
        "region": target.where[1] or None,
        "weight": {"configured": target.configured, "effective": round(target.weight * _ramp(look, target), 3)},
        "override": {"state": override.NAMES[override.mode(word)], "weight": override.weight(word) or None},
        "in_flight": state.inflight(),
        "latency_ms": round(state.latency(now) * 1000, 3) or None,
        "health": _health(opinion, now) if look.fleet.guards.is_checked else None,
        "window": None if target.circuit is None else sums(target.circuit, now),
        "shared": state.is_shared,
    }


def verdict(look: TargetStatus, target: Target) -> tuple[str, str]:
    """(the state of a target, why): what weighs most comes first."""
    state, now, guards = target.state, look.now, look.fleet.guards
    mode = override.mode(state.override.load())
    if mode:
        name = "disabled" if mode == override.DISABLE else "draining"
        return name, f"set by hand; {state.inflight()} requests are still under way"
    opinion = health.read(state.health.load())
    if guards.is_checked and opinion.state == "down":
        return "down", f"its health check got {_got(opinion)}; down for {_ago(opinion.since, now)}"
    word = state.ejection.load()
    if guards.outlier is not None and outlier.is_ejected(word, now):
        left = (outlier.until(word) - now) / 1000
        return "ejected", f"{guards.outlier.consecutive} failures in a row; left out for another {left:.1f} s"
    if target.circuit is not None and not target.circuit.is_closed:
        return circuit(target.circuit, now)
    share = _ramp(look, target)
    if share < 1.0:
        return "starting slowly", f"back for {_ago(state.since.load(), now)}, it has {share:.0%} of its weight"
    if guards.is_checked and opinion.state == "up":
        return "serving", f"its health check got {_got(opinion)}; up for {_ago(opinion.since, now)}"
    return "serving", "not checked yet" if guards.is_checked else "nothing speaks against it"


def circuit(it: SharedCircuitBreaker, now: int) -> tuple[str, str]:
    """(the state of a breaker that is not closed, why)."""
    word = it.word
    if breaker.state(word, now) == breaker.OPEN:
        return "circuit open", f"it failed too often or was too slow; probed in {breaker.retry_after(word, now)} s"
    started, good = breaker.probes(word)
    return "circuit half-open", f"{started} of {it.rules.half_open} probes sent, {good} went well"


def sums(it: SharedCircuitBreaker, now: int) -> dict[str, Any]:
    """What a breaker counts."""
    requests, failures, slow = it.sums(now)
    return {"seconds": it.rules.window / 1000, "requests": requests, "failures": failures, "slow": slow}


def wall(at: int, now: int) -> str | None:
    """A time of the monotonic clock as people know it; None for 0."""
    if not at:
        return None
    return datetime.fromtimestamp(time.time() - (now - at) / 1000, UTC).isoformat(timespec="milliseconds")


def _health(opinion: health.HealthRecord, now: int) -> dict[str, Any]:
    return {
        "state": opinion.state,
        "since": wall(opinion.since, now),
        "status": opinion.status or None,
        "against": opinion.against,
    }


def _got(opinion: health.HealthRecord) -> str:
    return f"status {opinion.status}" if opinion.status else "no answer"


def _ago(at: int, now: int) -> str:
    return f"{max(0, now - at) / 1000:.1f} s"


def _ramp(look: TargetStatus, target: Target) -> float:
    slow_start = round(look.spec.balance.slow_start * 1000)
    return ramp(target.state.since.load(), look.now, slow_start) if slow_start else 1.0
