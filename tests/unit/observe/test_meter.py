"""The meter of a gateway: its regions, what outlives what, and how a reading looks."""

import logging
import os
import pickle
from dataclasses import fields
from time import monotonic

import pytest

from gateway._fast.atomics import Cell, Memory
from gateway._fast.histogram import Histogram
from gateway.config.document import load
from gateway.errors import KINDS
from gateway.exchange import CACHE_HIT, RETRIED, Exchange, Response
from gateway.observability.metrics.meter import REGION, SERIES_MAX, MetricsRegions, regions, room_for
from gateway.observability.metrics.reading import Reader
from gateway.observability.metrics.snapshot import OUTCOMES, Failure, RouteStats
from gateway.state import SharedMemory, SharedMemoryError


def end(step, status=200, *, method="GET", error=None, marks=0, sent=0, seconds=0.5, waited=0.0, upstream="up"):
    """One request of a route, begun and ended."""
    made = Exchange(method, "/", [], {}, monotonic() - seconds)
    made.response, made.error, made.marks, made.sent = Response(status, []), error, marks, sent
    made.upstream, made.upstream_time, made.client, made.request_id = upstream, waited, "192.0.2.7", f"{status}-{error}"
    step.steps.on_request(made)
    step.steps.on_close(made)


def test_a_reading_says_what_was_counted():
    made, began = MetricsRegions.private(), monotonic()
    item = made.step("item")
    end(item, sent=10, marks=CACHE_HIT)
    end(item, 503, method="POST", error="no-target", marks=RETRIED, sent=5, waited=0.2)
    end(made.step(""), 404, error="route-not-found", upstream=None)
    call = made.call("up", "127.0.0.1:1")
    call.through(lambda *_: Response(200, []), Exchange("GET", "/", [], {}, 0.0), None, b"", monotonic() - 0.25)
    late = monotonic() - began  # each may have taken so much longer than it says
    figures = Reader(made).read()
    route = figures.routes["item"]
    assert route.requests == {("GET", "2xx"): 1, ("POST", "5xx"): 1}
    assert route.errors == {"no-target": 1}
    assert route.outcomes == {"cache_hit": 1, "retried": 1}
    assert (route.in_flight, route.sent) == (0, 15)
    assert 0.9 <= route.duration.sum <= 1.1 + late
    assert route.upstream_time == Histogram([0.2])
    assert 0.7 <= route.gateway_time.sum <= 0.9 + late
    assert figures.routes[""].requests == {("GET", "4xx"): 1}
    assert figures.upstreams["up"].answers == {"2xx": 1}
    assert 0.15 <= figures.upstreams["up"].duration.sum <= 0.35 + late
    assert figures.targets == {("up", "127.0.0.1:1"): figures.upstreams["up"]}
    assert [(each.status, each.error, each.route) for each in figures.failures] == [
        (404, "route-not-found", ""), (503, "no-target", "item"),
    ]  # fmt: skip
    assert isinstance(figures.failures[0], Failure)
    assert abs(figures.at - monotonic()) < 5
    assert figures.overflow == 0
    assert pickle.loads(pickle.dumps(figures.routes)) == figures.routes


def test_a_later_reading_less_an_earlier_one_is_what_came_between():
    made = MetricsRegions.private()
    item = made.step("item")
    end(item, seconds=0.001)
    before, began = Reader(made).read().routes["item"], monotonic()
    end(item, seconds=2.0)
    longest = 2.0 + monotonic() - began
    after = Reader(made).read().routes["item"]
    assert 2.0 * 0.98 <= after.duration.minus(before.duration).quantile(0.5) <= longest * 1.02
    assert before.duration.count == 1, "a reading stays what it was"


def test_what_did_not_change_is_the_same_object():
    made = MetricsRegions.private()
    one, other = made.step("one"), made.step("other")
    call = made.call("up", "a")
    reader = Reader(made)
    end(one)
    end(other)
    call.through(lambda *_: Response(200, []), Exchange("GET", "/", [], {}, 0.0), None, b"", monotonic())
    first = reader.read()
    end(one, seconds=0.0)
    second = reader.read()
    assert second.routes["other"] is first.routes["other"]
    assert second.upstreams["up"] is first.upstreams["up"]
    assert (sum(second.routes["one"].requests.values()), second.routes["one"].duration.count) == (2, 2)
    other.steps.on_request(Exchange("GET", "/", [], {}, 0.0))
    third = reader.read()
    assert (third.routes["other"].in_flight, third.routes["other"].duration) == (1, first.routes["other"].duration)
    assert third.routes["one"] is second.routes["one"]


def test_every_outcome_and_slug_has_its_place():
    made = MetricsRegions.private()
    item = made.step("item")
    end(item, marks=(1 << 10) - 1)
    for kind in KINDS:
        end(item, kind.status, error=kind.slug)
    route = Reader(made).read().routes["item"]
    assert route.outcomes == dict.fromkeys(OUTCOMES, 1)
    assert route.errors == {slug: [kind.slug for kind in KINDS].count(slug) for slug in {kind.slug for kind in KINDS}}
    assert {field.name for field in fields(RouteStats)} >= {"requests", "errors", "outcomes", "sent"}


def test_what_the_page_holds_outlives_whoever_counted():
    page = SharedMemory.create(regions(1024))
    first = MetricsRegions.of(page, 1024)
    first.claim(3)
    end(first.step("item"))
    second = MetricsRegions.of(SharedMemory.attach(os.dup(page.fd)), 50)
    end(second.step("item"))
    end(second.step("new"))
    assert {name: route.requests for name, route in Reader(page).read().routes.items()} == {
        "item": {("GET", "2xx"): 2}, "new": {("GET", "2xx"): 1},
    }  # fmt: skip
    assert second.meter.capacity == 1024, "the first master's"


@pytest.mark.parametrize("held", [{}, {"meter": 4096}])
def test_a_page_without_a_meter(held, caplog):
    page = SharedMemory.create(held)
    with caplog.at_level(logging.WARNING):
        made = MetricsRegions.of(page, 64)
    assert caplog.text.count("metrics begin anew") == 1
    end(made.step("item"))
    assert "item" in Reader(made).read().routes
    with pytest.raises((SharedMemoryError, ValueError)):
        Reader(page)


def test_a_meter_of_another_layout(caplog):
    page = SharedMemory.create(regions(64))
    Cell(Memory(page.region(REGION)), 0).store(99 << 48)
    with caplog.at_level(logging.WARNING):
        end(MetricsRegions.of(page, 64).step("item"))
    assert "another layout or size: metrics begin anew" in caplog.text


def test_on_its_way_until_it_ends_or_its_worker_is_buried():
    made = MetricsRegions.private()
    made.claim(2)
    steps = made.step("item").steps
    one = Exchange("GET", "/", [], {}, monotonic())
    steps.on_request(one)
    steps.on_request(one)
    assert Reader(made).read().routes["item"].in_flight == 2
    made.forget(2)
    assert "item" not in Reader(made).read().routes
    steps.on_request(one)
    made.release()
    assert "item" not in Reader(made).read().routes


def test_steps_are_kept_for_the_next_plan_where_there_is_room():
    made = MetricsRegions.private(64)
    kept = [made.step(f"r{number}", "x:1") for number in range(100)]
    again = [made.step(f"r{number}", "x:1") for number in range(100)]
    assert sum(one is other for one, other in zip(kept, again, strict=True)) == 61, "three are for the others"
    moved = made.step("r0", "x:2")
    assert (moved.name, moved.where) == ("meter", "x:2")
    end(kept[0])
    end(moved)
    assert Reader(made).read().routes["r0"].requests == {("GET", "2xx"): 2}


def test_long_names_stay_apart():
    made = MetricsRegions.private()
    one, other = "x" * 300 + "1", "x" * 300 + "2"
    end(made.step(one))
    end(made.step(other))
    end(made.step(other))
    routes = Reader(made).read().routes
    assert sorted(sum(route.requests.values()) for route in routes.values()) == [1, 2]
    assert all(name.startswith("x" * 200) for name in routes)


def test_the_last_hundred_failures_and_the_busiest_clients():
    made = MetricsRegions.private()
    item = made.step("item")
    for slot in range(4):
        made.claim(slot)
        for number in range(200):
            end(item, 500 + number % 5)
    figures = Reader(made).read()
    assert len(figures.failures) == 100
    assert list(figures.failures) == sorted(figures.failures, key=lambda each: each.at, reverse=True)
    ((client, count),) = figures.clients
    assert client == "192.0.2.7"
    assert 300 < count < 1500, "one request in sixteen is looked at, by chance"


def test_room_for_what_a_configuration_names(tmp_path):
    def room(routes, more=""):
        file = tmp_path / "gateway.yaml"
        each = "  - {name: r%d, match: {path: /%d}, respond: {status: 204}}\n"
        file.write_text(f"version: 1\n{more}routes:\n" + "".join(each % (n, n) for n in range(routes)))
        return room_for(load(file))

    assert room(1) == 4096
    assert room(2100) == 4200
    assert room(1, "observability: {metrics: {series: 64}}\n") == 64
    assert room(1, "observability: {metrics: {series: 65536}}\n") == SERIES_MAX
