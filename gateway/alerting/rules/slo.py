"""Objectives as burn-rate rules: a long window says that it matters, a short one that it still goes on.

The pairs are those in common use for a budget of 30 days: 14.4 times the rate at which the budget would just last
spends 2 % of it in an hour, 6 times 5 % in six hours, 3 times 10 % in a day, and once 10 % in three days.
"""

from __future__ import annotations

from typing import Final

#: (burn rate, long window, short window)
FAST: Final = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
SLOW: Final = ((3.0, "1d", "2h"), (1.0, "3d", "6h"))

#: an objective below it cannot be missed 14.4 times as fast as it may
LEAST: Final = 1 - 1 / 14.4


def expression(objective: float, limit: float, route: str | None, *, slow: bool = False) -> str:
    """The text of the rule; `objective` is a share, `limit` seconds of an objective about latency, else 0."""
    budget = 1 - objective
    pairs = [
        f"({_bad(limit, route, long)} > {_percent(rate * budget)} and "
        f"{_bad(limit, route, short)} > {_percent(rate * budget)})"
        for rate, long, short in (SLOW if slow else FAST)
    ]
    return " or ".join(pairs)


def _bad(limit: float, route: str | None, window: str) -> str:
    """The share of requests that are bad."""
    at = f', route="{route}"' if route else ""
    if limit:
        return f"slow({round(limit * 1000, 3):g}ms, {window}{at})"
    return f"error_rate({window}{at})"


def _percent(share: float) -> str:
    text = f"{share * 100:.6f}".rstrip("0").rstrip(".")
    return f"{text}%"
