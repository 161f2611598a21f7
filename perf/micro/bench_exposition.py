"""What a scrape of 10,000 series costs the observer, and what a second of history does."""

from gateway._fast.histogram import Histogram
from gateway.observability.collector.history import History
from gateway.observability.metrics.arithmetic import difference
from gateway.observability.metrics.exposition import page
from gateway.observability.metrics.families import ROUTES, route_lines
from gateway.observability.metrics.prometheus import Lines
from gateway.observability.metrics.snapshot import RouteStats, Snapshot
from perf.micro.run import Bench

SERIES_OF_A_ROUTE = 33


def _figures(routes: int, requests: int) -> Snapshot:
    times = [Histogram([0.001 * (1 + (number + n) % 50) for n in range(requests)]) for number in range(routes)]
    made = {
        f"route-{number}": RouteStats({("GET", "2xx"): requests}, {}, {}, 0, 100 * requests, each, Histogram(), each)
        for number, each in enumerate(times)
    }
    return Snapshot(0.0, made, {}, {}, (), (), 0)


def benches() -> list[Bench]:
    """What is run: everything changed, nothing changed, and one turn of the history."""
    routes = 10_000 // SERIES_OF_A_ROUTE
    before, now = _figures(routes, 5), _figures(routes, 9)
    busy, still = Lines(ROUTES, route_lines), Lines(ROUTES, route_lines)
    readings = [now, before]

    def changed() -> bytes:
        readings.reverse()
        return page(busy.of(readings[0].routes), is_open=False)

    history = History()
    clock = iter(range(1_000_000_000, 2_000_000_000))
    grown = [_figures(256, requests) for requests in range(1, 40)]
    return [
        ("10,000 series, all of them changed", changed, 20),
        ("10,000 series, none of them changed", lambda: page(still.of(now.routes), is_open=False), 50),
        (f"difference of two readings of {routes} routes", lambda: difference(now, before), 50),
        ("a second of history, 256 busy routes", lambda: history.add(at := next(clock), grown[at % 39]), 50),
    ]
