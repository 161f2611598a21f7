"""The part of `gateway explain` about limits: those that a request would touch. Nothing is taken from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gateway.config.model import Document, Route
    from gateway.config.model_limit import Rate, RateLimit

_UNITS: Final = {1: "s", 60: "m", 3600: "h", 86400: "d"}


def touched(document: Document, source: Route | None) -> list[dict[str, Any]]:
    """The limits in the order in which they are asked: those that must know the caller come last."""
    own = () if source is None else source.rate_limit
    found = (*document.rate_limits, *own)
    return [_row(each) for each in sorted(found, key=lambda each: each.needs_caller)]


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """The limits as lines for people."""
    for number, limit in enumerate(report["limits"]):
        per = " and ".join(limit["per"])
        plans = f", by {limit['plan']}: {', '.join(limit['plans'])}" if limit["plan"] else ""
        cost = f", costs {limit['cost']}" if limit["cost"] != 1 else ""
        mode = "" if limit["mode"] == "enforce" else ", refuses nobody"
        words = f"{limit['rate']} per {per}, burst {limit['burst']}{cost}{plans}{mode}"
        yield f"{'' if number else 'limits':10}{limit['name']}, {limit['where']}: {words}"


def _row(limit: RateLimit) -> dict[str, Any]:
    return {
        "name": limit.name,
        "where": limit.where,
        "per": list(limit.per),
        "rate": _written(limit.rate),
        "burst": limit.rate.burst,
        "cost": limit.cost,
        "plan": f"claim:{limit.plan_claim}" if limit.plan_claim else None,
        "plans": [name for name, _ in limit.plans],
        "mode": "shadow" if limit.is_shadow else "enforce",
    }


def _written(rate: Rate) -> str:
    return f"{rate.count}/{_UNITS[rate.seconds]}"
