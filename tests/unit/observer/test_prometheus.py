"""The text for Prometheus: escaping, both formats, the official checker, and what it costs."""

import re
import subprocess
import types
from time import process_time

import falcon.testing
import pytest

from gateway.observability.collector.http import make_app
from gateway.observability.metrics.exposition import edges, histogram, labels, number, sample
from gateway.observability.metrics.prometheus import Prometheus
from gateway.observability.metrics.self_metrics import OwnFigures
from gateway.observability.metrics.worker_stats import LAGS, WorkerStats
from gateway.ratelimit.bucket_table import REGION, buckets_of, region_size
from gateway.state import SharedMemory, Worker, WorkerState
from tests.house.tree import ROOT
from tests.unit.observer.made import NONE, calls, figures, route

VITALS = WorkerStats(7, 0.002, 0.5, (1,) * (len(LAGS) + 1), (5, 2, 1), 0.01, 0.004, 20, 1024, 40_000_000, 1.5)
WORKER = Worker(7, 1_800_000_000.0, 1, "0" * 16, WorkerState.SERVING, 3, 99, 1.0, 40_000_000)
OWN = OwnFigures({0: WORKER}, {0: VITALS}, 1, "0" * 16, 12.5, 0, {"default": 86400.0, "x.test": float("nan")}, 4000)
ROW = {
    "name": "one",
    "in_panic": False,
    "circuit": {"state": "open"},
    "targets": [{"address": "x:1", "state": "serving"}, {"address": "x:2", "state": "down"}],
}
BUSY = figures(
    {
        "item": route(
            {("GET", "2xx"): 3, ("PUT", "5xx"): 1},
            {"internal": 1, "rate-limited": 2},
            {"cache_hit": 2, "cache_miss": 1, "limit_shadow": 1, "limit_alone": 4, "retried": 1, "hedged": 1},
            2, 12345, [0.004, 0.02, 0.3, 20.0], [0.3], [0.0002],
        ),
        "": route({("GET", "4xx"): 2}, {"route-not-found": 2}, durations=[0.001] * 2),
    },
    {"one": calls({"2xx": 3, "5xx": 1}, {"upstream-refused": 2}, 2, 1, 1, [0.2] * 4)},
    {("one", "127.0.0.1:9101"): calls(3, {"upstream-refused": 2}, in_flight=1, durations=[0.2] * 3)},
    overflow=4,
)  # fmt: skip


@pytest.fixture
def buckets_page():
    return SharedMemory.create({REGION: region_size(64)}, workers_max=4)


def part(shown, buckets_page, parts=(), rows=(ROW,)):
    """The part over these figures."""
    history = types.SimpleNamespace(current=shown, size=1)
    looks = types.SimpleNamespace(rows=lambda seen: rows)
    world = types.SimpleNamespace(
        page=buckets_page, history=history, looks=looks, own=types.SimpleNamespace(figures=OWN)
    )
    return Prometheus(world, parts, buckets_of(world.page))


def test_label_values_are_escaped():
    assert labels(route='a"b\\c\nd', x="é") == 'route="a\\"b\\\\c\\nd",x="é"'
    assert sample("a", "", 1) == "a 1\n"
    assert sample("a", 'b="c"', 0.5) == 'a{b="c"} 0.5\n'


def test_numbers():
    values = (1, 1.0, 1e-9, float("inf"), float("-inf"), float("nan"))
    assert [number(each) for each in values] == ["1", "1.0", "1e-09", "+Inf", "-Inf", "NaN"]


def test_buckets_are_cumulative():
    lines = histogram("d", 'route="r"', route(durations=[0.001, 0.02, 0.02, 7.0]).duration, edges(0.005, 0.025, 1.0))
    assert [int(line.split()[-1]) for line in lines.splitlines()[:4]] == [1, 3, 3, 4]
    assert 'd_bucket{route="r",le="+Inf"} 4' in lines
    assert 'd_count{route="r"} 4' in lines
    assert histogram("d", "", NONE, edges(1.0)).startswith('d_bucket{le="1.0"} 0\n')


def test_every_metric_passes_the_official_checker(buckets_page):
    counting = types.SimpleNamespace(metrics=lambda: [("gateway_statsd_dropped_total", "counter", {"x": 'a"b'}, 3.0)])
    text = part(BUSY, buckets_page, [counting]).page(is_open=False)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_what_it_tells(buckets_page):
    text = part(BUSY, buckets_page).page(is_open=False).decode()
    for line in (
        'http_server_requests_total{route="item",method="PUT",status_class="5xx"} 1',
        'http_server_requests_total{route="unmatched",method="GET",status_class="4xx"} 2',
        'http_server_active_requests{route="item"} 2',
        'http_server_request_duration_seconds_count{route="item"} 4',
        'gateway_errors_total{route="item",type="rate-limited"} 2',
        'gateway_limit_refused_total{route="item",type="rate-limited"} 2',
        'gateway_limit_without_store_total{route="item"} 4',
        'gateway_cache_requests_total{route="item",verdict="hit"} 2',
        'http_client_request_duration_seconds_count{upstream="one"} 4',
        'gateway_upstream_failures_total{upstream="one",type="upstream-refused"} 2',
        'gateway_target_answers_total{upstream="one",target="127.0.0.1:9101",status_class="2xx"} 3',
        'gateway_target_up{upstream="one",target="x:1"} 1',
        'gateway_target_up{upstream="one",target="x:2"} 0',
        'gateway_upstream_circuit_open{upstream="one"} 1',
        'gateway_worker_loop_lag_seconds_count{worker="0"} 12',
        'gateway_worker_memory_bytes{worker="0"} 40000000',
        'gateway_certificate_expiry_seconds{certificate="default"} 86400.0',
        'gateway_certificate_expiry_seconds{certificate="x.test"} NaN',
        "gateway_config_age_seconds 12.5",
        "gateway_meter_overflow_total 4",
    ):
        assert line in text.splitlines(), line


def test_every_metric_has_a_row_in_the_docs():
    told = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "observe.md").read_text()))
    sources = [path.read_text() for path in (ROOT / "gateway" / "observability").rglob("*.py")]
    names = {name for text in sources for name in re.findall(r'"((?:gateway|http_server|http_client)_[a-z_]+)"', text)}
    assert len(names) > 40
    assert names - told - {"gateway_time"} == set()


def test_each_family_stands_together_and_once(buckets_page):
    for is_open in (False, True):
        text = part(BUSY, buckets_page).page(is_open=is_open).decode()
        types_ = re.findall(r"^# TYPE (\S+)", text, re.M)
        assert len(types_) == len(set(types_))
        assert text.endswith("# EOF\n") is is_open
        assert ("# TYPE http_server_requests counter" in text) is is_open
        assert "http_server_requests_total{" in text


def test_formats_are_chosen_by_accept(buckets_page):
    client = falcon.testing.TestClient(make_app([part(BUSY, buckets_page)]))
    plain = client.simulate_get("/metrics")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    better = client.simulate_get("/metrics", headers={"Accept": accept})
    assert better.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert client.simulate_post("/metrics").status_code == 405
    assert client.simulate_head("/metrics").text == ""


def test_a_part_that_fails_does_not_keep_the_rest_from_being_told(buckets_page, caplog):
    def fails():
        raise RuntimeError("no")

    assert b"gateway_build_info" in part(BUSY, buckets_page, [types.SimpleNamespace(metrics=fails)]).page(is_open=False)
    assert "no" in caplog.text


def many(series):
    """Figures of so many series, all of routes: 14 + 3 of the duration, and a few more each."""
    return {
        f"route-{n}": route({("GET", "2xx"): 5}, {}, {}, 0, 100, [0.001 * (1 + n % 50)] * 5)
        for n in range(series // 20)
    }


@pytest.mark.thorough
def test_ten_thousand_series_take_less_than_50_ms(buckets_page):
    timed = [_timed(part(figures(many(10_000)), buckets_page)) for _ in range(3)]
    assert timed[0][1].count(b"\n") > 10_000
    assert min(seconds for seconds, _ in timed) < 0.05, "of CPU"


def test_series_that_stand_still_are_not_written_again(buckets_page, monkeypatch):
    made = part(figures(many(1_000)), buckets_page)
    _, before = _timed(made)
    monkeypatch.setattr(made._routes, "_render", lambda *_: pytest.fail("written again"))
    made._world.history.current = figures(many(1_000))  # read again, and nothing came
    _, after = _timed(made)
    assert after.count(b"route-49") == before.count(b"route-49") > 10


def _timed(made):
    made.tick(0.0, made._world.history.current)
    began = process_time()
    text = made.page(is_open=False)
    return process_time() - began, text
