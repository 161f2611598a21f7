"""How much limits let in of a load far above them: eight workers on one page, and gateways that lease of one Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flood import at_once, flood, gateways, steady_flood, undisturbed
from tests.support.gateway import Gateway, wait_until
from tests.support.operations import get, running, server
from tests.support.redis import cluster, redis
from tests.support.slowed import slowed

pytestmark = pytest.mark.timed

#: a burst of nearly a second: a load that is held up for as long loses little of what the limit lets in
RATE, BURST, SECONDS = 100, 80, 4
#: seconds of a load that leaves the machine nothing
FLOOD = 2
#: of such a limit: a tenth of a second of the rate
LEASE = 10
ROUTES = """
routes:
  - {name: busy, match: {path: /busy}, respond: {status: 200}, rate_limit: {per: route, rate: 100/s, burst: 80SYNC}}
  - {name: wide, match: {path: /wide}, respond: {status: 200}, rate_limit: {per: ip, rate: 1000/s, burst: 1000SYNC}}
  - {name: hour, match: {path: /hour}, respond: {status: 200}, rate_limit: {per: ip, rate: 1/h, burst: 3SYNC}}
"""
LEASED = ROUTES.replace("SYNC", ", sync: leased")


def test_eight_workers_admit_what_one_would(tmp_path: Path):
    with running(tmp_path, server(8) + ROUTES.replace("SYNC", "")) as gateway:
        wait_until(lambda: len(gateway.workers()) == 8, "all workers are there")
        began = time.monotonic()
        found = flood(tmp_path, [gateway], "/busy", FLOOD)
        let_in, took = found.let_in + at_once(gateway, "/busy"), time.monotonic() - began
    assert found.asked > 5 * RATE * FLOOD and not found.failed
    assert 0.99 * RATE * FLOOD + BURST - 22 <= let_in <= 1.01 * RATE * took + BURST


def folders(folder: Path) -> Iterator[Path]:
    """Three at most: on a busy machine a Redis may be late, and then gateways limit by themselves for a while."""
    for number in range(3):
        made = folder / str(number)
        made.mkdir()
        yield made
    raise AssertionError("the store was late each time")


def test_gateways_that_lease_admit_the_limit_and_a_lease_each(tmp_path: Path):
    with redis(tmp_path) as store:
        for folder in folders(tmp_path):
            with gateways(folder, f"redis://127.0.0.1:{store.port}/0", LEASED, 2, workers=4) as made:
                found = steady_flood(made, "/busy", 3 * RATE, SECONDS)
                assert "Traceback" not in "".join(each.output() for each in made)
                if undisturbed(made):
                    break
            store.ask("FLUSHALL")
    assert found.asked > 5 * RATE * SECONDS and not found.failed
    assert 0.99 * RATE * SECONDS + BURST - 22 <= found.let_in <= 1.01 * RATE * found.took + BURST + 2 * LEASE


def test_gateways_on_a_cluster_hear_of_each_other(tmp_path: Path):
    with cluster(tmp_path) as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        for folder in folders(tmp_path):
            with gateways(folder, url, LEASED, 2) as made:
                let_in, refused = 0, 0
                while refused < 100:
                    statuses = [get(each, "/hour")[0] for each in made]
                    let_in += statuses.count(200)
                    refused = 0 if 200 in statuses else refused + 1
                assert "Traceback" not in "".join(each.output() for each in made)
                if undisturbed(made):
                    break
            for node in nodes:
                node.ask("FLUSHALL")
    assert 3 <= let_in <= 3 + 2, "a lease of this limit is 1"


def seconds_of(gateway: Gateway, requests: int) -> float:
    """What so many requests take, one after the other; all are let in."""
    began = time.monotonic()
    assert [get(gateway, "/wide")[0] for _ in range(requests)] == [200] * requests
    return time.monotonic() - began


def test_nobody_waits_for_a_redis_that_is_silent_slow_or_dead(tmp_path: Path):
    with redis(tmp_path) as store, slowed(store.port) as proxy:
        with gateways(tmp_path, f"redis://127.0.0.1:{proxy.port}/0", LEASED, 1) as (gateway,):
            took = seconds_of(gateway, 5)
            for trouble, remedy in ((store.pause, store.resume), (store.stop, store.start)):
                trouble()
                took += seconds_of(gateway, 10)
                remedy()
            proxy.delay = 0.5
            took += seconds_of(gateway, 10)
            assert took < 35 * 0.1, "not each of them waited"
            proxy.delay = 0.0
            wait_until(
                lambda: get(gateway, "/wide") and not gateway.admin("/api/limits")[1]["store"]["is_down"], "it is back"
            )
            assert "Traceback" not in gateway.output()
