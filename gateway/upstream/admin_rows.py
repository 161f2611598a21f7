"""Admin row of one upstream, for people; everything in it is what all workers know together."""

from __future__ import annotations

from typing import Any

from gateway._fast.target_stats import now_ms
from gateway.upstream.attempts import RetryingUpstream
from gateway.upstream.options import Upstream
from gateway.upstream.resilience import retry_budget as budget
from gateway.upstream.resilience.adaptive_limit import AdaptiveLimit
from gateway.upstream.target_admin import TargetStatus, circuit, row, sums


def upstream_row(attempts: RetryingUpstream, spec: Upstream) -> dict[str, Any]:
    """An upstream as JSON, with all its targets."""
    now = now_ms()
    look = TargetStatus(attempts.fleet, spec, now)
    in_panic = look.in_panic
    targets = [row(look, target, in_panic) for target in attempts.fleet.targets]
    return {
        "name": spec.name,
        "where": spec.where,
        "balance": spec.balance.kind,
        "in_panic": in_panic,
        "in_flight": sum(target["in_flight"] for target in targets),
        "limit": None if attempts.limit is None else _limit(attempts.limit),
        "circuit": None if attempts.circuit is None else _circuit(attempts, now),
        "budget": _budget(attempts, spec, now),
        "targets": targets,
    }


def _limit(limit: int | AdaptiveLimit) -> dict[str, Any]:
    """Requests in flight that are allowed now; an adaptive limit is this worker's own."""
    return {"now": limit, "adaptive": False} if isinstance(limit, int) else {"now": limit.limit, "adaptive": True}


def _circuit(attempts: RetryingUpstream, now: int) -> dict[str, Any]:
    assert attempts.circuit is not None
    closed = "closed", "nothing is held back"
    name, why = closed if attempts.circuit.is_closed else circuit(attempts.circuit, now)
    return {"state": name.removeprefix("circuit "), "why": why, "window": sums(attempts.circuit, now)}


def _budget(attempts: RetryingUpstream, spec: Upstream, now: int) -> dict[str, Any] | None:
    """What counts against second tries; None where there are no rules, and nobody who asks it has any."""
    requests, retries, hedges = attempts.state.budget.sums(now, budget.WINDOW)
    if spec.retry is None and spec.hedge is None and not requests:
        return None
    return {
        "seconds": budget.WINDOW / 1000,
        "requests": requests,
        "retries": retries,
        "hedges": hedges,
        "retries_share": spec.retry.budget if spec.retry else None,
        "hedges_share": spec.hedge.max if spec.hedge else None,
    }
