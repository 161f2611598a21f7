"""Ten thousand routes: read, served and reloaded while a client asks every five milliseconds.

How long that takes is measured by `make bench`; the limits here are generous.
"""

import time

import pytest

from tests.support.gateway import wait_until
from tests.support.operations import Asker, get, page_of, respond, running, server
from tests.support.tries import first_quick

pytestmark = pytest.mark.timed

ROUTES = 10_000


def config(version, routes=ROUTES):
    lines = [server(2), "upstreams: {up: {targets: ['http://127.0.0.1:9']}}\nroutes:\n", respond(version)]
    lines += [
        f"  - {{name: r{number}, match: {{path: '/s{number % 100}/n{number}/{{id:int}}', methods: [GET]}},"
        f" upstream: up, rewrite: '/{version}/{{id}}', headers: {{response: {{set: {{X-Plan: '{version}'}}}}}}}}\n"
        for number in range(routes - 1)
    ]
    return "".join(lines)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    began = time.monotonic()
    with running(tmp_path_factory.mktemp("large"), config(1)) as gateway:
        assert get(gateway, "/plan")[2] == b"1"
        assert time.monotonic() - began < 15.0
        yield gateway


def test_a_reload_holds_nobody_up(gateway):
    askers = [Asker(gateway.port, "/plan", 0.005) for _ in range(2)]
    for asker in askers:
        asker.start()
    versions = iter((2, 3))
    times = []

    def reload():
        version = next(versions)
        gateway.write(config(version))
        began = time.monotonic()
        status, told = gateway.admin("/api/reload", "POST")
        times.append(time.monotonic() - began)
        assert (status, told["changed"]) == (200, True)
        assert get(gateway, "/plan")[2] == b"%d" % version
        return times[-1]

    assert first_quick(reload, lambda took: took < 15.0, tries=2) < 15.0
    for asker in askers:
        assert asker.stop().failures == []
        assert asker.count > sum(times) / 0.02, "it was answered all the time"
        assert asker.slowest < 1.0


def test_all_routes_are_told(gateway):
    status, routes = gateway.admin("/api/routes")
    assert (status, len(routes)) == (200, ROUTES)


def test_the_memory_of_old_plans_comes_back(gateway):
    """Plans live outside of the garbage collector's sight, so what a reload leaves would stay for ever."""

    page = page_of(gateway.pid)

    def reload(number):
        gateway.write(config(number, 2000))
        assert gateway.admin("/api/reload", "POST")[0] == 200
        return memory()

    def memory():
        return sum(worker.memory for worker in page.workers())

    reload(10)
    before = reload(11)
    for number in range(12, 16):
        reload(number)
    # Each says once a second how much it has; a plan of 2,000 routes takes over 10 MB in each worker.
    wait_until(lambda: memory() < before + 20e6, "the memory of four plans is back")
