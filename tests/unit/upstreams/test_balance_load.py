"""Balancers over time, on a virtual clock: slow targets, new ones, returning ones, and load that follows weights."""

from __future__ import annotations

import mmap
import random
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

import pytest

from gateway.upstream.balance.balancers import LeastRequests, PowerOfTwoChoices, RandomBalancer, RoundRobin
from gateway.upstream.balance.slow_start import ramp
from gateway.upstream.target_state import TargetStateTable
from tests.unit.upstreams.balancing import ANY, State, Target, dice, drawn, targets


class Play:
    """Requests arrive at random, `rate` a second; each takes as many seconds as `service` says of its target."""

    def __init__(self, balancer, eligible, rate: float, service: Callable[[Target], float]) -> None:
        self.balancer, self.eligible, self.service = balancer, eligible, service
        self.gap = 1 / rate
        self.now = 0.0
        self.random = random.Random(3)
        self.took: list[float] = []
        self.picks: Counter[Target] = Counter()
        self.most: Counter[Target] = Counter()
        self._under_way: list[tuple[float, int, float, Target]] = []
        self._number = count()

    def run(self, requests: int) -> Play:
        for _ in range(requests):
            self.now += self.random.expovariate(1 / self.gap)
            self._answer(self.now)
            target = self.balancer.pick(self.eligible, ANY, int(self.now * 1000))
            self.picks[target] += 1
            target.state.now += 1
            self.most[target] = max(self.most[target], target.state.now)
            seconds = self.service(target)
            heappush(self._under_way, (self.now + seconds, next(self._number), seconds, target))
        return self

    def _answer(self, until: float) -> None:
        while self._under_way and self._under_way[0][0] <= until:
            at, _, seconds, target = heappop(self._under_way)
            target.state.now -= 1
            target.state.observe(int(at * 1000), seconds)
            self.took.append(seconds)

    def p99(self) -> float:
        return sorted(self.took)[int(len(self.took) * 0.99)]


def exponential(means: dict[Target, float]) -> Callable[[Target], float]:
    chance = random.Random(11)
    return lambda target: chance.expovariate(1 / means[target])


@pytest.mark.thorough
@pytest.mark.parametrize("rate", [20, 500])
def test_p2c_halves_the_p99_of_round_robin_when_one_target_is_ten_times_slower(rate):
    found = {}
    for kind in (RoundRobin, PowerOfTwoChoices):
        eligible = targets(1, 1, 1, seconds=0.0)
        means = dict(zip(eligible, (0.01, 0.01, 0.1), strict=True))
        found[kind] = Play(kind(0, dice()), eligible, rate, exponential(means)).run(20_000).p99()
    assert found[PowerOfTwoChoices] < found[RoundRobin] / 2


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [RoundRobin, RandomBalancer, LeastRequests, PowerOfTwoChoices])
def test_load_follows_the_weights(kind):
    """Some three hundred requests are in flight, all targets equally quick."""
    eligible = targets(1, 2, 3)
    play = Play(kind(0, dice()), eligible, 30_000, lambda target: 0.01).run(100_000)
    assert [play.picks[target] / 100_000 for target in eligible] == pytest.approx([1 / 6, 1 / 3, 1 / 2], rel=0.02)


@pytest.mark.parametrize("kind", [LeastRequests, PowerOfTwoChoices])
def test_a_target_that_hangs_gets_no_more_than_it_has_taken(kind):
    eligible = targets(1, 1, 1)
    play = Play(kind(0, dice()), eligible, 500, lambda target: 60.0 if target is eligible[0] else 0.01).run(5000)
    assert play.picks[eligible[0]] < 25


@pytest.mark.parametrize("others", [0.001, 1.0])
def test_a_target_nobody_knows_gets_traffic_but_no_flood(others):
    eligible = (*targets(1, 1, 1, seconds=others), Target("new", 1.0, State()))
    service = dict.fromkeys(eligible, others)
    play = Play(PowerOfTwoChoices(0, dice()), eligible, 300, service.__getitem__).run(300)
    assert play.picks[eligible[3]] > 30
    assert play.most[eligible[3]] <= max(play.most[target] for target in eligible[:3]) + 2


@pytest.mark.parametrize(
    ("since", "now", "share"),
    [(0, 5, 1.0), (1000, 1000, 0.1), (1000, 900, 0.1), (1000, 6000, 0.55), (1000, 11_000, 1.0), (1000, 10**9, 1.0)],
)
def test_ramp(since, now, share):
    assert ramp(since, now, 10_000) == pytest.approx(share)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [RoundRobin, RandomBalancer, LeastRequests, PowerOfTwoChoices])
def test_who_comes_back_starts_slowly(kind):
    eligible = targets(2, 2, 4)
    eligible[2].state.since.value = 1000
    balancer = kind(30_000, dice())
    for now, weight in ((1000, 0.4), (1000 + 15_000, 2.2), (1000 + 30_000, 4.0), (10**6, 4.0)):
        found = drawn(balancer, eligible, now=now)
        assert found[2] == pytest.approx(weight / (4 + weight), rel=0.03), now
        assert found[0] == pytest.approx(found[1], rel=0.03)


def test_its_share_grows_evenly_all_the_while():
    eligible = targets(1, 1)
    eligible[1].state.since.value = 1
    balancer, picks = RoundRobin(10_000, dice()), []
    for now in range(1, 10_001):
        picks += [balancer.pick(eligible, ANY, now) is eligible[1] for _ in range(10)]
    for tenth in range(10):
        middle = 0.1 + 0.9 * (tenth + 0.5) / 10
        assert sum(picks[tenth * 10_000 : (tenth + 1) * 10_000]) == pytest.approx(
            10_000 * middle / (1 + middle), rel=0.05
        )


def test_without_slow_start_it_has_all_of_its_weight_at_once():
    eligible = targets(1, 1)
    eligible[1].state.since.value = 1000
    assert drawn(RandomBalancer(0, dice()), eligible, now=1000) == pytest.approx([0.5, 0.5], rel=0.02)


@pytest.mark.parametrize("kind", [LeastRequests, PowerOfTwoChoices])
def test_workers_balance_like_one(kind):
    """Each sees in the page what the others have in flight."""
    page = memoryview(mmap.mmap(-1, TargetStateTable.size(8, 8)))
    workers = []
    for slot in range(4):
        region = TargetStateTable(page, targets=8, upstreams=8)
        region.claim(slot)
        states = [region.target("catalog", address) for address in ("a:1", "b:1", "c:1")]
        eligible = tuple(Target(state.address, 1.0, state) for state in states)
        workers.append((kind(0, dice(slot)), eligible))
    for turn in range(120):
        balancer, eligible = workers[turn % 4]
        balancer.pick(eligible, ANY, 0).state.enter()
        loads = [target.state.inflight() for target in eligible]
        assert max(loads) - min(loads) <= (1 if kind is LeastRequests else 4)
    assert sum(loads) == 120
