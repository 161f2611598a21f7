"""The dashboard's part: an event a second for those who look, nothing for nobody, and off when it is turned off."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import falcon
import gevent
import pytest
from falcon import testing
from gevent.pywsgi import WSGIServer
from gevent.socket import create_connection

from gateway.admin.problems import add_handlers
from gateway.control.dashboard import events as live
from gateway.control.dashboard.app import Dashboard
from gateway.observability.collector.history import History
from tests.support.greenlets import until
from tests.unit.observer.made import figures, route

START = 1_800_000_000.0
POINT = {
    "at": START + 1,
    "seconds": 1.0,
    "classes": {"1xx": 0, "2xx": 5, "3xx": 0, "4xx": 0, "5xx": 0},
    "p50_ms": None,
    "p95_ms": None,
    "p99_ms": None,
}


class Overview:
    """Counts how often it is put into words."""

    def __init__(self):
        self.made = []

    def body(self, name):
        self.made.append(name)
        return json.dumps({"range": name}).encode()


@pytest.fixture
def overview():
    return Overview()


@pytest.fixture
def dashboard(overview):
    history = History()
    history.add(START, figures())
    history.add(START + 1, figures({"a": route(5)}))
    made = Dashboard(SimpleNamespace(history=history), overview, lambda: [{"name": "slow"}])
    made.configure(SimpleNamespace(dashboard=True))
    yield made
    made.close()


@pytest.fixture
def client(dashboard):
    app = falcon.App()
    add_handlers(app)
    for path, resource in dashboard.resources().items():
        app.add_route(path, resource)
    return testing.TestClient(app)


def watch(dashboard, shows):
    """What a viewer of `shows` gets."""
    events = []
    resp = falcon.Response()

    def run():
        dashboard.stream(resp, shows)
        for each in resp.stream:
            events.append(json.loads(each[6:]))  # noqa: PERF401  # they are to be seen as they come

    gevent.spawn(run)
    gevent.sleep(0)
    assert resp.content_type == "text/event-stream"
    return events


def test_one_event_a_second_made_once_for_all(dashboard, overview):
    near = [watch(dashboard, "5m") for _ in range(3)]
    far = watch(dashboard, "24h")
    assert all(
        events == [{"overview": {"range": "5m"}, "point": POINT, "alerts": [{"name": "slow"}]}] for events in near
    )
    overview.made.clear()
    dashboard.tick(START + 2, figures())
    gevent.sleep(0)
    assert sorted(overview.made) == ["24h", "5m"]
    assert [len(events) for events in [*near, far]] == [2, 2, 2, 2]
    assert far[1]["overview"] == {"range": "24h"}


def test_nobody_looks_nothing_is_made(dashboard, overview):
    dashboard.tick(START + 2, figures())
    assert overview.made == []


def test_too_many_viewers_are_told_so(dashboard, client, monkeypatch):
    monkeypatch.setattr(live, "MOST", 1)
    watch(dashboard, "5m")
    answer = client.simulate_get("/api/live")
    assert answer.status_code == 503 and answer.headers["retry-after"] == "10"


def test_ranges_are_named(client):
    for path in ("/api/live", "/api/trends"):
        answer = client.simulate_get(path, params={"range": "7d"})
        assert answer.status_code == 422
        assert "5m, 1h, 24h" in answer.json["detail"]


def test_trends_are_kept_for_some_seconds(dashboard, client):
    assert client.simulate_get("/api/trends").json["routes"][0]["requests"] == 5
    history = dashboard._history
    history.add(START + 2, figures({"a": route(6)}))
    assert client.simulate_get("/api/trends").json["routes"][0]["requests"] == 5
    history.add(START + 9, figures({"a": route(8)}))
    assert client.simulate_get("/api/trends?range=5m").json["routes"][0]["requests"] == 8


def test_turned_off_there_is_nothing(dashboard, client):
    events = watch(dashboard, "5m")
    assert list(dashboard.metrics())
    dashboard.configure(SimpleNamespace(dashboard=False))
    gevent.sleep(0)
    dashboard.tick(START + 2, figures())
    assert len(events) == 1 and list(dashboard.metrics()) == []
    for path in ("/dashboard", "/dashboard/main.js", "/api/live", "/api/trends"):
        answer = client.simulate_get(path)
        assert answer.status_code == 404 and "observability.dashboard" in answer.json["detail"], path


def told(dashboard):
    return {name: value for name, _, _, value in dashboard.metrics()}


def take(client, got):
    """All that comes, by its length."""
    while data := client.recv(1 << 20):
        got.append(len(data))


def test_who_does_not_read_is_cut_off_and_the_others_see_on(dashboard, client, overview, monkeypatch):
    monkeypatch.setattr(overview, "body", lambda name: b"1" * 1_000_000)
    server = WSGIServer(("127.0.0.1", 0), client.app, log=None)
    server.start()
    try:
        stuck, well = (create_connection(("127.0.0.1", server.server_port)) for _ in range(2))
        for each in (stuck, well):
            each.sendall(b"GET /api/live HTTP/1.1\r\nHost: a\r\n\r\n")
        got = []
        read = gevent.spawn(take, well, got)
        until(lambda: told(dashboard)["gateway_dashboard_viewers"] == 2)
        for second in range(40):
            until(lambda event=second + 1: sum(got) > event * 1_000_000)  # it has all that there was
            dashboard.tick(START + second, figures())
        assert told(dashboard) == {"gateway_dashboard_viewers": 1.0, "gateway_dashboard_viewers_dropped_total": 1.0}
        dashboard.close()
        read.join(timeout=10)
        assert read.ready() and sum(got) > 40_000_000
        with gevent.Timeout(10), contextlib.suppress(ConnectionError):
            while stuck.recv(1 << 20):
                pass
    finally:
        stuck.close()
        well.close()
        server.stop()
