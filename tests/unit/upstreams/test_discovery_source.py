"""Targets come and go by what a source says; the fleets of the plan that serves follow."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import gevent
import pytest

from gateway.exchange import Response
from gateway.upstream.discovery.options import Dns
from gateway.upstream.discovery.registry import DiscoveryRegistry
from gateway.upstream.discovery.source import Discovered, DiscoverySubscription, Endpoint, Source
from gateway.upstream.pool.pool import Address, TargetPool
from gateway.upstream.pool.registry import PoolKey, Pools
from tests.exchanges import exchange
from tests.support.greenlets import until

ONE, TWO, THREE = (Endpoint(f"10.0.0.{number}", 80) for number in (1, 2, 3))
SPEC = Dns("http", "catalog.test", 80, "")


class Since:
    """A cell."""

    value = 0

    def load(self) -> int:
        return self.value

    def store(self, value: int) -> None:
        self.value = value


class Target:
    def __init__(self, address: str, pool: TargetPool, weight: int) -> None:
        self.address, self.pool, self.weight = address, pool, weight
        since = Since()
        self.state = SimpleNamespace(since=since, come_back=since.store)


class Fleet:
    def __init__(self) -> None:
        self.targets: tuple[Target, ...] = ()

    def replace(self, targets) -> None:
        self.targets = tuple(targets)


class Idle:
    """A finder that a test speaks for."""

    runs = 0

    def run(self, found, failed):
        self.runs += 1
        gevent.sleep(60)


def source(changed=lambda: None, finder=None) -> Source:
    return Source("dns catalog.test", finder or Idle(), changed)


def follow(of: Source, pools: Pools) -> DiscoverySubscription:
    def key(endpoint: Endpoint) -> PoolKey:
        return PoolKey(Address("http", endpoint.host, endpoint.port))

    made = DiscoverySubscription(of, Fleet(), key, lambda each: Target(str(each), pools.get(key(each)), each.weight))
    of.follows = (*of.follows, made)
    return made


def addresses(of: DiscoverySubscription) -> list[str]:
    return [target.address for target in of.fleet.targets]


def test_targets_come_and_go_and_those_that_stay_are_the_same(pools: Pools):
    changes = []
    of = source(lambda: changes.append(1))
    following = follow(of, pools)
    of.found([TWO, ONE, ONE])
    first = following.fleet.targets
    assert addresses(following) == ["10.0.0.1:80", "10.0.0.2:80"]
    of.found([ONE, TWO])
    assert following.fleet.targets is first, "nothing has changed"
    of.found([TWO, THREE])
    assert addresses(following) == ["10.0.0.2:80", "10.0.0.3:80"]
    assert following.fleet.targets[0] is first[1]
    assert {str(key.address) for key in following.pool_keys()} == {"10.0.0.2:80", "10.0.0.3:80"}
    assert len(changes) == 2


def test_who_comes_late_starts_slowly(pools: Pools):
    of = source()
    following = follow(of, pools)
    of.found([ONE])
    of.found([ONE, TWO])
    one, two = following.fleet.targets
    assert one.state.since.load() == 0
    assert two.state.since.load() > 0
    assert [target.state.since.load() for target in follow(of, pools).fleet.targets] == [0, 0], "a reload is no return"


def test_a_weight_that_changes_makes_a_new_target(pools: Pools):
    of = source()
    following = follow(of, pools)
    of.found([Endpoint("10.0.0.1", 80, 1)])
    old = following.fleet.targets[0]
    of.found([Endpoint("10.0.0.1", 80, 5)])
    assert following.fleet.targets[0].weight == 5
    assert following.fleet.targets[0].pool is old.pool
    assert following.fleet.targets[0].state.since.load() == 0, "it was there all the time"


def test_a_failure_keeps_what_was_found_and_is_told_once(pools: Pools, caplog: pytest.LogCaptureFixture):
    of = source()
    following = follow(of, pools)
    of.found([ONE])
    with caplog.at_level(logging.INFO, "gateway"):
        of.failed("timed out")
        of.failed("timed out")
        assert addresses(following) == ["10.0.0.1:80"]
        assert of.error == "timed out"
        of.found([ONE])
    assert of.error == ""
    assert [record.getMessage() for record in caplog.records] == [
        "dns catalog.test: timed out; its last 1 targets are kept",
        "dns catalog.test answers again",
    ]


def test_what_a_fleet_could_not_have_it_gets_with_the_next_answer(pools: Pools):
    of = source()
    following = follow(of, pools)
    make, following._target = following._target, lambda endpoint: Path("/a/certificate/that/is/not/there").read_bytes()
    with pytest.raises(FileNotFoundError):
        of.found([ONE])
    following._target = make
    of.found([ONE])
    assert addresses(following) == ["10.0.0.1:80"]


def test_an_empty_answer_is_an_answer(pools: Pools):
    of = source()
    following = follow(of, pools)
    of.found([ONE])
    of.found([])
    assert addresses(following) == []


def test_a_finder_that_breaks_is_a_failure(caplog: pytest.LogCaptureFixture):
    class Broken:
        def run(self, found, failed):
            raise RuntimeError("a bug")

    of = source(finder=Broken())
    of.start()
    of.wait(30)
    of.stop()
    assert of.error and "a bug" in caplog.text


def test_who_comes_before_the_first_answer_waits_for_it():
    of = source()
    upstream = Discovered(lambda asked: Response(200, []), of, 5.0)
    waiting = gevent.spawn(upstream.fetch, exchange(deadline=float("inf")))
    gevent.idle()  # it runs as far as it can
    assert not waiting.ready()
    of.failed("no server")
    assert waiting.get(timeout=30).status == 200
    assert upstream.fetch(exchange(deadline=0.0)).status == 200


@pytest.mark.parametrize(("patience", "deadline"), [(0.01, float("inf")), (5.0, 0.0)])
def test_but_not_for_ever(patience: float, deadline: float):
    upstream = Discovered(lambda asked: Response(503, []), source(), patience)
    with gevent.Timeout(4):
        assert upstream.fetch(exchange(deadline=deadline)).status == 503


def test_a_reload_keeps_a_source_and_ends_one_that_nobody_follows(pools: Pools):
    sources = DiscoveryRegistry()
    of = sources.get(SPEC)
    assert sources.get(Dns("http", "catalog.test", 80, "")) is of
    old, new = follow(of, pools), None
    of.found([ONE])
    sources.follow([old])
    assert sources.pool_keys() == old.pool_keys()
    new = follow(of, pools)
    assert addresses(new) == addresses(old), "what is known is known at once"
    of.found([ONE, TWO])
    sources.follow([new])
    of.found([TWO])
    assert addresses(new) == ["10.0.0.2:80"]
    assert addresses(old) == ["10.0.0.1:80", "10.0.0.2:80"], "the old plan is left alone"
    sources.follow([])
    assert sources.pool_keys() == frozenset()
    assert sources.get(SPEC) is not of


def test_a_plan_hears_what_changed_while_it_was_made(pools: Pools):
    sources = DiscoveryRegistry()
    of = sources.get(SPEC)
    made = follow(of, pools)
    of.follows = ()
    of.found([ONE])
    assert addresses(made) == []
    sources.follow([made])
    assert addresses(made) == ["10.0.0.1:80"]


def test_a_plan_that_cannot_have_what_was_found_gets_the_rest(pools: Pools, caplog: pytest.LogCaptureFixture):
    sources = DiscoveryRegistry()
    of, other = sources.get(SPEC), sources.get(Dns("http", "other.test", 80, ""))
    made, rest = follow(of, pools), follow(other, pools)
    of.follows = other.follows = ()
    of.found([ONE])
    other.found([TWO])
    make, made._target = made._target, lambda endpoint: Path("/a/certificate/that/is/not/there").read_bytes()
    sources.follow([made, rest])
    assert addresses(rest) == ["10.0.0.2:80"] and "cannot be used" in caplog.text
    made._target = make
    of.found([ONE])
    assert addresses(made) == ["10.0.0.1:80"]


def test_nothing_is_looked_for_before_the_start(pools: Pools, monkeypatch: pytest.MonkeyPatch):
    finder = Idle()
    monkeypatch.setattr("gateway.upstream.discovery.registry._finder", lambda spec: finder)
    sources = DiscoveryRegistry()
    following = follow(sources.get(SPEC), pools)
    sources.follow([following])
    gevent.idle()  # whatever was begun would run now
    assert finder.runs == 0
    sources.start()
    sources.follow([following])
    until(lambda: finder.runs == 1)
    sources.stop()
    sources.start()
    until(lambda: finder.runs == 2)
    sources.follow([])
