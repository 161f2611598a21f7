"""What happened in the last seconds, hours and days, on a clock of the test's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observability.collector import ring
from gateway.observability.collector.history import History, together
from gateway.observability.collector.ring import First, TimeSeriesRing, downsample, size_of
from gateway.observability.metrics.arithmetic import OTHER, requests_of
from tests.unit.observer.made import calls, failure, figures, route

START = 1_800_000_000.0


class Counting:
    """A history, fed with what a meter would have read."""

    def __init__(self):
        self.history = History()
        self.now = START
        self.counts = {}
        self.in_flight = {}
        self.feed()

    def feed(self, **more):
        routes = {name: route(n, in_flight=self.in_flight.get(name, 0)) for name, n in self.counts.items()}
        self.history.add(self.now, figures(routes, **more))

    def second(self, name="a", requests=1, **more):
        self.now += 1.0
        self.counts[name] = self.counts.get(name, 0) + requests
        self.feed(**more)

    def since(self, seconds, name="a"):
        found = self.history.since(seconds).routes.get(name)
        return requests_of(found) if found else 0


@pytest.fixture
def counting():
    return Counting()


def test_the_first_reading_is_no_event():
    history = History()
    history.add(START, figures({"a": route(1_000_000)}))
    assert history.since(300).routes == {}


def test_the_last_seconds(counting):
    for number in range(1, 401):
        counting.second(requests=number)
    assert counting.since(1) == 400
    assert counting.since(10) == sum(range(391, 401))
    assert counting.since(300) == sum(range(101, 401))
    assert counting.history.covered() == 400


def test_hours_and_days_are_coarser(counting):
    for _ in range(2 * 3600):
        counting.second()
    assert counting.since(300) == 300
    assert counting.since(1800) == pytest.approx(1800, abs=10)
    assert counting.since(3600) == pytest.approx(3600, abs=10)
    assert counting.since(86400) == 7200
    assert len(counting.history.steps(300)) == 300
    assert len(counting.history.steps(3600)) == 360
    assert len(counting.history.steps(86400)) == 24
    assert len(counting.history.points(3600, 60.0)) in (60, 61)


def test_three_days_are_the_coarsest(counting):
    for _ in range(4 * 288):
        counting.now += 299
        counting.second()
    assert counting.since(86400) == 288
    assert counting.since(3 * 86400) == pytest.approx(3 * 288, abs=6)


def test_what_is_asked_again_and_again_stays_right(counting):
    for _ in range(350):
        counting.second("b", 2)
        assert counting.since(5, "b") == 2 * min(5, counting.counts["b"] // 2)
    for _ in range(400):
        counting.second("a", 3)
        counting.since(300, "a")
    assert counting.since(300, "a") == 900
    assert counting.since(5, "b") == 0
    assert "b" not in counting.history.since(300).routes


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=120), st.integers(1, 130))
def test_windows_are_the_sums_of_their_seconds(events, seconds):
    counting = Counting()
    for name, requests in events:
        counting.second(name, requests)
        counting.since(seconds)
    for name in "abc":
        assert counting.since(seconds, name) == sum(n for each, n in events[-seconds:] if each == name)


def test_in_flight_clients_and_failures_are_the_present_ones(counting):
    counting.second("a", 1, failures=[failure(START + 1)])
    counting.in_flight = {"a": 3, "b": 2}
    counting.counts["b"] = 7
    counting.second("a", 1, failures=[failure(START + 2), failure(START + 1)], clients=[("192.0.2.1", 9)])
    now = counting.history.since(1)
    assert (now.routes["a"].in_flight, now.routes["b"].in_flight) == (3, 2)
    assert now.clients == (("192.0.2.1", 9),)
    assert [each.at for each in now.failures] == [START + 2]
    counting.in_flight = {}
    counting.second("a", 1)
    assert counting.history.since(10).routes["b"].in_flight == 0


def test_a_clock_that_is_set_back_loses_nothing_but_time(counting):
    for _ in range(10):
        counting.second()
    counting.now -= 3600
    for _ in range(10):
        counting.second()
    assert counting.since(300) >= 10


def test_a_pause_is_one_long_step(counting):
    for _ in range(5):
        counting.second()
    counting.now += 60
    counting.second(requests=100)
    assert counting.history.steps(300)[-1].seconds == 61
    assert counting.since(300) == 105


def test_detail_is_for_the_busiest():
    many = figures(
        {f"r{n}": route(n + 1) for n in range(300)},
        {f"u{n}": calls(n + 1) for n in range(300)},
        {("u", f"t{n}"): calls(n + 1) for n in range(300)},
    )
    few = downsample(many, 256)
    assert len(few.routes) == len(few.upstreams) == len(few.targets) == 257
    assert requests_of(few.routes[OTHER]) == sum(range(1, 45))
    assert sum(map(requests_of, few.routes.values())) == sum(range(1, 301))
    assert few.upstreams[OTHER].answers == {"2xx": sum(range(1, 45))}
    assert "r299" in few.routes and "r43" not in few.routes


def test_detail_is_for_what_rules_name_first():
    many = figures({f"r{n}": route(n + 1) for n in range(300)}, {f"u{n}": calls(n + 1) for n in range(300)})
    few = downsample(many, 256, First(frozenset({"r0", "r7", "gone"}), frozenset({"u3"})))
    assert len(few.routes) == len(few.upstreams) == 257
    assert (requests_of(few.routes["r0"]), requests_of(few.routes["r7"]), few.upstreams["u3"].answers) == (
        1, 8, {"2xx": 4},
    )  # fmt: skip
    assert "r299" in few.routes and "r44" not in few.routes and "r45" not in few.routes
    assert sum(map(requests_of, few.routes.values())) == sum(range(1, 301))


def test_a_quiet_route_among_hundreds_of_busy_ones_is_not_lost_in_any_window(counting):
    counting.history.keep(First(frozenset({"quiet"})))
    counting.counts = {f"r{n}": 0 for n in range(400)}
    counting.feed()
    for _ in range(25):
        for name in counting.counts:
            counting.counts[name] += 10 if name != "quiet" else 0
        counting.second("quiet")
    assert [counting.since(window, "quiet") for window in (10, 300, 3600)] == [10, 25, 25]
    assert counting.since(300, OTHER) > 0


@pytest.mark.thorough
def test_memory_is_bounded_whatever_comes():
    kept = TimeSeriesRing(1.0, 100, 1 << 20)
    counts = [0] * 128
    for second in range(250):
        counts = [count + 5 for count in counts]
        busy = {
            f"r{n}": route(count, durations=[0.001 * (n + 1)] * 3 + [second + 0.1]) for n, count in enumerate(counts)
        }
        kept.add(START + second, figures(busy))
        assert kept.size < 1.1 * (1 << 20)
    assert kept.detail < ring.MOST
    assert len(kept.points) == 100
    assert min(len(point.figures.routes) for point in kept.points) > 5, "detail is shared out, not used up"


@pytest.mark.thorough
def test_sizes_are_near_the_truth():
    import tracemalloc

    tracemalloc.start()
    try:
        times = [[0.001 * k for k in range(1, 40)]] * 3
        made = [figures({f"r{n}": route(3, {"internal": 1}, None, 0, 9, *times) for n in range(50)}) for _ in range(20)]
        true = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert sum(map(size_of, made)) == pytest.approx(true, rel=0.75)


def test_together_is_the_sum():
    both = together(
        [figures({"a": route(1)}, {"u": calls(1)}), figures({"a": route(2), "b": route(1)}, {"u": calls(2)})]
    )
    assert requests_of(both.routes["a"]) == 3
    assert requests_of(both.routes["b"]) == 1
    assert both.upstreams["u"].answers == {"2xx": 3}
