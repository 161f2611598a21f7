"""Limits over a real Redis in service: gateways share them, and what happens while it dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.certs import authority, issue
from tests.support.flood import steady_flood
from tests.support.gateway import Gateway, wait_until
from tests.support.metered import reader, settled
from tests.support.operations import Asker, get, running, server
from tests.support.patient import patient_env
from tests.support.redis import RedisServer, cluster, redis
from tests.support.slowed import slowed

pytestmark = pytest.mark.timed

#: a burst of nearly a second: a load that is held up for as long loses little of what the limit lets in
RATE, BURST, SECONDS = 100, 80, 3
ROUTES = """
store: STORE
routes:
  - {name: busy, match: {path: /busy}, respond: {status: 200}, rate_limit: {per: route, rate: 100/s, burst: 80}}
  - name: hour
    match: {path: /hour}
    respond: {status: 200}
    rate_limit: {per: ip, rate: 1/h, burst: 3, penalty: {after: 2, within: 1h, block: 2h}}
  - name: two
    match: {path: /two}
    respond: {status: 200}
    rate_limit: [{name: wide, per: ip, rate: 1/h, burst: 9}, {name: narrow, per: all, rate: 1/h, burst: 3}]
  - name: cost
    match: {path: /cost}
    respond: {status: 200, headers: {X-Cost: "4", X-Other: "1"}}
    rate_limit: {per: ip, rate: 1/h, burst: 10, cost: {response_header: X-Cost, max: 8}}
  - name: deny
    match: {path: /deny}
    respond: {status: 200}
    rate_limit: {per: ip, rate: 1000/s, burst: 1000, on_store_failure: deny}
  - name: allow
    match: {path: /allow}
    respond: {status: 200}
    rate_limit: {per: ip, rate: 1/h, on_store_failure: allow}
"""


@contextmanager
def gateways(folder: Path, store: str, count: int = 1, *, is_patient: bool = True) -> Iterator[list[Gateway]]:
    """Not patient: they wait for the Redis as long as they do in service, and then each limits by itself."""
    env = patient_env(folder) if is_patient else {}
    with ExitStack() as stack:
        made = []
        for number in range(count):
            place = folder / f"gateway-{number}"
            place.mkdir()
            made.append(stack.enter_context(running(place, server(1) + ROUTES.replace("STORE", store), env=env)))
        yield made


def statuses(gateway: Gateway, path: str, times: int) -> list[int]:
    return [get(gateway, path)[0] for _ in range(times)]


def health(gateway: Gateway) -> dict[str, int]:
    found: dict[str, int] = gateway.admin("/api/limits")[1]["store"]
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[tuple[RedisServer, list[Gateway]]]:
    folder = tmp_path_factory.mktemp("shared")
    with redis(folder) as store, gateways(folder, f"redis://127.0.0.1:{store.port}/0", 2) as made:
        yield store, made


def loaded(made: list[Gateway]) -> tuple[int, float, int]:
    """(requests let in, seconds, questions to the Redis without an answer) of a load far above the limit."""
    before = sum(health(each)["failures"] for each in made)
    found = steady_flood(made, "/busy", 3 * RATE, SECONDS)
    assert not found.failed
    return found.let_in, found.took, sum(health(each)["failures"] for each in made) - before


def test_two_gateways_admit_what_one_would(shared):
    _, made = shared
    let_in, took, failures = loaded(made)
    assert failures == 0
    assert 0.99 * RATE * SECONDS + BURST - 22 <= let_in <= 1.01 * RATE * took + BURST


def test_a_penalty_holds_on_all_hosts_and_is_lifted_by_hand(shared):
    _, (one, other) = shared
    assert statuses(one, "/hour", 2) + statuses(other, "/hour", 2) == [200, 200, 200, 429]
    status, headers, body = get(one, "/hour")
    assert status == 429 and b"urn:gateway:error:blocked" in body and 7190 < int(headers["retry-after"]) <= 7200
    assert b"urn:gateway:error:blocked" in get(other, "/hour")[2]
    row = next(row for row in other.admin("/api/limits")[1]["refused"] if row["limit"] == "routes/hour/ip")
    assert row["key"] == "127.0.0.1" and 7000 < row["full_in"] <= 7200 and len(row["id"]) == 32
    assert one.admin(f"/api/limits/{row['id']}", "DELETE")[0] == 204
    assert statuses(other, "/hour", 1) == [200]
    assert one.admin(f"/api/limits/{'0' * 32}", "DELETE")[0] == 404


def test_a_refusal_takes_nothing_from_the_others_and_fields_tell_what_is_left(shared):
    _, (one, other) = shared
    assert statuses(one, "/two", 3) + statuses(other, "/two", 4) == [*[200] * 3, *[429] * 4]
    store, _ = shared
    digits = [row["id"] for row in other.admin("/api/limits")[1]["refused"] if row["limit"] == "routes/two/narrow"]
    assert other.admin(f"/api/limits/{digits[0]}", "DELETE")[0] == 204
    status, headers, _ = get(one, "/two")
    assert (status, headers["ratelimit"]) == (200, '"narrow";r=2;t=3600'), "wide has 5 left"


def test_a_cost_that_the_answer_says(shared):
    _, (one, other) = shared
    status, headers, _ = get(one, "/cost")
    assert status == 200 and "x-cost" not in headers and headers["x-other"] == "1"
    assert headers["ratelimit"] == '"ip";r=6;t=14400'
    wait_until(lambda: get(other, "/cost")[0] == 429, "what was charged is in the store")
    assert int(get(one, "/cost")[1]["retry-after"]) > 3600, "there is a debt"


def test_a_redis_that_dies_and_comes_back_empty_under_load(tmp_path):
    url = "redis://127.0.0.1:%d/0"
    with redis(tmp_path) as store, gateways(tmp_path, url % store.port, is_patient=False) as (gateway,):
        wait_until(lambda: get(gateway, "/deny")[0] == 200, "the store is there")
        assert statuses(gateway, "/hour", 3) == [200] * 3
        load = Asker(gateway.port, "/allow", 0.005, None)
        load.start()
        store.stop()
        wait_until(lambda: get(gateway, "/deny")[0] == 503, "limits cannot be asked")
        status, headers, body = get(gateway, "/deny")
        assert status == 503 and b"urn:gateway:error:limits-unavailable" in body and headers["retry-after"] == "1"
        assert statuses(gateway, "/allow", 3) == [200] * 3
        assert statuses(gateway, "/hour", 4) == [200, 200, 200, 429], "the buckets of this host"
        found = health(gateway)
        assert found["is_down"] is True and found["failures"] > 3
        counted = ("hour", "deny", "allow")
        settled(
            reader(gateway),
            lambda seen: all(seen.routes[name].outcomes.get("limit_alone", 0) for name in counted),
            "requests whose limits did without the store are counted",
        )
        store.start()
        wait_until(lambda: get(gateway, "/deny")[0] == 200, "it is found by itself")
        assert statuses(gateway, "/deny", 2) == [200] * 2
        assert statuses(gateway, "/hour", 1) == [200], "a store without a memory has full buckets"
        load.stop()
        assert not [each for each in load.failures if "429" not in each[:4]]
        assert "Traceback" not in gateway.output()


@pytest.mark.parametrize("trouble", ["silent", "slow"])
def test_a_redis_that_does_not_answer_in_time_makes_nobody_wait_for_long(tmp_path, trouble):
    with redis(tmp_path) as store, slowed(store.port) as proxy:
        with gateways(tmp_path, f"redis://127.0.0.1:{proxy.port}/0", is_patient=False) as (gateway,):
            wait_until(lambda: get(gateway, "/deny")[0] == 200, "the store is there")
            if trouble == "slow":
                proxy.delay = 0.5
            else:
                store.pause()
            wait_until(lambda: get(gateway, "/deny")[0] == 503, "it is found out")
            took = []
            for _ in range(10):
                began = time.monotonic()
                assert statuses(gateway, "/busy", 1) == [200]
                took.append(time.monotonic() - began)
            assert sorted(took)[5] < 0.09, "who waits for the store waits for a tenth of a second"
            proxy.delay = 0.0
            store.resume()
            wait_until(lambda: get(gateway, "/deny")[0] == 200, "it is found by itself")
            assert "Traceback" not in gateway.output()


def test_a_cluster(tmp_path):
    with cluster(tmp_path) as nodes, gateways(tmp_path, f"redis+cluster://127.0.0.1:{nodes[0].port}", 2) as made:
        for gateway in made:
            wait_until(lambda gateway=gateway: get(gateway, "/deny")[0] == 200, "it is connected")
        one, other = made
        assert statuses(one, "/two", 2) + statuses(other, "/two", 3) == [200, 200, 200, 429, 429]
        assert statuses(one, "/cost", 1) == [200]
        wait_until(lambda: get(other, "/cost")[0] == 429, "what was charged is in the store")
        assert "Traceback" not in one.output() + other.output()


def test_over_tls(tmp_path):
    ca = authority(tmp_path)
    pair = issue(tmp_path, ca, "store", "DNS:localhost")
    with redis(tmp_path, tls=(ca, pair)) as store:
        with gateways(tmp_path, f"rediss://localhost:{store.port}/0?ca={ca.cert}") as (gateway,):
            wait_until(lambda: get(gateway, "/deny")[0] == 200, "it is connected")
            assert statuses(gateway, "/two", 5) == [200, 200, 200, 429, 429]
            assert health(gateway)["is_down"] is False
