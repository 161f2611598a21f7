import math

import pytest

from gateway._fast.histogram import Histogram
from gateway.alerting.anomaly.detector import Verdict
from gateway.alerting.anomaly.watch import DETECTORS, KEPT, ROUTES, AnomalyWatcher, explained
from gateway.alerting.rules.rule import rules
from gateway.alerting.rules.terms import Call
from gateway.config.document import loads
from tests.unit.observer.paging_world import figures, route

HEAD = """\
version: 1
upstreams: {catalog: {targets: ["http://127.0.0.1:1"]}}
routes: [{name: item, match: {path: /a}, upstream: catalog}]
alerts: [{name: odd, severity: page, anomaly: {metrics: [METRICS]}}]
"""


class Fake:
    """A detector that takes everything above 1 for odd, and keeps what it saw."""

    made = 0

    def __init__(self, sensitivity, effect):
        self.seen = []
        Fake.made += 1

    def observe(self, at, value):
        self.seen.append((at, value))
        return Verdict(value > 1, 5.0, (0.0, 1.0), "is odd")


@pytest.fixture
def watching(tmp_path):
    def make(metrics, routes=frozenset({"item"})):
        made = AnomalyWatcher(Fake, tmp_path)
        made.configure(rules(loads(HEAD.replace("METRICS", metrics)).alerting), set(routes))
        return made

    Fake.made = 0
    return make


def look(watcher, now, held, covered=1e9):
    return watcher.look(now, lambda window: held, covered)


def busy(requests, name="item"):
    return figures({name: route({("GET", "2xx"): requests}, duration=Histogram([2.0] * requests))})


def test_once_a_minute_and_not_before_a_whole_one_is_known(watching):
    watcher = watching("requests")
    assert look(watcher, 1000.0, busy(600), covered=59.0) == []
    assert len(look(watcher, 1001.0, busy(600))) == 1
    assert look(watcher, 1002.0, busy(600)) == [] and look(watcher, 1019.0, busy(600)) == []
    assert len(look(watcher, 1020.0, busy(600))) == 1


def test_a_clock_that_is_set_back_does_not_end_the_looks(watching):
    watcher = watching("requests")
    assert len(look(watcher, 100_000.0, busy(600))) == 1
    assert len(look(watcher, 50_000.0, busy(600))) == 1 and look(watcher, 50_001.0, busy(600)) == []


def test_few_requests_say_nothing_of_times(watching):
    watcher = watching("requests, p99, error_rate")
    sights = {each.more["metric"]: each.finding for each in look(watcher, 0.0, busy(9))}
    assert set(sights) == {"requests"} and sights["requests"].value == pytest.approx(0.15)
    sights = {each.more["metric"]: each.finding for each in look(watcher, 60.0, busy(120))}
    assert sights["p99"].holds is True and sights["error_rate"].holds is False
    sights = {each.more["metric"]: each.finding for each in look(watcher, 120.0, busy(3))}
    assert sights["p99"].holds is None, "what is known already is told to be unknown"


def test_detectors_are_bounded(watching):
    many = figures({f"r{number}": route({("GET", "2xx"): number}) for number in range(200)})
    watcher = watching("requests", routes={f"r{number}" for number in range(200)})
    assert len(look(watcher, 0.0, many)) == ROUTES and Fake.made == ROUTES <= DETECTORS
    look(watcher, 60.0, many)
    assert Fake.made == ROUTES, "who is watched stays"


def test_what_is_gone_is_forgotten(watching):
    watcher = watching("requests")
    look(watcher, 0.0, busy(600))
    watcher.configure(tuple(watcher._rules), {"item"})
    look(watcher, 60.0, busy(600))
    assert Fake.made == 1
    watcher.configure(tuple(watcher._rules), set())
    look(watcher, 120.0, busy(600))
    assert Fake.made == 2


def test_what_was_learned_outlives_the_process(watching, tmp_path):
    watcher = watching("requests")
    look(watcher, 0.0, busy(600))
    watcher.keep()
    assert look(watching("requests"), 60.0, busy(600)) and Fake.made == 1
    (tmp_path / KEPT).write_bytes(b"nothing of ours")
    assert look(watching("requests"), 120.0, busy(600)) and Fake.made == 2


@pytest.mark.parametrize(
    ("value", "expected", "words"),
    [
        (0.48, (0.095, 0.14), "p99 of route item is 480 ms, expected 95-140 ms"),
        (4.8, (0.095, 1.4), "p99 of route item is 4.8 s, expected 95 ms to 1.4 s"),
        (4.8, (-0.5, 1.4), "p99 of route item is 4.8 s, expected 0 ms to 1.4 s"),
        (0.01, (0.095, math.inf), "p99 of route item is 10 ms, expected at least 95 ms"),
        (0.1, (0.0, 1.0), "p99 of route item has been exactly 0.1 for 12 values"),
    ],
)
def test_words(value, expected, words):
    call = Call("p99", "duration", 60.0, "item", text="p99 of route item")
    verdict = Verdict(True, 5.0, expected, "has been exactly 0.1 for 12 values")
    assert explained(call, value, verdict) == words


def test_rates_in_words():
    call = Call("requests", "rate", 60.0, "item", text="requests of route item")
    words = explained(call, 0.0, Verdict(True, 5.0, (95.0, 140.0), ""))
    assert words == "requests of route item is 0/s, expected 95-140/s"
