"""A real statsd daemon gets what a real gateway counts; and what happens when it is not there."""

import pytest

from tests.support import statsd
from tests.support.gateway import free_port, wait_until
from tests.support.operations import get, observer, respond, running, server


def config(port, more=""):
    text = server(1) + "routes:\n" + respond("one")
    section = f", statsd: {{host: 127.0.0.1, port: {port}, prefix: shop{more}}}}}"
    return text.replace('{access_log: {format: "off"}}', '{access_log: {format: "off"}' + section)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with statsd.running(tmp_path_factory.mktemp("statsd")) as daemon:
        yield daemon


def test_counts_and_gauges_arrive_and_nothing_is_lost(daemon, tmp_path):
    with running(tmp_path, config(daemon.port)) as gateway:
        wait_until(lambda: daemon.gauge("shop.workers.count") == 1, "the observer sends")
        for _ in range(40):
            assert get(gateway, "/plan")[0] == 200
        assert get(gateway, "/nowhere")[0] == 404
        # What the observer sends at one time may be flushed in two parts.
        for name, count in (
            ("shop.route.plan.GET.2xx.requests", 40),
            ("shop.route.unmatched.GET.4xx.requests", 1),
            ("shop.requests.GET.2xx.requests", 40),
        ):
            wait_until(lambda name=name, count=count: daemon.count(name) == count, f"{count} of {name}")
        assert 0 < wait_until(lambda: daemon.gauge("shop.route.plan.duration.p99"), "the percentile") < 5000
        all_timed = pytest.approx(40, rel=1e-6)
        wait_until(lambda: daemon.timed("shop.route.plan.duration")[0] == all_timed, "all are timed")
        assert 0 < daemon.timed("shop.route.plan.duration")[1] < 5000
        assert wait_until(lambda: daemon.gauge("shop.worker.0.memory"), "the worker's memory") > 10e6
        text = gateway.admin("/metrics")[1].decode()
        assert "gateway_statsd_dropped_total 0.0" in text
        assert not [flush for flush in daemon.flushes() if flush["counters"].get("statsd.bad_lines_seen")]


def test_a_daemon_that_is_not_there_is_no_trouble(tmp_path):
    with running(tmp_path, config(free_port())) as gateway:

        def dropped():
            answer = gateway.admin("/metrics")
            text = answer[1].decode() if answer[0] == 200 else ""
            return [line for line in text.splitlines() if line.startswith("gateway_statsd_dropped_total")]

        wait_until(lambda: (found := dropped()) and float(found[0].split()[1]) > 0, "drops are counted")
        pid = observer(gateway.pid)
        assert get(gateway, "/plan")[0] == 200
        assert observer(gateway.pid) == pid
        assert "Traceback" not in gateway.output()
