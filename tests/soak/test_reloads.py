"""A thousand configurations, each read, checked and swapped in by two workers while wrk and three clients ask."""

import time

import pytest

from tests.soak.figures import keep
from tests.support.operations import Asker, Wrk, respond, running, server
from tests.support.raw import Upstream, echo

SWAPS = 1000
pytestmark = pytest.mark.soak


def config(port, version):
    return (
        server(2)
        + f"upstreams: {{echo: {{targets: ['http://127.0.0.1:{port}']}}}}\n"
        + "routes:\n"
        + respond(version)
        + "  - {name: echo, match: {path: '/echo/{rest:path}'}, upstream: echo, rewrite: '/v%s/{rest}',"
        " headers: {response: {set: {X-Plan: '%s'}}}}\n" % (version, version)
    )


def agrees(headers, body):
    return body.startswith(b"GET /v%s/x HTTP/1.1\r\n" % headers["x-plan"].encode())


def test_a_thousand_reloads_under_load(tmp_path):
    upstream = Upstream(echo)
    with running(tmp_path, config(upstream.port, 0)) as gateway:
        askers = [Asker(gateway.port, "/echo/x", 0.002, agrees) for _ in range(3)]
        wrk = Wrk(tmp_path, f"{gateway.url}/plan", 1500, connections=16, check='headers["X-Plan"] == body')
        for asker in askers:
            asker.start()
        began, slowest, memory = time.monotonic(), 0.0, []
        for number in range(1, SWAPS + 1):
            gateway.write(config(upstream.port, number))
            at = time.monotonic()
            status, told = gateway.admin("/api/reload", "POST")
            slowest = max(slowest, time.monotonic() - at)
            assert (status, told["changed"]) == (200, True)
            if number % 100 == 0:
                memory.append(sum(worker["memory"] for worker in gateway.admin("/api/workers")[1]) / 2e6)
        took = time.monotonic() - began
        for asker in askers:
            asker.stop()
        counts = wrk.interrupt()
    upstream.close()
    failures = [failure for asker in askers for failure in asker.failures]
    requests = counts.pop("requests")
    keep(
        "reloads",
        "A thousand reloads under load",
        {
            "swaps, each run by both workers before the next": SWAPS,
            "seconds": f"{took:.0f}",
            "slowest reload, seconds": f"{slowest:.2f}",
            "requests answered to wrk (16 connections)": f"{requests:,}",
            "requests answered through an upstream (3 clients)": f"{sum(asker.count for asker in askers):,}",
            "failed, or of two versions at once": sum(counts.values()) + len(failures),
            "slowest answer of the three clients, ms": f"{max(asker.slowest for asker in askers) * 1000:.0f}",
            "memory of a worker after each 100 swaps, MB": " ".join(f"{each:.1f}" for each in memory),
        },
    )
    assert failures == []
    assert counts == dict.fromkeys(counts, 0)
    assert memory[-1] < memory[1] + 10, "memory stays where it is"
