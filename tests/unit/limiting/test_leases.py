"""Leased limits: never more than the limit and a lease for each host, and what happens when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic_ns

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ratelimit import bucket_table as shared
from gateway.ratelimit import redis_leased as leases
from gateway.ratelimit.keys import store_key
from gateway.ratelimit.options import Rate
from gateway.ratelimit.pace import TICK, LimitRate
from gateway.ratelimit.redis_leased import LeasedBuckets, lease
from gateway.state.redis.address import parse
from gateway.state.redis.scripts import BATCH, Scripts
from gateway.state.store import StoreUnavailableError
from tests.support.greenlets import until
from tests.support.patient import patient
from tests.support.redis import RedisServer, redis
from tests.support.said import Asked

NAME, NUMBER = "routes/r/n\0all/\0", 77
MS, SECOND = 10**6, 10**9
START = 1000 * SECOND


def pace(rate: Rate, cost: int = 1) -> LimitRate:
    return LimitRate("n", rate, cost, False, unit=TICK)


class World:
    """Hosts with workers, by a clock that stands still unless told; no worker says anything by itself."""

    def __init__(self, hosts: int, workers: int, rate: Rate, cost: int = 1) -> None:
        self.now = START
        self.pace = pace(rate, cost)
        self.store = Asked(lambda: self.now)
        self.let_in: list[int] = []
        self.workers: list[LeasedBuckets] = []
        for _ in range(hosts):
            page = shared.private(32)
            self.workers += [LeasedBuckets(page, self.store, lambda: self.now) for _ in range(workers)]
        for worker in self.workers:
            worker._is_saying = True

    def ask(self, number: int, times: int = 1) -> int:
        """How many of so many requests a worker lets in."""
        worker, count = self.workers[number % len(self.workers)], 0
        for _ in range(times):
            count += worker.take(NAME, NUMBER, self.pace, self.pace.cost, self.now) <= 0
        self.let_in += [self.now] * count
        return count

    def say(self, number: int) -> None:
        worker = self.workers[number % len(self.workers)]
        if worker._unsaid:
            worker.say()

    def say_all(self) -> None:
        for number in range(len(self.workers)):
            self.say(number)


def test_a_host_lets_in_a_lease_before_anybody_answers_and_all_workers_share_it():
    world = World(hosts=2, workers=4, rate=Rate(100, 1, 200))
    assert lease(world.pace) == 20
    assert [world.ask(worker, 10) for worker in range(4)] == [10, 9, 0, 0]
    assert world.ask(4, 99) == 19, "another host has one of its own"
    world.say(0)
    assert world.ask(3, 99) == 10, "what was said is free again"


@pytest.mark.parametrize(
    ("rate", "cost", "expected"),
    [
        (Rate(1, 3600, 1), 1, 1),
        (Rate(100, 1, 50), 1, 10),
        (Rate(10, 1, 200), 1, 20),
        (Rate(1000, 1, 5), 1, 5),
        (Rate(100, 1, 50), 30, 30),
        (Rate(1_000_000, 1, 10**9), 1, 10**8),
    ],
)
def test_a_lease_is_a_tenth_of_a_second_or_of_the_burst(rate, cost, expected):
    assert lease(pace(rate, cost)) == expected


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([Rate(100, 1, 30), Rate(7, 1, 3), Rate(1000, 1, 100), Rate(50, 1, 1), Rate(30, 1, 300)]),
    st.lists(
        st.tuples(st.sampled_from(["ask", "say", "late", "wait", "load"]), st.integers(0, 8), st.integers(1, 60)),
        max_size=80,
    ),
)
def test_no_window_ever_admits_more_than_the_limit_and_a_lease_for_each_host(hosts, workers, rate, acts):
    """However late answers are, up to a tenth of a second, and whoever asks before they come."""
    world = World(hosts, workers, rate)
    for act, number, size in acts:
        if act == "ask":
            world.ask(number, size)
        elif act == "load":
            for worker in range(hosts * workers):
                world.ask(worker, size)
            world.say_all()
            world.now += size * MS
        elif act == "wait":
            world.say_all()
            world.now += size * 5 * MS
        else:
            if act == "late":
                world.store.meanwhile = lambda number=number, size=size: _late(world, number, size)
            world.say(number)
    most = hosts * lease(world.pace) + rate.burst
    for at, first in enumerate(world.let_in):
        for to in range(at, len(world.let_in)):
            assert to - at + 1 <= most + (world.let_in[to] - first) // world.pace.interval


def _late(world: World, number: int, size: int) -> None:
    """While a worker waits for its answer others ask and say."""
    world.ask(number + 1, size)
    world.now += min(size, 50) * MS
    world.say(number + 1)
    world.ask(number + 2, size)


def test_a_load_above_the_limit_gets_all_that_the_limit_admits():
    world = World(hosts=3, workers=2, rate=Rate(100, 1, 20))
    for _ in range(1000):
        for worker in range(6):
            world.ask(worker, 2)
            world.say(worker)
        world.now += 10 * MS
    assert 1000 <= len(world.let_in) <= 1000 + 20 + 3 * lease(world.pace)


def test_a_burst_of_one_host_is_let_in_as_fast_as_it_is_said():
    world = World(hosts=1, workers=1, rate=Rate(1, 3600, 30))
    assert [world.ask(0, 5) + (world.say(0) or 0) for _ in range(12)] == [*[3] * 10, 0, 0]


def test_what_is_refused_takes_nothing():
    world = World(hosts=1, workers=1, rate=Rate(1, 1, 1))
    world.ask(0)
    world.say(0)
    before = dict(world.store.full_at)
    assert world.ask(0, 1000) == 0
    world.say(0)
    assert world.store.full_at == before and world.store.calls == 2, "one look"
    world.now += SECOND
    assert world.ask(0) == 1


def test_what_is_given_back_is_there_again_everywhere():
    world = World(hosts=2, workers=1, rate=Rate(1, 3600, 1))
    world.ask(0)
    world.say(0)
    world.workers[0].charge(NAME, NUMBER, world.pace, -1, world.now)
    world.say(0)
    assert world.store.full_at[store_key(NAME)] == START // TICK
    assert (world.ask(0), world.ask(1)) == (1, 1)


def test_a_cost_that_is_known_later_is_said_and_may_be_a_debt():
    world = World(hosts=2, workers=1, rate=Rate(10, 1, 10))
    world.ask(0)
    world.workers[0].charge(NAME, NUMBER, world.pace, 14, world.now)
    world.say(0)
    assert world.store.full_at[store_key(NAME)] == (START + 15 * SECOND // 10) // TICK
    assert (world.ask(0), world.ask(1)) == (0, 1), "the other host has not heard of it"
    world.say(1)
    assert world.ask(1) == 0


def test_a_bucket_that_was_filled_by_hand_is_found_within_a_second():
    world = World(hosts=1, workers=2, rate=Rate(1, 3600, 5))
    for _ in range(5):
        world.ask(0)
        world.say(0)
    assert world.ask(0) == 0
    world.store.full_at.clear()
    world.now += SECOND
    assert world.ask(0) == 0
    world.say(0)
    assert world.ask(1) == 1


def test_two_that_learn_the_same_raise_the_bucket_once(monkeypatch):
    world = World(hosts=2, workers=2, rate=Rate(10, 1, 100))
    world.ask(2, 10)
    world.say(2)
    one, other = world.workers[:2]
    world.ask(0)
    world.ask(1)
    said = one._unsaid.popitem()[1]

    class Late:
        """The buckets of one worker, which another overtakes between a look and what comes of it."""

        def __getattr__(self, name: str):
            return getattr(other._buckets, name)

        def left(self, *arguments: int) -> tuple[int, int]:
            found = other._buckets.left(*arguments)
            if said.leased:
                said.leased = 0
                other.say()
            return found

    monkeypatch.setattr(one, "_buckets", Late())
    one._learn(said, 12 * world.pace.interval, world.now)
    assert other._buckets.left(NUMBER, world.pace.interval, world.pace.tolerance, world.now)[0] == 88


def test_who_does_not_say_what_it_took_keeps_a_lease_for_a_while_and_no_longer():
    world = World(hosts=1, workers=2, rate=Rate(10, 1, 100))
    assert world.ask(0, 99) == 10
    world.workers[0]._unsaid.clear()
    assert world.ask(1) == 0
    world.now += leases.LIFE
    assert world.ask(1, 99) == 10


def test_without_answers_the_limit_does_as_it_says():
    world = World(hosts=1, workers=1, rate=Rate(100, 1, 100))
    world.ask(0)
    world.store.is_lost = True
    world.say(0)
    with pytest.raises(StoreUnavailableError):
        world.ask(0)
    world.store.is_lost = False
    world.say(0)
    assert world.ask(0) == 1, "one answer is enough"
    world.store.is_down = True
    with pytest.raises(StoreUnavailableError):
        world.ask(0)


def test_memory_is_bounded_by_keys_of_which_nobody_hears():
    world = World(hosts=1, workers=1, rate=Rate(1, 3600, 1))
    # so much room that each key has a bucket of its own, wherever this process puts them
    worker = LeasedBuckets(shared.private(16 * leases.WAITING), world.store, lambda: world.now)
    worker._is_saying = True
    for number in range(1, leases.WAITING + 1):
        assert worker.take(f"n{number}", number, world.pace, 1, world.now) < 0
    with pytest.raises(StoreUnavailableError):
        worker.take("one more", 10**6, world.pace, 1, world.now)
    worker.charge("other", 10**7, world.pace, 3, world.now)
    assert len(worker._unsaid) == leases.WAITING
    worker.say()
    assert len(worker._unsaid) == leases.WAITING - BATCH == leases.WAITING - world.store.calls


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RedisServer]:
    with patient(), redis(tmp_path_factory.mktemp("redis")) as made:
        yield made


def test_over_a_redis_hosts_hear_of_each_other_and_nobody_waits(server):
    made = [LeasedBuckets(shared.private(32), Scripts(parse(f"redis://127.0.0.1:{server.port}/0"))) for _ in range(2)]
    slow = pace(Rate(1, 3600, 20))

    def take(host: LeasedBuckets) -> bool:
        return host.take(NAME, NUMBER, slow, 1, monotonic_ns()) <= 0

    asked = [take(made[0]) for _ in range(3)]
    assert asked == [True, True, False], "a lease is 2, and nobody was asked yet"
    key = store_key(NAME).decode()
    until(lambda: server.ask("EXISTS", key) == ":1")
    for turn in range(2000):
        asked.append(take(made[turn % 2]))
        gevent.sleep(0.005)
        # NOTE: nobody is let in either while an answer is late
        if sum(asked) >= 20 and len(asked) > 60 and not any(asked[-20:]):
            break
    assert 20 <= sum(asked) <= 20 + 2 * 2
    until(lambda: -(-int(server.ask("PTTL", key)[1:]) // 3_600_000) == sum(asked))  # all of it is said
