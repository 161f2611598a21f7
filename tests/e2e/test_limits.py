"""Limits in service: two workers hold one limit, whatever happens to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flood import at_once
from tests.support.gateway import Gateway, wait_until
from tests.support.operations import Wrk, get, running, server
from tests.support.through import ask
from tests.support.through import get as request

pytestmark = pytest.mark.timed

#: a burst of a second: a load that is held up for as long loses none of what the limit lets in
RATE, BURST, SECONDS = 20, 30, 3
ROUTES = """
rate_limits: [{name: edge, per: "header:X-Edge", rate: 1/h, burst: 2}]
routes:
  - {name: busy, match: {path: /busy}, respond: {status: 200}, rate_limit: {per: route, rate: 20/s, burst: 30}}
  - {name: slow, match: {path: /slow}, respond: {status: 200}, rate_limit: {per: ip, rate: SLOW, burst: 3}}
  - {name: dark, match: {path: /dark}, respond: {status: 200}, rate_limit: {per: all, rate: 1/h, mode: shadow}}
"""


def config(slow: str = "1/h", edge: int = 2) -> str:
    return server(2) + ROUTES.replace("SLOW", slow).replace("burst: 2", f"burst: {edge}")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with running(tmp_path, config(edge=1_000)) as made:
        wait_until(lambda: len(made.workers()) == 2, "both workers are there")
        yield made


def admitted(gateway: Gateway, folder: Path, meanwhile) -> tuple[int, int, float]:
    """(requests, those let in, seconds that it took at most) of a load far above the limit, and of what it left."""
    began = time.monotonic()
    load = Wrk(folder, f"{gateway.url}/busy", SECONDS)
    meanwhile()
    counts = load.result()
    left = at_once(gateway, "/busy")
    return counts["requests"], counts["requests"] - counts["wrong"] + left, time.monotonic() - began


def exact(found: tuple[int, int, float]) -> None:
    """Within 1 % of the rate and the burst; an answer or two may have died with a worker."""
    requests, let_in, took = found
    assert requests > 10 * RATE * SECONDS, "the load was above the limit"
    assert 0.99 * RATE * SECONDS + BURST - 7 <= let_in <= 1.01 * RATE * took + BURST


def named(gateway: Gateway, limit: str):
    """The row of a limit's bucket; None from a worker that does not know whose it is."""
    return next((row for row in gateway.admin("/api/limits")[1]["top"] if row["limit"] == limit), None)


def test_two_workers_admit_what_one_would(gateway, tmp_path):
    exact(admitted(gateway, tmp_path, lambda: None))
    assert gateway.output().count("Traceback") == 0


def test_a_reload_and_a_killed_worker_change_nothing(gateway, tmp_path):
    def trouble():
        gateway.write(config(edge=999))
        assert gateway.admin("/api/reload", "POST")[1]["changed"] is True
        victim = gateway.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in gateway.workers() and len(gateway.workers()) == 2, "it was replaced")

    exact(admitted(gateway, tmp_path, trouble))


def test_a_debt_outlives_reloads_and_all_workers(gateway):
    assert [get(gateway, "/slow")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    gateway.write(config(slow="2/h", edge=1_000))
    assert gateway.admin("/api/reload", "POST")[1]["changed"] is True
    assert get(gateway, "/slow")[0] == 429
    before = set(gateway.workers())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gateway.is_ready() and len(set(gateway.workers()) - before) == 2, "new workers")
    assert get(gateway, "/slow")[0] == 429


def test_what_answers_tell_and_the_admin_api_gives_back(gateway):
    status, headers, _ = get(gateway, "/slow")
    assert (status, headers["ratelimit-policy"]) == (200, '"ip";q=1;w=3600;gateway-burst=3')
    assert headers["ratelimit"] == '"ip";r=2;t=3600'
    assert [get(gateway, "/slow")[0] for _ in range(3)] == [200, 200, 429]
    status, headers, body = get(gateway, "/slow")
    assert status == 429 and headers["content-type"] == "application/problem+json" and b"rate-limited" in body
    assert 3590 <= int(headers["retry-after"]) <= 3600 and headers["ratelimit"].startswith('"ip";r=0;t=3')
    row = wait_until(lambda: named(gateway, "routes/slow/ip"), "a worker that met the key answers")
    assert row["key"] == "127.0.0.1" and 9000 < row["full_in"] <= 3 * 3600
    assert gateway.admin(f"/api/limits/{row['id']}", "DELETE")[0] == 204
    assert get(gateway, "/slow")[0] == 200


def test_a_shadow_lets_everybody_in_and_the_log_says_so(gateway):
    answers = [get(gateway, "/dark") for _ in range(4)]
    assert [status for status, _, _ in answers] == [200] * 4
    assert all('"all"' not in headers.get("ratelimit", "") for _, headers, _ in answers)
    wait_until(lambda: "the limit all (shadow) would have refused" in gateway.output(), "a line")


def test_the_room_for_keys_is_as_it_is_written(tmp_path):
    with running(tmp_path, server(2, ", limit_keys: 2048") + ROUTES.replace("SLOW", "1/h")) as gateway:
        for key in range(2):
            assert ask(gateway, request("/dark", f"X-Edge: {key}"))[0] == 200
        shown = gateway.admin("/api/limits")[1]
        assert (shown["capacity"], shown["used"], shown["overflowed"]) == (2048, 3, 0)
        wait_until(lambda: b"gateway_limit_buckets 3\n" in gateway.admin("/metrics")[1], "they are counted")
        assert b"gateway_limit_buckets_max 2048\n" in gateway.admin("/metrics")[1]


def test_what_matches_no_route_is_limited_too(tmp_path):
    with running(tmp_path, config()) as gateway:
        asked = [ask(gateway, request("/nowhere", "X-Edge: 1"))[0] for _ in range(4)]
        assert asked == [404, 404, 429, 429]
        assert ask(gateway, request("/busy", "X-Edge: 1"))[0] == 429, "the same bucket as that of every route"
        assert ask(gateway, request("/busy", "X-Edge: 2"))[0] == 200
