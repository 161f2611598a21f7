"""Answers to a request that a limit refuses."""

from __future__ import annotations

from gateway.errors import BLOCKED, LIMITS_UNAVAILABLE, RATE_LIMITED, GatewayError
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.pace import LimitRate, whole_seconds


def refused(limit: Limit, pace: LimitRate, wait_ns: int) -> GatewayError:
    """There is no place in the bucket before `wait_ns` are over."""
    detail = f"The limit {limit.name} is used up for now; try again after the time in Retry-After."
    return GatewayError(RATE_LIMITED, detail, headers=(_after(wait_ns), *pace.fields(0, wait_ns)))


def blocked(limit: Limit, pace: LimitRate, wait_ns: int) -> GatewayError:
    """The limit has refused so often that it is not asked before `wait_ns` are over."""
    detail = f"The limit {limit.name} has refused so often that nothing is let in until the time in Retry-After."
    return GatewayError(BLOCKED, detail, headers=(_after(wait_ns), *pace.fields(0, wait_ns)))


def unavailable(limit: Limit) -> GatewayError:
    """Nobody can say whether there is a place."""
    return GatewayError(
        LIMITS_UNAVAILABLE,
        f"What the limit {limit.name} is counted with is out of reach.",
        headers=(("Retry-After", "1"),),
    )


def _after(wait_ns: int) -> tuple[str, str]:
    return "Retry-After", str(whole_seconds(wait_ns))
