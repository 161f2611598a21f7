"""What people are told: the overview, series over time, heatmaps, upstreams, certificates."""

import datetime
import os
import time
import types

import falcon.testing
import pytest

from gateway._fast.histogram import Histogram
from gateway.config.document import loads
from gateway.config.publish import PlanDirectory
from gateway.config.reload import publish_first
from gateway.control.dashboard import series
from gateway.control.dashboard.overview import Overview
from gateway.observability.collector.component import CollectorContext
from gateway.observability.collector.history import History
from gateway.observability.collector.http import make_app
from gateway.observability.metrics.self_metrics import OwnFigures, SelfMetrics, certificate_ends
from gateway.ratelimit.bucket_table import REGION, region_size
from gateway.state import SharedMemory
from gateway.upstream.status import GONE_AFTER, UpstreamStatus
from gateway.upstream.target_state import TargetStateTable
from tests.support.certs import authority, issue
from tests.unit.observer.made import calls, failure, figures, route

START = 1_800_000_000.0
CONFIG = """\
version: 1
upstreams:
  one: {targets: ["http://127.0.0.1:9101", "http://127.0.0.1:9102"], circuit_breaker: {}}
  pods: {dns: "http://pods.test:80"}
routes: [{name: item, match: {path: /}, upstream: one}]
"""


@pytest.fixture
def world(tmp_path):
    page = SharedMemory.create({REGION: region_size(64)}, workers_max=4)
    looks = UpstreamStatus(TargetStateTable.private())
    own = types.SimpleNamespace(figures=OwnFigures({}, {}, 3, "f" * 16, 12.0, 1, {"default": 60.0}, 10))
    yield CollectorContext(page, tmp_path, looks, History(), own)
    os.close(page.fd)


@pytest.fixture
def overview(world):
    made = Overview(world)
    world.looks.configure(loads(CONFIG))
    history = world.history
    for second in range(61):
        history.add(
            START + second,
            figures(
                {"item": route({("GET", "2xx"): 9 * second, ("GET", "5xx"): second}, {"internal": second},
                               {"cache_hit": 3 * second, "cache_miss": second}, 2, 100 * second,
                               [0.010] * (9 * second) + [0.5] * second)},
                {"one": calls({"2xx": 9 * second, "5xx": second})},
                {("one", "127.0.0.1:9101"): calls({"2xx": 9 * second}, {"upstream-refused": second})},
                failures=[failure(START + second)],
                clients=[("192.0.2.1", 40)],
            ),
        )  # fmt: skip
    return made


def test_a_limit_that_workers_find_by_themselves_is_not_told_by_who_asks_nobody(world):
    bounds = {"one": "{max_concurrency: 24}", "two": "{max_concurrency: adaptive}"}
    named = "".join(f'  {name}: {{targets: ["http://127.0.0.1:1"], overload: {it}}}\n' for name, it in bounds.items())
    world.looks.configure(
        loads(f"version: 1\nupstreams:\n{named}routes: [{{name: a, match: {{path: /}}, upstream: one}}]")
    )
    limits = {row["name"]: row["limit"] for row in world.looks.rows({})}
    assert limits == {"one": {"now": 24, "adaptive": False}, "two": None}


def test_the_overview(overview):
    told = overview.look("1m")
    assert (told["range"], told["covered"], told["gateway"]["config_mistakes"]) == ("1m", 60.0, 1)
    (item,) = told["routes"]
    assert (item["name"], item["requests"], item["requests_per_second"]) == ("item", 600, 10.0)
    assert (item["error_rate"], item["types"], item["in_flight"]) == (0.1, {"internal": 60}, 2)
    assert item["p50_ms"] == pytest.approx(10, rel=0.02)
    assert item["p99_ms"] == pytest.approx(500, rel=0.02)
    assert item["cache_hit_rate"] == 0.75
    assert told["now"]["requests"] == 100
    assert told["total"]["classes"] == {"2xx": 540, "5xx": 60}
    assert told["clients"] == [{"address": "192.0.2.1", "requests": 40}]
    assert told["failures"][0]["at"] == START + 60
    one = next(row for row in told["upstreams"] if row["name"] == "one")
    assert (one["tries"], one["failed"], one["circuit"]["state"]) == (600, 60, "closed")
    first, second = one["targets"]
    assert (first["address"], first["state"], first["failed"]) == ("127.0.0.1:9101", "serving", 60)
    assert (second["address"], second["tries"], second["p50_ms"]) == ("127.0.0.1:9102", 0, None)


def test_it_is_made_once_a_second(overview):
    assert overview.body("5m") is overview.body("5m")
    before = overview.body("5m")
    overview.tick(START + 61, figures())
    assert overview.body("5m") is not before


def test_over_http(overview):
    client = falcon.testing.TestClient(make_app([overview]))
    assert client.simulate_get("/api/overview").json["range"] == "5m"
    assert client.simulate_get("/api/overview?range=1y").status_code == 422
    told = client.simulate_get("/api/history?range=5m&route=item").json
    assert len(told["times"]) == len(told["p99_ms"]) == len(told["heatmap"]) == len(told["classes"]["5xx"]) == 60
    assert set(told["requests_per_second"]) == {10.0}
    assert set(told["error_rate"]) == {0.1}
    assert client.simulate_get("/api/history?route=").json["route"] == "", "what matched none"
    assert client.simulate_get("/api/history").json["route"] is None


def test_over_time_by_names_that_there_are(overview):
    overview.configure(loads(CONFIG.replace("name: item,", "name: quiet,")))
    client = falcon.testing.TestClient(make_app([overview]))
    assert client.simulate_get("/api/history?route=quiet").json["requests_per_second"] == [0.0] * 60
    assert client.simulate_get("/api/history?route=item").status_code == 200, "of an earlier configuration"
    assert client.simulate_get("/api/history?route=auth:login").status_code == 200, "one of the gateway's own"
    refused = client.simulate_get("/api/history?route=quite")
    assert (refused.status_code, refused.json["type"].rpartition(":")[2]) == (404, "unknown-route")
    assert refused.json["detail"] == "There is no route 'quite': did you mean `quiet`? there are: quiet."
    refused = client.simulate_get("/api/history?rout=quiet")
    assert (refused.status_code, refused.json["detail"]) == (
        422, "There is no parameter 'rout': did you mean `route`? there are: range, route."
    )  # fmt: skip


def test_rows_of_a_heatmap():
    heat = series.heat(Histogram([0.0001, 0.001, 0.001, 0.1, 1.0, 500.0]))
    assert sum(count for _, count in heat) == 6
    assert [row for row, _ in heat] == sorted(row for row, _ in heat)
    for row, seconds in ((heat[1][0], 0.001), (heat[2][0], 0.1), (heat[3][0], 1.0)):
        assert series.ROWS[row - 1] <= seconds * 1.02
        assert seconds <= series.ROWS[row] * 1.02
    assert heat[-1][0] == len(series.ROWS)


def test_found_targets_are_seen_as_long_as_workers_name_them(world, monkeypatch):
    traffic = world.looks._traffic
    world.looks.configure(loads(CONFIG))
    state = traffic.target("pods", "10.0.0.1:80")
    seen = [("pods", "10.0.0.1:80"), ("pods", "10.0.0.2:80"), ("one", "x:1")]

    def addresses():
        row = next(row for row in world.looks.rows(seen) if row["name"] == "pods")
        return [target["address"] for target in row["targets"]]

    assert addresses() == ["10.0.0.1:80"]
    assert traffic.last_named("pods", "10.0.0.2:80") is None, "who looks names nothing"
    state.named.store(state.named.load() - GONE_AFTER - 1)
    assert addresses() == []


def test_when_certificates_expire(tmp_path):
    pair = issue(tmp_path, authority(tmp_path), "a.test")
    cert, key = pair.cert, pair.key
    document = loads(f"version: 1\nserver: {{tls: {{cert: {cert}, key: {key}}}}}\nroutes: []\n")
    ends = certificate_ends(document)
    assert list(ends) == ["default"]
    assert ends["default"] > datetime.datetime.now(datetime.UTC).timestamp()
    os.truncate(cert, 10)
    assert certificate_ends(document)["default"] != certificate_ends(document)["default"]  # nan


def test_the_age_of_the_configuration(tmp_path):
    page = SharedMemory.create({}, workers_max=4)
    now = [1000.0]
    own = SelfMetrics(page, tmp_path, lambda: now[0])
    document = loads("version: 1\nroutes: []\n")
    own.configure(document, 1)
    own.tick(1010.0)
    assert own.figures.config_age == 10.0
    now[0] = 1020.0
    own.configure(document, 2)
    own.tick(1025.0)
    assert (own.figures.config_age, own.figures.generation) == (5.0, 2)
    assert own.figures.certificate_expiry == float("inf")
    os.close(page.fd)


def test_the_age_of_the_configuration_outlives_the_observer_and_an_upgrade(tmp_path):
    page = SharedMemory.create({}, workers_max=4)
    document = loads("version: 1\nroutes: []\n")
    generation = publish_first(document, page, tmp_path)
    began = PlanDirectory(tmp_path).since(generation)
    assert abs(began - time.time()) < 60

    def age(document, generation):
        own = SelfMetrics(page, tmp_path, lambda: began + 500)
        own.configure(document, generation)
        own.tick(began + 510)
        return own.figures.config_age

    assert age(document, generation) == 510.0
    PlanDirectory(tmp_path).date_back(generation, began - 1000)
    assert age(document, generation) == 1510.0
    later = publish_first(document, page, tmp_path)  # by the next master, of the same files
    assert later != generation and age(document, later) == 1510.0
    other = loads("version: 1\nroutes: []\nserver: {workers: 1}\n")
    assert age(other, publish_first(other, page, tmp_path)) < 511
    os.close(page.fd)
