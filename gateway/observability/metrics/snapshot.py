"""Snapshot of all counts since the page was made, over all workers, the dead ones too.

Everything here is cumulative and immutable: whoever wants a rate takes the difference of two readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other")
#: by the first digit; a client that went away before its answer began counts as 4xx
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Histogram(Protocol):
    """Durations in log-linear buckets, immutable, comparable, picklable: gateway._fast.histogram.Histogram."""

    @property
    def count(self) -> int:
        """How many durations."""

    @property
    def sum(self) -> float:
        """Their sum, seconds."""

    def quantile(self, share: float, /) -> float:
        """The duration in seconds that `share` (0 to 1) of them do not exceed, within 2 %; nan when there is none."""

    def at_most(self, seconds: float, /) -> int:
        """How many did not exceed `seconds` (to the bucket's edge)."""

    def buckets(self) -> list[tuple[float, int]]:
        """(upper edge in seconds, how many in this bucket) of those that are not empty, ascending."""

    def plus(self, other: Self, /) -> Self:
        """Both together."""

    def minus(self, earlier: Self, /) -> Self:
        """What came since `earlier`."""


@dataclass(frozen=True, slots=True)
class RouteStats:
    """One route; "" is what matched none, "(other)" what there was no room for."""

    #: (method, status class) -> requests that ended; zeros left out
    requests: Mapping[tuple[str, str], int]
    #: slug of gateway/errors.py -> answers with that error; zeros left out
    errors: Mapping[str, int]
    #: what policies and upstreams did, see OUTCOMES -> requests; zeros left out
    outcomes: Mapping[str, int]
    #: requests on their way now
    in_flight: int
    #: bytes of bodies to clients
    sent: int
    #: from the head's arrival to the last byte
    duration: Histogram
    #: of that, spent waiting for upstreams; only requests that asked one
    upstream_time: Histogram
    #: of that, the gateway's own
    gateway_time: Histogram


#: what errors do not tell: the cache's verdict, and how the upstream was asked
OUTCOMES = (
    *("cache_hit", "cache_miss", "cache_stale", "cache_bypass", "limit_shadow", "retried", "hedged", "mirrored"),
    "limit_alone",
)


@dataclass(frozen=True, slots=True)
class UpstreamStats:
    """Tries with an upstream, or with one target of it."""

    #: status class -> answers
    answers: Mapping[str, int]
    #: slug of gateway/errors.py -> tries without a usable answer
    failures: Mapping[str, int]
    #: tries that were one more for the same request, and those made beside a slow one
    retries: int
    hedges: int
    in_flight: int
    #: to the head of the answer
    duration: Histogram


@dataclass(frozen=True, slots=True)
class Failure:
    """One of the last requests that ended in an error or a 5xx."""

    at: float  #: wall clock, seconds
    request_id: str
    method: str
    route: str
    upstream: str
    status: int
    error: str  #: slug, "" where the upstream itself answered 5xx


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading."""

    at: float  #: monotonic clock, seconds
    routes: Mapping[str, RouteStats]
    upstreams: Mapping[str, UpstreamStats]
    #: (upstream, address) ->
    targets: Mapping[tuple[str, str], UpstreamStats]
    #: the newest first, at most 100 or so
    failures: tuple[Failure, ...]
    #: (client address, estimated requests), the most active first; a sample of the traffic, halved now and then
    clients: tuple[tuple[str, int], ...]
    #: counts that found no room for a series of their own
    overflow: int
