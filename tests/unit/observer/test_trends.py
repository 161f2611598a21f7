"""Patterns and trends on a clock of the test's: who was at fault, and what there was a day before."""

from __future__ import annotations

import json

import pytest

from gateway.control.dashboard.trends import HOUR, LINES, Trends, fault
from gateway.observability.collector.history import History
from gateway.observability.metrics.arithmetic import OTHER
from tests.unit.observer.made import calls, figures, route

START = 1_800_000_000.0  # a whole hour


def test_faults_are_told_apart():
    mixed = route(
        {("GET", "2xx"): 5, ("GET", "4xx"): 4, ("POST", "5xx"): 6},
        errors={"route-not-found": 3, "upstream-refused": 2, "internal": 1},
    )
    assert sorted(fault(mixed)) == [
        ("client", "answered 4xx", 1),
        ("client", "route-not-found", 3),
        ("gateway", "internal", 1),
        ("upstream", "answered 5xx", 3),
        ("upstream", "upstream-refused", 2),
    ]
    assert list(fault(route(7))) == []


class Feed:
    """A history fed every `step` seconds."""

    def __init__(self, begin=START):
        self.history, self.now = History(), begin
        self.good, self.bad = 0, 0
        self.add()

    def add(self):
        requests = {("GET", "2xx"): self.good, ("POST", "5xx"): self.bad}
        routes = {"a": route(requests, errors={"upstream-refused": self.bad}), "": route({("GET", "4xx"): self.bad})}
        upstreams = {"one": calls(self.good, {"upstream-refused": self.bad})}
        self.history.add(self.now, figures(routes, upstreams, clients=[("192.0.2.1", 5)]))

    def run(self, seconds, step, good=1, bad=0):
        for _ in range(int(seconds / step)):
            self.now += step
            self.good += good
            self.bad += bad
            self.add()
        return self


def test_errors_over_time():
    found = Trends(Feed().run(200, 1).run(20, 1, good=2, bad=3).history).of("5m")
    errors = found["errors"]
    count = len(errors["times"])
    assert count > 40 and errors["times"] == sorted(errors["times"])
    for lines in (errors["sources"], errors["types"], errors["upstreams"]):
        assert all(len(line) == count for line in lines.values())
    assert set(errors["sources"]) == {"client", "upstream", "gateway"}
    assert errors["sources"]["upstream"][-1] == 3.0 and errors["sources"]["upstream"][0] == 0.0
    assert errors["sources"]["client"][-1] == 3.0 and not any(errors["sources"]["gateway"])
    assert errors["types"]["upstream-refused"][-1] == errors["types"]["answered 4xx"][-1] == 3.0
    assert errors["upstreams"]["one"][-1] == 3.0


def test_this_range_and_the_one_before():
    found = Trends(Feed().run(300, 1, good=2).run(300, 1, good=3, bad=1).history).of("5m")
    routes = {row["name"]: row for row in found["routes"]}
    assert routes["a"]["requests"] == 1200
    assert routes["a"]["before"] == pytest.approx(600, abs=20)
    assert routes[""]["requests"] == 300
    assert [row["name"] for row in found["methods"]] == ["GET", "POST"]
    assert found["clients"] == [{"name": "192.0.2.1", "requests": 5}]


def test_hours_beside_those_of_the_day_before():
    feed = Feed().run(24 * HOUR, 300, good=10).run(24 * HOUR, 300, good=20)
    hours = Trends(feed.history).of("24h")["hours"]
    assert len(hours["times"]) == len(hours["now"]) == len(hours["before"]) == 24
    assert hours["times"][-1] == feed.now // HOUR * HOUR
    assert hours["now"][1:-1] == [240] * 22
    assert hours["before"][1:-1] == [120] * 22


def test_the_hour_that_runs_is_told_from_the_first_second_on():
    hours = Trends(Feed().run(20, 1, good=4).history).of("24h")["hours"]
    assert hours["now"][-1] == 80 and hours["before"] == [None] * 24


def test_an_empty_history_is_fine():
    found = Trends(History()).of("1h")
    assert found["errors"]["times"] == [] and found["routes"] == []
    json.dumps(found, allow_nan=False)


def test_there_are_few_lines_however_many_upstreams():
    history = History()
    for second in range(30):
        upstreams = {f"u{number}": calls(None, {"upstream-refused": second * (number + 1)}) for number in range(20)}
        history.add(START + second, figures(upstreams=upstreams))
    lines = Trends(history).of("5m")["errors"]["upstreams"]
    assert len(lines) == LINES and next(iter(lines)) == "u19"
    assert lines[OTHER][-1] == pytest.approx(sum(range(1, 16)))
