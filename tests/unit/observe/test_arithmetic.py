"""Sums and differences of figures."""

from time import perf_counter

import pytest

from gateway.observability.metrics.arithmetic import (
    NO_CALLS,
    NO_ROUTE,
    all_calls,
    all_routes,
    calls_minus,
    difference,
    errors_of,
    failed_tries_of,
    requests_of,
    route_minus,
    route_plus,
    tries_of,
)
from tests.unit.observer.made import calls, figures, route

BEFORE = route({("GET", "2xx"): 5, ("GET", "5xx"): 1}, {"internal": 1}, {"retried": 2}, 3, 100, [0.1] * 6)
NOW = route(
    {("GET", "2xx"): 8, ("GET", "5xx"): 1, ("PUT", "4xx"): 2}, {"internal": 1, "blocked": 2}, {"retried": 2}, 1, 150,
    [0.1] * 6 + [0.3] * 5,
)  # fmt: skip


def test_what_came_is_what_is_more_now():
    came = route_minus(NOW, BEFORE)
    assert came.requests == {("GET", "2xx"): 3, ("PUT", "4xx"): 2}
    assert (came.errors, came.outcomes, came.sent, came.in_flight) == ({"blocked": 2}, {}, 50, 1)
    assert came.duration.count == 5
    assert came.duration.quantile(0.5) == pytest.approx(0.3, rel=0.02)
    assert requests_of(came) == 5


def test_both_together_are_what_there_is():
    both = route_plus(BEFORE, route_minus(NOW, BEFORE))
    assert (both.requests, both.errors, both.outcomes, both.sent) == (NOW.requests, NOW.errors, NOW.outcomes, NOW.sent)
    assert both.duration == NOW.duration
    assert all_routes([]) == NO_ROUTE
    assert all_calls([]) == NO_CALLS


def test_calls_likewise():
    came = calls_minus(
        calls({"2xx": 4, "5xx": 1}, {"no-target": 3}, 2, 1, 5, [0.2] * 5), calls(3, None, 1, 1, 0, [0.2])
    )
    assert (came.answers, came.failures, came.retries, came.hedges) == ({"2xx": 1, "5xx": 1}, {"no-target": 3}, 1, 0)
    assert (tries_of(came), failed_tries_of(came), came.in_flight, came.duration.count) == (5, 4, 5, 4)


def test_what_stood_still_is_left_out():
    before = figures({"a": BEFORE, "b": BEFORE}, {"one": calls(3)}, {("one", "x:1"): calls(3)}, overflow=1)
    now = figures({"a": BEFORE, "b": NOW, "c": NOW}, {"one": calls(3)}, {("one", "x:1"): calls(4)}, overflow=4)
    came = difference(now, before)
    assert set(came.routes) == {"b", "c"}
    assert came.routes["c"] == NOW
    assert (came.upstreams, set(came.targets), came.overflow) == ({}, {("one", "x:1")}, 3)
    assert errors_of(came.routes["c"]) == 1


def test_counts_never_fall_below_none():
    assert route_minus(BEFORE, NOW).requests == {}
    assert route_minus(BEFORE, NOW).sent == 0


@pytest.mark.thorough
def test_ten_thousand_that_stand_still_cost_little():
    still = figures({f"route-{number}": NOW for number in range(10_000)})
    again = figures(dict(still.routes))
    best = min(_timed(lambda: difference(again, still)) for _ in range(5))
    assert best < 0.01


def _timed(work):
    began = perf_counter()
    work()
    return perf_counter() - began
