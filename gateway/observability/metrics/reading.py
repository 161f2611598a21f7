"""Reading the meter: one look at everything that was counted, as values."""

from __future__ import annotations

from time import monotonic
from typing import Final

from gateway._fast.histogram import Histogram
from gateway._fast.metrics import HEDGE, RETRY, ROUTE, UPSTREAM
from gateway.observability.metrics.meter import MetricsRegions
from gateway.observability.metrics.snapshot import (
    CLASSES,
    METHODS,
    OUTCOMES,
    Failure,
    RouteStats,
    Snapshot,
    UpstreamStats,
)
from gateway.state import SharedMemory

FAILURES: Final = 100
CLIENTS: Final = 100

#: what the words of a series mean, see gateway/_fast/metrics.pyx
_REQUESTS: Final = {
    len(CLASSES) * row + column: (method, digit)
    for row, method in enumerate(METHODS)
    for column, digit in enumerate(CLASSES)
}
_ANSWERS: Final = dict(enumerate(CLASSES))
_OUTCOMES: Final = dict(zip((*range(40, 48), 49), OUTCOMES, strict=True))
_SENT, _TRIED = 48, 48

_Times = tuple[Histogram, Histogram, Histogram]
Row = tuple[int, str, int, dict[int, int], dict[str, int], _Times]


class Reader:
    """Reads a meter.

    PERF: a series takes 15 us; where nothing happened in it since the last reading 1 us, and it is the same object.
    Bench: perf/micro/bench_metrics.py.
    """

    __slots__ = ("_calls", "_metering", "_routes")

    def __init__(self, source: SharedMemory | MetricsRegions) -> None:
        """Raises PageError or ValueError for a page whose meter cannot be read."""
        self._metering = source if isinstance(source, MetricsRegions) else MetricsRegions.attach(source)
        #: what was made of which row
        self._routes: dict[str, tuple[Row, RouteStats]] = {}
        self._calls: dict[tuple[int, str], tuple[Row, UpstreamStats]] = {}

    def read(self) -> Snapshot:
        """Everything that was counted since the page was made."""
        at = monotonic()
        routes: dict[str, RouteStats] = {}
        upstreams: dict[str, UpstreamStats] = {}
        targets: dict[tuple[str, str], UpstreamStats] = {}
        for row in self._metering.meter.read():
            kind, name = row[0], row[1]
            if kind == ROUTE:
                routes[name] = self._route(row)
            elif kind == UPSTREAM:
                upstreams[name] = self._call(row)
            else:
                upstream, _, address = name.partition("\0")
                targets[upstream, address] = self._call(row)
        return Snapshot(
            at=at,
            routes=routes,
            upstreams=upstreams,
            targets=targets,
            failures=tuple(Failure(*each) for each in self._metering.failures()[:FAILURES]),
            clients=tuple(self._metering.clients()[:CLIENTS]),
            overflow=self._metering.meter.overflow,
        )

    def _route(self, row: Row) -> RouteStats:
        kept = self._routes.get(row[1])
        if kept is None or kept[0] is not row:
            self._routes[row[1]] = kept = row, _route(*row[2:])
        return kept[1]

    def _call(self, row: Row) -> UpstreamStats:
        kept = self._calls.get(row[:2])
        if kept is None or kept[0] is not row:
            self._calls[row[:2]] = kept = row, _call(*row[2:])
        return kept[1]


def _route(in_flight: int, counts: dict[int, int], errors: dict[str, int], times: _Times) -> RouteStats:
    return RouteStats(
        requests={_REQUESTS[word]: count for word, count in counts.items() if word in _REQUESTS},
        errors=errors,
        outcomes={_OUTCOMES[word]: count for word, count in counts.items() if word in _OUTCOMES},
        in_flight=in_flight,
        sent=counts.get(_SENT, 0),
        duration=times[0],
        upstream_time=times[1],
        gateway_time=times[2],
    )


def _call(in_flight: int, counts: dict[int, int], errors: dict[str, int], times: _Times) -> UpstreamStats:
    return UpstreamStats(
        answers={_ANSWERS[word]: count for word, count in counts.items() if word in _ANSWERS},
        failures=errors,
        retries=counts.get(_TRIED + RETRY, 0),
        hedges=counts.get(_TRIED + HEDGE, 0),
        in_flight=in_flight,
        duration=times[0],
    )
