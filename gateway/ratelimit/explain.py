"""The part of `gateway explain` about limits: those that a request would touch. Nothing is taken from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gateway.config.model import Document, Route
    from gateway.exchange import Exchange
    from gateway.ratelimit.options import Penalty, Rate, RateLimit

_UNITS: Final = {1: "s", 60: "m", 3600: "h", 86400: "d"}


def matching_limits(document: Document, source: Route | None, exchange: Exchange) -> list[dict[str, Any]]:
    """The limits in the order in which they are asked: those that must know the caller come last.

    A preflight ends before those of its route.
    """
    from gateway.http.preflight import has_cors, is_preflight

    is_over = exchange.method == "OPTIONS" and is_preflight(exchange.environ) and has_cors(exchange.route)
    own = () if source is None or is_over else source.rate_limit
    found = (*document.rate_limits, *own)
    return [_row(each, document.store) for each in sorted(found, key=lambda each: each.needs_caller)]


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """The limits as lines for people."""
    for number, limit in enumerate(report["limits"]):
        per = " and ".join(limit["per"])
        plans = f", by {limit['plan']}: {', '.join(limit['plans'])}" if limit["plan"] else ""
        cost = f", costs {limit['cost']}" if limit["cost"] != 1 or limit["cost_header"] else ""
        if limit["cost_header"]:
            cost += f", then what {limit['cost_header']} says, up to {limit['cost_max']}"
        mode = "" if limit["mode"] == "enforce" else ", refuses nobody"
        words = f"{limit['rate']} per {per}, burst {limit['burst']}{cost}{plans}{mode}"
        words += _penalty_in_words(limit) + _held_in_words(limit)
        yield f"{'' if number else 'limits':10}{limit['name']}, {limit['where']}: {words}"


def _penalty_in_words(limit: dict[str, Any]) -> str:
    blocks = limit["penalty"]
    if blocks is None:
        return ""
    return f", blocks for {blocks['block']:g} s after {blocks['after']} refusals in {blocks['within']:g} s"


def _held_in_words(limit: dict[str, Any]) -> str:
    if limit["sync"] is None:
        return ""
    without = {"local": "held on each host", "allow": "lets all in", "deny": "refuses all"}[limit["on_store_failure"]]
    return f"; {limit['sync']} over {limit['store']}, without it {without}"


def _row(limit: RateLimit, store: str) -> dict[str, Any]:
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
        "cost_header": limit.cost_header or None,
        "cost_max": limit.cost_max or None,
        "penalty": _blocks(limit.penalty),
        **_held(limit, store),
    }


def _held(limit: RateLimit, store: str) -> dict[str, Any]:
    """Where it is held and how, and what happens without that."""
    if store == "memory":
        return {"store": "memory", "sync": None, "on_store_failure": None}
    from gateway.state.redis.address import parse

    address = parse(store)
    sync = "leased" if limit.is_leased else "exact, asked one by one" if address.kind == "cluster" else "exact"
    return {"store": str(address), "sync": sync, "on_store_failure": limit.on_failure}


def _blocks(penalty: Penalty | None) -> dict[str, float] | None:
    if penalty is None:
        return None
    return {"after": penalty.after, "within": penalty.within, "block": penalty.block}


def _written(rate: Rate) -> str:
    return f"{rate.count}/{_UNITS[rate.seconds]}"
