"""Limits in a real Redis: what is let in, what is given back, what is told; alone and on a cluster."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from time import monotonic, sleep

import gevent
import pytest

from gateway.errors import GatewayError
from gateway.exchange import LIMIT_ALONE, LIMIT_SHADOW
from gateway.ratelimit.keys import store_key
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.options import Penalty, Rate, RateLimit
from gateway.ratelimit.pace import TICK
from gateway.ratelimit.redis_exact import RedisGcra
from gateway.ratelimit.redis_limits import DistributedLimits
from gateway.ratelimit.refund import STATE
from gateway.ratelimit.runtime import RateLimitRuntime
from gateway.state.redis.address import parse
from gateway.state.redis.scripts import Scripts
from tests.exchanges import exchange
from tests.support.gateway import wait_until
from tests.support.greenlets import until
from tests.support.patient import patient
from tests.support.redis import RedisServer, cluster, redis
from tests.support.tries import first_quick

HOUR_NS = 3600 * 10**9
SLOW = Rate(1, 3600, 3)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RedisServer]:
    with patient(), redis(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture(scope="module")
def nodes(tmp_path_factory) -> Iterator[list[RedisServer]]:
    with patient(), cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


class Host:
    """One gateway's limits over a Redis."""

    def __init__(self, url: str) -> None:
        self.limiting = RateLimitRuntime.private()
        self.scripts = Scripts(parse(url))
        self.exact = RedisGcra(self.scripts)
        self.now = 10**15

    def limit(self, name: str, rate: Rate = SLOW, **more) -> Limit:
        known = {"cost": 1, "is_shadow": False, "plan_claim": "", "plans": (), "legacy": False, "where": "f:1"} | more
        return Limit(RateLimit(name, ("all",), rate, **known), f"routes/r/{name}", "r", self.limiting.keys, TICK)

    def ask(self, *limits: Limit) -> str:
        """ok, or the slug of the refusal."""
        self.exchange = exchange()
        step = DistributedLimits(limits, self.limiting.page, self.exact, self.limiting.page, lambda: self.now)
        try:
            step.on_request(self.exchange)
        except GatewayError as error:
            self.error = error
            return error.kind.slug
        return "ok"

    def debts(self) -> dict[str, int]:
        return {limit.name: debt for _, limit, _, _, _, debt in self.exchange.state[STATE]}


@pytest.fixture
def host(server) -> Iterator[Host]:
    server.ask("FLUSHALL")
    made = Host(f"redis://127.0.0.1:{server.port}/0")
    yield made
    made.scripts.close()


@pytest.fixture
def spread(nodes) -> Iterator[Host]:
    for node in nodes:
        node.ask("FLUSHALL")
    made = Host(f"redis+cluster://127.0.0.1:{nodes[0].port}")
    yield made
    made.scripts.close()


def key(limit: Limit) -> str:
    return store_key(limit.named(exchange())[0]).decode()


def test_a_burst_is_let_in_over_all_hosts_and_what_is_left_comes_with_the_answer(host, server):
    other = Host(f"redis://127.0.0.1:{server.port}/0")
    one, same = host.limit("n"), other.limit("n")

    def asked() -> tuple[list[str], dict[str, str]]:
        server.ask("FLUSHALL")
        found = [host.ask(one), other.ask(same), host.ask(one), other.ask(same), host.ask(one)]
        return found, dict(host.error.headers)

    found, fields = first_quick(asked, lambda each: each[1]["Retry-After"] == "3600")
    assert found == [*["ok"] * 3, *["rate-limited"] * 2]
    assert fields["Retry-After"] == "3600" and fields["RateLimit"] == '"n";r=0;t=3600'
    assert len(server.ask("GET", key(one))) == 15 and 10_700_000 < int(server.ask("PTTL", key(one))[1:]) <= 10_800_000
    other.scripts.close()


def test_what_is_left(host):
    limit = host.limit("n", Rate(7, 1, 5))
    host.ask(limit)
    (debt,) = host.debts().values()
    assert limit.pace.left(debt) == 4 and debt == limit.pace.interval


@pytest.mark.parametrize("fixture", ["host", "spread"])
def test_a_refusal_takes_nothing_from_the_others(fixture, request):
    host = request.getfixturevalue(fixture)
    wide, narrow, last = (
        host.limit("wide", Rate(1, 3600, 9)),
        host.limit("narrow"),
        host.limit("last", Rate(1, 3600, 9)),
    )
    asked = [host.ask(wide, narrow, last) for _ in range(6)]
    assert asked == [*["ok"] * 3, *["rate-limited"] * 3]
    assert host.error.detail.startswith("The limit narrow is used up")
    left = []
    for limit in (wide, last):  # what is given back on a cluster was sent before this
        host.ask(limit)
        left.append(limit.pace.left(host.debts()[limit.name]))
    assert left == [5, 5]


def test_what_an_earlier_step_took_is_given_back(host, server):
    first, second = host.limit("first", Rate(1, 3600, 9)), host.limit("second", Rate(1, 3600, 1))
    host.ask(second)
    made = exchange()
    steps = [
        DistributedLimits([each], host.limiting.page, host.exact, host.limiting.page, lambda: host.now)
        for each in (first, second)
    ]
    steps[0].on_request(made)
    with pytest.raises(GatewayError):
        steps[1].on_request(made)
    until(lambda: server.ask("EXISTS", key(first)) == ":0")  # the bucket is full again


def test_a_shadow_refuses_nobody_and_is_not_told(host, caplog):
    shadow, real = host.limit("dark", is_shadow=True), host.limit("real", Rate(1, 3600, 9))
    assert [host.ask(shadow, real) for _ in range(5)] == ["ok"] * 5
    assert caplog.messages == ["the limit dark (shadow) would have refused 1 more requests in this worker"]
    assert real.pace.left(host.debts()["real"]) == 4
    assert host.exchange.marks == LIMIT_SHADOW


@pytest.mark.parametrize("fixture", ["host", "spread"])
def test_a_cost_that_the_answer_says_is_charged_and_given_back(fixture, request):
    host = request.getfixturevalue(fixture)
    names = itertools.count()

    def waits() -> str:
        """Seconds until a debt is paid: they pass meanwhile."""
        limit = host.limit(f"n{next(names)}", Rate(1, 3600, 10), cost=2, cost_header="x-cost", cost_max=20)
        # A server that does not know a script yet runs it after what came with it.
        host.exact.charge(limit.named(exchange())[0], 0, limit.pace, 1, host.now)
        host.ask(limit)
        assert host.exact.clear(key(limit).rpartition(":")[2])
        host.ask(limit)
        host.exact.charge(limit.named(exchange())[0], 0, limit.pace, 3, host.now)
        host.ask(limit)
        assert hours(host) == 7
        host.exact.charge(limit.named(exchange())[0], 0, limit.pace, 18, host.now)
        assert host.ask(limit) == "rate-limited"
        found = dict(host.error.headers)["Retry-After"]
        host.exact.charge(limit.named(exchange())[0], 0, limit.pace, -100, host.now)
        host.ask(limit)
        assert hours(host) == 2, "never fuller than full"
        return found

    assert first_quick(waits, lambda seconds: seconds == str(17 * 3600)) == str(17 * 3600)


def hours(host: Host) -> int:
    (debt,) = host.debts().values()
    return -(-debt // HOUR_NS)


@pytest.mark.parametrize("fixture", ["host", "spread"])
def test_a_penalty_blocks_and_is_lifted(fixture, request):
    host = request.getfixturevalue(fixture)
    limit, other = host.limit("n", penalty=Penalty(2, 60.0, 600.0)), host.limit("other", Rate(1, 3600, 99))
    assert [host.ask(limit, other) for _ in range(6)] == [*["ok"] * 3, "rate-limited", "blocked", "blocked"]
    fields = dict(host.error.headers)
    assert 595 <= int(fields["Retry-After"]) <= 600 and fields["RateLimit"].startswith('"n";r=0;t=')
    host.ask(other)
    assert other.pace.left(host.debts()["other"]) == 95, "who is blocked takes nothing"
    assert host.exact.clear(key(limit).rpartition(":")[2]) is True
    assert host.ask(limit) == "ok"
    assert host.exact.clear("0" * 32) is False


def test_refusals_are_forgotten_in_time(host, server):
    limit = host.limit("n", Rate(1, 3600, 1), penalty=Penalty(2, 2.0, 600.0))
    asked = [host.ask(limit), host.ask(limit)]
    until = int(server.ask("GET", key(limit)).split()[1])
    wait_until(lambda: ticks(server) > until, "the refusal is forgotten")
    assert [*asked, host.ask(limit)] == ["ok", "rate-limited", "rate-limited"]
    assert host.ask(limit) == "blocked"


def ticks(server: RedisServer) -> int:
    """The time of a Redis."""
    script = "local t = redis.call('TIME') return (t[1] - 1735689600) * 8000000 + t[2] * 8"
    return int(server.ask("EVAL", script, "0")[1:])


def test_many_that_ask_at_once_share_a_round_trip(host, server):
    names = itertools.count()

    def asked() -> tuple[int, int, int]:
        """How often Redis was late, how many were let in, and how often it read."""
        until(lambda: not host.scripts.is_down)
        limit = host.limit(f"n{next(names)}", Rate(1, 3600, 50))
        host.ask(limit)
        reads, failures = reads_of(server), host.scripts.failures
        found = [gevent.spawn(host.ask, limit) for _ in range(100)]
        gevent.joinall(found)
        let_in = [each.value for each in found].count("ok")
        return host.scripts.failures - failures, let_in, reads_of(server) - reads

    failures, let_in, reads = first_quick(asked, lambda found: found[0] == 0)
    assert (failures, let_in) == (0, 49)
    assert reads < 10, "100 requests, but a batch or two"


def reads_of(server: RedisServer) -> int:
    info = server.ask("INFO", "stats")
    return int(info.partition("total_reads_processed:")[2].split()[0])


def test_a_server_that_forgot_its_scripts_is_told_again(host, server):
    limit = host.limit("n", Rate(1, 3600, 50))
    host.ask(limit)
    server.ask("SCRIPT", "FLUSH")
    gevent.joinall([gevent.spawn(host.ask, limit) for _ in range(9)])
    host.ask(limit)
    assert limit.pace.left(host.debts()["n"]) == 39


@pytest.mark.parametrize("mode", ["local", "allow", "deny"])
def test_a_store_that_refuses_a_command_is_one_that_failed(host, server, mode):
    limit = host.limit("n", Rate(1, 3600, 1), on_failure=mode)
    server.ask("LPUSH", key(limit), "x")
    expected = {"local": ["ok", "rate-limited"], "allow": ["ok", "ok"], "deny": ["limits-unavailable"] * 2}
    assert [host.ask(limit), host.ask(limit)] == expected[mode]
    assert host.scripts.failures == 2 and not host.scripts.is_down
    assert host.exchange.marks == LIMIT_ALONE


def test_no_window_lets_in_more_than_rate_and_burst(host):
    """By Redis's own clock, whatever the pauses between requests are."""
    limit, dice, let_in = host.limit("window", Rate(400, 1, 10)), random.Random(7), []
    end, patience = monotonic() + 0.8, monotonic() + 15
    while monotonic() < end or (len(let_in) <= 100 and monotonic() < patience):
        for _ in range(dice.choice((1, 5, 30))):
            before = monotonic()
            if host.ask(limit) == "ok":
                let_in.append((before, monotonic()))
        sleep(dice.choice((0.0, 0.002, 0.03)))
    assert len(let_in) > 100
    for first, (began, _) in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= 400 * (let_in[last][1] - began) + 10 + 1
