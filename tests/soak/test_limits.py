"""Limits for their written durations: a minute far above them, every way in which a Redis can fail, a million keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter_ns

import pytest

from gateway.ratelimit import bucket_table as shared
from gateway.ratelimit.options import Rate
from gateway.ratelimit.pace import TICK, LimitRate
from gateway.ratelimit.redis_leased import lease
from tests.soak.figures import keep
from tests.support.flood import flood, gateways, steady_flood
from tests.support.gateway import wait_until
from tests.support.operations import running, server
from tests.support.redis import cluster, redis, sentinel
from tests.support.slowed import slowed
from tests.support.steady import Asked, Steady, at

SECONDS = 60
LIMIT = Rate(300, 1, 100)
LEASE = lease(LimitRate("n", LIMIT, 1, False, unit=TICK))
BUSY = """
routes:
  - {name: busy, match: {path: /busy}, respond: {status: 200}, rate_limit: {per: route, rate: 300/s, burst: 100SYNC}}
"""
WIDE = """
routes:
  - {name: wide, match: {path: /wide}, respond: {status: 200}, rate_limit: {per: ip, rate: 10000/s, burst: 10000SYNC}}
"""
#: requests a second while a Redis fails; seconds of calm, of each failure, and of the time after it
STEADY, CALM, TROUBLE, AFTER = 200.0, 10.0, 15.0, 8.0
ADDED = 0.005
pytestmark = pytest.mark.soak


@contextmanager
def stores(folder, kind: str) -> Iterator[str]:
    """The address of a Redis or of a cluster."""
    if kind == "cluster":
        with cluster(folder) as nodes:
            yield f"redis+cluster://127.0.0.1:{nodes[0].port}"
    else:
        with redis(folder) as made:
            yield f"redis://127.0.0.1:{made.port}/0"


def test_eight_workers_for_a_minute(tmp_path):
    with running(tmp_path, server(8) + BUSY.replace("SYNC", "")) as gateway:
        wait_until(lambda: len(gateway.workers()) == 8, "all workers are there")
        _judge("memory", flood(tmp_path, [gateway], "/busy", SECONDS), 0, "store: memory, eight workers")


@pytest.mark.parametrize(("kind", "sync"), [("single", "exact"), ("single", "leased"), ("cluster", "leased")])
def test_two_gateways_for_a_minute(tmp_path, kind, sync):
    with stores(tmp_path, kind) as url:
        with gateways(tmp_path, url, BUSY.replace("SYNC", f", sync: {sync}"), 2, workers=4) as made:
            found = steady_flood(made, "/busy", 3 * LIMIT.count, SECONDS)
            assert "Traceback" not in "".join(each.output() for each in made)
    more = 2 * LEASE if sync == "leased" else 0
    _judge(f"{kind}-{sync}", found, more, f"{sync} over a Redis ({kind}), two gateways of four workers")


def _judge(name: str, found, more: int, title: str) -> None:
    expected = LIMIT.count * found.took + LIMIT.burst
    rows = {
        "asked": found.asked,
        "let in": found.let_in,
        "rate x seconds + burst": f"{expected:.0f}",
        "let in, of that": f"{found.let_in / expected:.2%}",
        "leases, beyond that": more,
    }
    keep(f"limits-{name}", f"A limit of 300/s for a minute: {title}", rows)
    assert found.asked > 5 * LIMIT.count * SECONDS and not found.failed
    assert 0.99 * LIMIT.count * SECONDS <= found.let_in <= 1.01 * LIMIT.count * found.took + LIMIT.burst + more


@pytest.mark.parametrize("sync", ["leased", "exact"])
@pytest.mark.parametrize("trouble", ["killed", "stopped", "slow", "failover"])
def test_a_redis_in_trouble(tmp_path, trouble, sync):
    """Killed is killed, and started empty after it."""
    with redis(tmp_path) as master, slowed(master.port) as proxy:
        steps = {
            "killed": (master.stop, master.start),
            "stopped": (master.pause, master.resume),
            "slow": (lambda: setattr(proxy, "delay", 0.5), lambda: setattr(proxy, "delay", 0.0)),
        }
        if trouble == "failover":
            with redis(tmp_path, "--replicaof", "127.0.0.1", str(master.port)) as replica:
                with sentinel(tmp_path, master, "main") as watcher:
                    wait_until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "it follows")
                    url = f"redis+sentinel://127.0.0.1:{watcher.port}/main"
                    _trouble(tmp_path, url, trouble, sync, lambda: _fail_over(watcher, master), lambda: None)
        else:
            _trouble(tmp_path, f"redis://127.0.0.1:{proxy.port}/0", trouble, sync, *steps[trouble])


def _fail_over(watcher, master) -> None:
    wait_until(lambda: watcher.ask("SENTINEL", "FAILOVER", "main") == "+OK", "there is a replica to go to")
    master.stop()


def _trouble(folder, url: str, trouble: str, sync: str, begin, end) -> None:
    with gateways(folder, url, WIDE.replace("SYNC", f", sync: {sync}"), 1, workers=2) as (gateway,):
        Steady(gateway.port, STEADY, 2.0, "/wide").result()
        calm = Steady(gateway.port, STEADY, CALM, "/wide").result()
        load = Steady(gateway.port, STEADY, TROUBLE + AFTER, "/wide")
        began = time.monotonic()
        begin()
        timer = threading.Timer(TROUBLE, end)
        timer.start()
        asked = load.result()
        timer.join()
        output = gateway.output()
    meanwhile = [each for each in asked if each.due < began + TROUBLE]
    added = at(0.99, meanwhile) - at(0.99, calm)
    rows = {
        "p50, p99, slowest before": _times(calm),
        "p50, p99, slowest meanwhile": _times(meanwhile),
        "p99 added": f"{added * 1e3:.1f} ms",
        "p50, p99, slowest in all": _times(asked),
        "answered with another status than 200": sum(each.status != 200 for each in asked),
    }
    name = "leased" if sync == "leased" else "exact, on_store_failure: local"
    title = f"A Redis {trouble} for {TROUBLE:g} s at {STEADY:g} requests a second, {name}"
    keep(f"limits-{trouble}-{sync}", title, rows)
    assert {each.status for each in calm + asked} == {200}
    assert "Traceback" not in output
    assert added <= ADDED, rows


def _times(asked: list[Asked]) -> str:
    return ", ".join(f"{at(share, asked) * 1e3:.1f} ms" for share in (0.5, 0.99, 1.0))


def test_a_million_keys():
    """Each key is met once, ten thousand of them in a second; the last take as long as the first."""
    buckets = shared.private(shared.CAPACITY)
    interval, batch, times = 10**8, 10_000, []
    for first in range(0, 1_000_000, batch):
        numbers = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(first + 1, first + batch + 1)]
        now = 10**15 + first * 10**9 // batch
        began = perf_counter_ns()
        let_in = sum(buckets.debit(number, interval, 10 * interval, 1, now) <= 0 for number in numbers)
        times.append((perf_counter_ns() - began) / batch)
        assert let_in == batch
    rows = {
        "capacity": buckets.capacity,
        "a take, the first 10,000 keys (with the memory's first use)": f"{times[0]:.0f} ns",
        "a take, median of ten thousands": f"{median(times):.0f} ns",
        "a take, the last 10,000 of 1,000,000 keys": f"{times[-1]:.0f} ns",
        "had to share a bucket": buckets.overflowed,
    }
    keep("limits-keys", "A million keys in the buckets of a host, each new", rows)
    assert buckets.overflowed == 0
    assert median(times[-10:]) <= 2 * median(times[:10]), rows
