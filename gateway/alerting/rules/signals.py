"""Every signal that a rule may speak of: what it takes, and in which unit it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["share", "duration", "rate", "size", "number", "flag"]

#: seconds that history reaches back
LONGEST: Final = 3 * 86400.0


@dataclass(frozen=True, slots=True)
class Signal:
    """`needs_window`: an argument such as 5m; `names`: what may be named in it; `must_name`: what has to be."""

    name: str
    unit: Unit
    words: str
    needs_window: bool = False
    names: tuple[str, ...] = ()
    must_name: bool = False
    needs_limit: bool = False


_ROUTE: Final = ("route",)
_UPSTREAM: Final = ("upstream",)

SIGNALS: Final = {
    each.name: each
    for each in (
        Signal("error_rate", "share", "requests that ended in 5xx", True, _ROUTE),
        Signal("client_error_rate", "share", "requests that ended in 4xx", True, _ROUTE),
        Signal("requests", "rate", "requests a second", True, _ROUTE),
        Signal("p50", "duration", "the time that half of the requests do not exceed", True, _ROUTE),
        Signal("p95", "duration", "the time that 95 % of the requests do not exceed", True, _ROUTE),
        Signal("p99", "duration", "the time that 99 % of the requests do not exceed", True, _ROUTE),
        Signal("slow", "share", "requests that took longer than a limit", True, _ROUTE, needs_limit=True),
        Signal("limited", "share", "requests refused by a rate limit", True, _ROUTE),
        Signal("cache_hit_rate", "share", "requests answered from the cache, of those that asked it", True, _ROUTE),
        Signal("upstream_error_rate", "share", "tries with an upstream that failed or got 5xx", True, _UPSTREAM, True),
        Signal("upstream_p99", "duration", "the time to the head of 99 % of its answers", True, _UPSTREAM, True),
        Signal("target_health", "share", "targets of an upstream that are used", False, _UPSTREAM, True),
        Signal("saturation", "share", "requests in flight, of those that fit; or connections", False, _UPSTREAM),
        Signal("loop_lag", "duration", "the longest lag of a worker's event loop"),
        Signal("memory", "size", "resident memory of the largest worker"),
        Signal("certificate_expiry", "duration", "how long the first certificate to end is still valid"),
        Signal("config_refused", "flag", "the files of the configuration cannot be used"),
    )
}  # fmt: skip

QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "upstream_p99": 0.99}


def shown(value: float, unit: Unit) -> str:
    """A value for people: "5.2 %", "480 ms", "12 d", "3.5/s", "61 MB"."""
    if unit == "share":
        return f"{_short(value * 100)} %"
    if unit == "rate":
        return f"{_short(value)}/s"
    if unit == "duration":
        return _duration(value)
    if unit == "size":
        return f"{_short(value / (1 << 20))} MB"
    if unit == "flag":
        return "yes" if value else "no"
    return _short(value)


def _duration(seconds: float) -> str:
    size = abs(seconds)
    if size < 1:
        return f"{_short(seconds * 1000)} ms"
    for limit, length, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if size < limit:
            return f"{_short(seconds / length)} {name}"
    return f"{_short(seconds / 86400)} d"


def _short(value: float) -> str:
    """Three digits, no exponent, no zeros behind."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1g}"
