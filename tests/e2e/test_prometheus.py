"""A real Prometheus scrapes a real gateway, and finds what was sent."""

import json
import subprocess
import urllib.parse
import urllib.request
from contextlib import contextmanager

import pytest

from tests.support.gateway import free_port, wait_until
from tests.support.operations import get, respond, running, server

SCRAPE = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: gateway
    authorization: {credentials: secret}
    static_configs: [{targets: ["127.0.0.1:ADMIN"]}]
"""


@contextmanager
def prometheus(folder, admin):
    """Its address."""
    port = free_port()
    (folder / "prometheus.yml").write_text(SCRAPE.replace("ADMIN", str(admin)))
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def asked(address, expression):
    """{labels as text: value} of an expression now; None while it does not answer."""
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=5) as answer:
            found = json.load(answer)["data"]["result"]
    except OSError:
        return None
    return {json.dumps(each["metric"], sort_keys=True): float(each["value"][1]) for each in found}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    config = server(2, ", admin_token: secret") + "routes:\n" + respond("one")
    with running(tmp_path_factory.mktemp("scraped"), config) as gateway:
        yield gateway


def test_what_was_sent_is_found(gateway, tmp_path):
    for _ in range(25):
        assert get(gateway, "/plan")[0] == 200
    assert get(gateway, "/nowhere")[0] == 404
    with prometheus(tmp_path, gateway.admin_port) as address:

        def counted():
            found = asked(address, "sum by (route) (http_server_requests_total)") or {}
            return found if found.get('{"route": "plan"}') == 25 else None

        try:
            wait_until(counted, "25 requests in Prometheus")
        except AssertionError:
            pytest.fail((tmp_path / "prometheus.log").read_text())

        def values(expression):
            """What there is once there is something: a scrape that was late leaves nothing of the one before it."""
            return list(wait_until(lambda: asked(address, expression), expression).values())

        assert values('sum by (route) (http_server_requests_total{route="unmatched"})') == [1.0]
        wait_until(lambda: set(values("up")) == {1.0}, "the last scrape was good")
        assert set(values('http_server_request_duration_seconds_count{route="plan"}')) == {25.0}
        (p99,) = values("histogram_quantile(0.99, http_server_request_duration_seconds_bucket{route='plan'})")
        assert 0 < p99 < 5
        wait_until(lambda: len(asked(address, "gateway_worker_memory_bytes > 1e7") or ()) == 2, "two workers")


def test_nobody_scrapes_without_the_token(gateway):
    assert gateway.admin("/metrics")[0] == 401


def test_the_official_checker_finds_nothing(gateway):
    token = {"Authorization": "Bearer secret"}
    text = wait_until(lambda: (answer := gateway.admin("/metrics", headers=token))[0] == 200 and answer[1], "metrics")
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
