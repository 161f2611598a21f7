"""Overload on a virtual clock: the line of those who wait, the limiter, and both before an upstream that is crowded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.resilience.adaptive_limit import (
    ADMIT,
    IMPATIENCE,
    MEMORY,
    PATIENCE,
    QUEUE,
    SHED,
    AdaptiveLimit,
    WaitQueue,
    verdict,
)
from tests.unit.upstreams.crowd import Crowd, percentile


@pytest.mark.parametrize(
    ("inflight", "limit", "waiting", "queue", "expected"),
    [(0, 1, 0, 10, ADMIT), (1, 1, 0, 10, QUEUE), (1, 1, 0, 0, SHED), (0, 1, 3, 10, QUEUE), (9, 10, 0, 0, ADMIT),
     (11, 10, 10, 10, QUEUE)],
)  # fmt: skip
def test_verdict(inflight, limit, waiting, queue, expected):
    assert verdict(inflight, limit, waiting, queue) == expected


def test_a_burst_is_served_in_order():
    line = WaitQueue(10)
    for name in "abc":
        assert line.join(name, 0) is None
    assert [line.next(40), line.next(40), line.next(40), line.next(40)] == ["a", "b", "c", None]


def test_patience_ends_and_then_it_is_last_come_first_served():
    line = WaitQueue(10)
    for now, name in enumerate("abcd"):
        line.join(name, now)
    assert line.due(0) == PATIENCE
    assert line.expired(PATIENCE - 1) == []
    assert line.expired(PATIENCE) == ["a", "b", "c", "d"], "once one is refused, the others have waited long enough too"
    line.join("e", PATIENCE)
    line.join("f", PATIENCE + 1)
    assert line.due(PATIENCE + 1) == PATIENCE + IMPATIENCE
    assert line.next(PATIENCE + 2) == "f"
    assert line.expired(PATIENCE + IMPATIENCE) == ["e"]
    assert line.due(PATIENCE) is None


def test_a_second_without_a_refusal_is_calm():
    line = WaitQueue(1)
    line.join("a", 0)
    assert line.join("b", 1) == "a", "who has waited longest goes"
    assert line.is_pressed(MEMORY)
    assert not line.is_pressed(1 + MEMORY)
    assert line.patience(1 + MEMORY) == PATIENCE


def test_who_goes_away_is_not_served():
    line = WaitQueue(5)
    a, b = ["a"], ["b"]
    line.join(a, 0)
    line.join(b, 0)
    line.leave(a)
    line.leave(a)
    assert len(line) == 1
    assert line.next(0) is b


@given(st.lists(st.sampled_from(("join", "next", "expire", "leave")), max_size=80), st.integers(1, 4), st.data())
def test_everybody_leaves_the_line_once(acts, size, data):
    line, now, names, gone, waiting = WaitQueue(size), 0, 0, [], set()
    for act in acts:
        now += data.draw(st.integers(0, 60))
        out = []
        if act == "join":
            names += 1
            waiting.add(names)
            out = [line.join(names, now)]
        elif act == "next":
            out = [line.next(now)]
        elif act == "expire":
            out = line.expired(now)
            due = line.due(now)
            assert due is None or due > now
        elif waiting:
            one = data.draw(st.sampled_from(sorted(waiting)))
            line.leave(one)
            out = [one]
        gone += [one for one in out if one is not None]
        waiting -= set(gone)
        assert len(line) == len(waiting) <= size
    assert len(gone) == len(set(gone))


SERVICES = {
    "fixed": lambda mean: lambda dice: mean,
    "random": lambda mean: lambda dice: dice.expovariate(1 / mean),
    "skewed": lambda mean: lambda dice: mean * dice.lognormvariate(-0.125, 0.5),
}


def unloaded(capacity, service):
    alone = Crowd(capacity, service).run(0.3 * capacity / MEAN, 20, 10_000)
    return percentile([time for _, _, time in alone.answered], 0.99)


MEAN = 0.05


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("capacity", [4, 10, 40])
@pytest.mark.parametrize("kind", SERVICES)
def test_three_times_what_the_upstream_can_take(kind, capacity, seed):
    """From a cold start: goodput, the latency of what is let through, and how fast the rest is refused."""
    service = SERVICES[kind](MEAN)
    seconds = 20
    crowd = Crowd(capacity, service, seed).run(3 * capacity / MEAN, seconds, AdaptiveLimit())
    assert len(crowd.answered) / seconds >= 0.85 * capacity / MEAN
    settled = [(waited, time) for end, waited, time in crowd.answered if end > 2]
    queue = percentile([waited for waited, _ in settled], 0.99)
    assert queue <= 0.05
    assert percentile([waited + time for waited, time in settled], 0.99) <= 2 * unloaded(capacity, service) + queue
    assert percentile([time for _, time in crowd.refused], 0.99) < 0.05
    assert percentile([time for _, time in crowd.refused], 0.5) <= 0.0065


@pytest.mark.thorough
@pytest.mark.parametrize("capacity", [2, 10])
def test_a_limit_that_is_written_is_kept(capacity):
    crowd = Crowd(capacity, SERVICES["random"](MEAN)).run(3 * capacity / MEAN, 10, capacity)
    assert crowd.most_inflight == capacity
    assert len(crowd.answered) / 10 >= 0.8 * capacity / MEAN
    assert percentile([time for _, time in crowd.refused], 0.99) < 0.05


def test_without_overload_nobody_is_refused():
    crowd = Crowd(10, SERVICES["fixed"](MEAN)).run(0.5 * 10 / MEAN, 20, AdaptiveLimit(first=20))
    assert not crowd.refused
    assert crowd.limit >= 10


def test_an_idle_upstream_does_not_make_the_limit_grow():
    limiter = AdaptiveLimit()
    for number in range(2000):
        limiter.on_sample(0.01, 1, number * 20)
    assert limiter.limit == 6


@pytest.mark.thorough
def test_capacity_that_goes_and_comes_back():
    limiter, crowd = AdaptiveLimit(), Crowd(20, SERVICES["fixed"](MEAN))
    crowd.run(1200, 10, limiter)
    assert 20 <= crowd.limit <= 32
    crowd.capacity = 5
    crowd.run(1200, 40, limiter)
    assert 5 <= crowd.limit <= 12
    crowd.capacity = 20
    crowd.run(1200, 70, limiter)
    assert 20 <= crowd.limit <= 32


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["fixed", "random"])
def test_work_that_grows_does_not_starve_an_upstream_that_is_not_crowded(kind):
    """Three times the work in each request, as many at once: the limit must not fall for good."""
    limiter, crowd = AdaptiveLimit(), Crowd(20, SERVICES[kind](MEAN), 0)
    crowd.run(1200, 10.5, limiter)
    crowd.service = SERVICES[kind](3 * MEAN)
    crowd.run(1200, 20, limiter)
    late = [end for end, _, _ in crowd.answered if 11 < end <= 20]
    assert len(late) / 9 >= 0.85 * 20 / (3 * MEAN)


def test_drops_shrink_it():
    limiter = AdaptiveLimit(first=50)
    for number in range(100):
        limiter.on_sample(1.0, 50, number * 50, dropped=True)
    assert limiter.limit < 10


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 500), st.integers(0, 500), st.booleans()), max_size=400))
def test_the_limit_stays_between_its_bounds(samples):
    limiter, now = AdaptiveLimit(first=3, least=2, most=40), 0
    for seconds, inflight, pause, dropped in samples:
        now += pause
        assert limiter.on_sample(seconds, inflight, now, dropped) == limiter.limit
        assert 2 <= limiter.limit <= 40


def test_the_dice_are_our_own():
    """Two runs of one seed are the same run: what is found here can be looked at again."""
    runs = [Crowd(4, SERVICES["random"](MEAN), 7).run(200, 2, AdaptiveLimit()).answered for _ in range(2)]
    assert runs[0] == runs[1]
