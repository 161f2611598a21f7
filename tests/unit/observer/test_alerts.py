"""The part as the observer has it: figures in, notes out, on a clock that a test moves."""

import json

import pytest

from gateway._fast.histogram import Histogram
from gateway.alerting.channels.outbox import Outbox
from gateway.alerting.channels.sending import DeliveryError
from gateway.alerting.component import KEPT, Alerts
from gateway.alerting.escalation import Ack
from gateway.alerting.silences import Silence
from gateway.config.document import loads
from tests.support.clock import Clock
from tests.support.greenlets import until
from tests.unit.observer.paging_world import World, calls, figures, own, route

HEAD = """\
version: 1
upstreams: {catalog: {targets: ["http://127.0.0.1:1"]}}
routes: [{name: item, match: {path: /a}, upstream: catalog}]
escalation: {page: [{webhook: "http://127.0.0.1:9/"}, {after: 1m, webhook: "http://127.0.0.1:9/b"}]}
alerts:
"""
ERRORS = "  - {name: errors, when: 'error_rate(5m, route=item) > 2%', for: 5s, severity: page}\n"
BAD = figures({"item": route({("GET", "5xx"): 10, ("GET", "2xx"): 90})})
GOOD = figures({"item": route({("GET", "2xx"): 100})})


class Stand:
    """A part with a world and a clock; `sent` is what arrived, as (name, state, tier)."""

    def __init__(self, folder, alerts, clock=None):
        self.clock = clock or Clock()
        self.world = World(folder)
        self.sent, self.notes = [], []
        self.part = Alerts(self.world, Outbox(self.send), self.clock)
        self.read(alerts)

    def send(self, channel, note):
        self.notes.append(note)
        self.sent.append((note.name, note.state, note.tier))
        return "answered 200"

    def read(self, alerts):
        self.part.configure(loads(HEAD + alerts if alerts else HEAD.partition("escalation")[0]))

    def seconds(self, count, held):
        for _ in range(count):
            self.world.history.held = held
            self.part.tick(self.clock.now, held)
            self.settle()
            self.clock.now += 1

    def settle(self):
        part = self.part
        until(lambda: (part._desk is None or part._desk.is_idle) and not part.outbox.waiting)


@pytest.fixture
def stand(tmp_path):
    made = Stand(tmp_path, ERRORS)
    yield made
    made.part.close()


def test_from_figures_to_notes(stand):
    stand.seconds(5, BAD)
    assert stand.sent == []
    stand.seconds(61, BAD)
    assert stand.sent == [("errors", "firing", 1), ("errors", "firing", 2)]
    assert stand.notes[0].summary == "error_rate(5m, route=item) is 10 %, above 2 %"
    stand.seconds(20, GOOD)
    assert stand.sent[2:] == [("errors", "resolved", 1), ("errors", "resolved", 2)]
    assert set(stand.world.history.asked) == {300.0}


def test_an_acknowledgement(stand):
    stand.seconds(10, BAD)
    taken = stand.part.acknowledge("errors", Ack("alice", stand.clock.now), {"route": "item"})
    assert [row["acknowledged_by"] for row in taken] == ["alice"]
    stand.seconds(120, BAD)
    assert stand.sent == [("errors", "firing", 1), ("errors", "acknowledged", 1)]
    assert stand.part.acknowledge("errors", Ack("alice", 1.0), {"route": "other"}) == []


def test_silences(stand):
    one = Silence("x", (("name", "errors"),), stand.clock.now, stand.clock.now + 30, "bob", "")
    assert stand.part.silence(one)
    stand.seconds(29, BAD)
    assert stand.sent == [] and stand.part.board.rows()[0]["muted_by"] == "silence x"
    stand.seconds(2, BAD)
    assert stand.sent == [("errors", "firing", 1)]
    assert not stand.part.unsilence("x")


def test_another_process_goes_on(stand, tmp_path):
    stand.seconds(10, BAD)
    stand.part.close()
    later = Stand(tmp_path, ERRORS, stand.clock)
    later.seconds(70, BAD)
    assert later.sent == [("errors", "firing", 2)]
    later.seconds(20, GOOD)
    assert later.sent[1:] == [("errors", "resolved", 1), ("errors", "resolved", 2)], "it is the same host"
    later.part.close()
    kept = json.loads((tmp_path / KEPT).read_bytes())
    assert [each["state"] for each in kept["alerts"]] == ["resolved"]


def down(channel, note):
    raise DeliveryError("it refuses the connection")


def test_what_has_not_arrived_outlives_the_observer(tmp_path):
    made = Stand(tmp_path, ERRORS)
    made.part.outbox.send = down
    for _ in range(9):
        made.world.history.held = BAD
        made.part.tick(made.clock.now, BAD)
        until(lambda: made.part._desk.is_idle)
        made.clock.now += 1
    assert made.part.outbox.waiting == 1
    killed = (tmp_path / KEPT).read_bytes()
    made.part.close()
    assert json.loads((tmp_path / KEPT).read_bytes()) == json.loads(killed)
    later = Stand(tmp_path, ERRORS, made.clock)
    later.seconds(1, BAD)
    assert later.sent == [("errors", "firing", 1)] and "10 %, above 2 %" in later.notes[0].summary
    later.seconds(20, GOOD)
    assert later.sent[1:] == [("errors", "resolved", 1)]
    later.part.close()
    assert json.loads((tmp_path / KEPT).read_bytes())["unsent"] == []


def test_who_was_relieved_keeps_nothing_any_more(stand, tmp_path):
    stand.part.outbox.send = down
    stand.world.history.held = BAD
    for _ in range(9):
        stand.part.tick(stand.clock.now, BAD)
        until(lambda: stand.part._desk.is_idle)
        stand.clock.now += 1
    later = Stand(tmp_path, ERRORS, stand.clock)  # USR2
    later.seconds(30, GOOD)
    kept = (tmp_path / KEPT).read_bytes()
    stand.part.outbox.send = stand.send
    stand.part.close()
    assert (tmp_path / KEPT).read_bytes() == kept and b"resolved" in kept
    later.part.close()


@pytest.mark.parametrize("kept", [b"", b"[]", b"{}", b'{"me": 1, "alerts": 5}'])
def test_a_kept_state_that_cannot_be_read(tmp_path, kept):
    (tmp_path / KEPT).write_bytes(kept)
    made = Stand(tmp_path, ERRORS)
    made.seconds(7, BAD)
    assert made.sent == [("errors", "firing", 1)]
    made.part.close()


def test_without_alerts_there_is_nothing(tmp_path):
    made = Stand(tmp_path, "")
    made.seconds(3, BAD)
    assert made.part._store is None and not list(made.part.metrics()) and not list(tmp_path.iterdir())
    assert not made.part.silence(Silence("x", (), 0.0, 1e12, "", "")) and not made.part.unsilence("x")
    made.part.close()


def test_a_reload_without_its_rule_ends_an_alert(stand):
    stand.seconds(7, BAD)
    stand.read("")
    stand.seconds(1, BAD)
    assert stand.sent == [("errors", "firing", 1), ("errors", "resolved", 1)]


def test_metrics(stand):
    stand.seconds(7, BAD)
    found = {(name, tuple(labels.values())): value for name, _, labels, value in stand.part.metrics()}
    assert found[("gateway_alerts", ("errors", "page", "firing"))] == 1.0
    assert found[("gateway_alert_notifications_total", ("webhook", "sent"))] == 1.0
    assert found[("gateway_alert_notifications_waiting", ())] == 0.0


NOW = """\
  - {name: lag, when: loop_lag > 100ms, severity: page}
  - {name: memory, when: memory > 60MB, severity: page}
  - {name: certificate, when: certificate_expiry < 14d, severity: page}
  - {name: config, when: config_refused, severity: page}
  - {name: full, when: saturation > 80%, severity: page}
  - {name: targets, when: target_health(upstream=catalog) < 100%, severity: page}
  - {name: pool, when: saturation(upstream=catalog) > 50%, severity: page}
  - {name: tries, when: "upstream_error_rate(upstream=catalog, 1m) > 1%", severity: page}
"""


def test_what_the_observer_sees_now(tmp_path):
    made = Stand(tmp_path, NOW)
    made.seconds(2, GOOD)
    assert made.sent == []
    made.world.own.figures = own(
        loop_lag=0.2, memory=70 << 20, certificate_expiry=86400.0, config_refused=3, open_connections=90
    )
    targets = [{"state": "serving"}, {"state": "down"}]
    made.world.rows = [{"name": "catalog", "in_flight": 6, "limit": {"now": 10, "adaptive": True}, "targets": targets}]
    made.seconds(1, figures(upstreams={"catalog": calls({"2xx": 9}, {"upstream-reset": 1})}))
    assert {name for name, *_ in made.sent} == {
        "lag", "memory", "certificate", "config", "full", "targets", "pool", "tries",
    }  # fmt: skip
    summaries = {note.name: note.summary for note in made.notes}
    assert summaries["targets"] == "target_health(upstream=catalog) is 50 %, below 100 %"
    assert summaries["certificate"] == "certificate_expiry is 24 h, below 14 d"
    assert summaries["config"] == "config_refused is yes"
    made.part.close()


def test_a_pool_is_what_fits_where_there_is_no_limit(tmp_path):
    made = Stand(tmp_path, "  - {name: pool, when: saturation(upstream=catalog) > 50%, severity: page}\n")
    made.world.rows = [{"name": "catalog", "in_flight": 300, "limit": None, "targets": [{"state": "serving"}]}]
    made.seconds(1, GOOD)
    assert made.notes[0].value == pytest.approx(300 / (256 * 2))
    made.part.close()


def test_unusual_values(tmp_path):
    made = Stand(tmp_path, "  - {name: odd, anomaly: {metrics: [requests, p99]}, severity: page}\n")
    calm = figures({"item": route({("GET", "2xx"): 600}, duration=Histogram([0.1] * 600))})
    slow = figures({"item": route({("GET", "2xx"): 600}, duration=Histogram([1.5] * 600))})
    for minute in range(300):
        jitter = 600 + minute * 7 % 23
        usual = figures(
            {"item": route({("GET", "2xx"): jitter}, duration=Histogram([0.1 + minute % 5 / 500] * jitter))}
        )
        made.world.history.held = usual
        made.part.tick(made.clock.now, usual)
        made.clock.now += 60
    made.settle()
    assert made.sent == []
    made.seconds(1, slow)
    assert made.sent == [("odd", "firing", 1)]
    assert made.notes[0].summary.startswith("p99 of route item is 1.49 s, expected 9")
    assert dict(made.notes[0].labels) == {"metric": "p99", "route": "item"}
    assert {row["key"] for row in made.part.board.rows()} == {"odd{metric=p99,route=item}"}
    for _ in range(12):
        made.clock.now += 59
        made.seconds(1, calm)
    assert made.sent[-2:] == [("odd", "resolved", 1), ("odd", "resolved", 2)]
    assert made.notes[-1].summary.startswith("p99 of route item is ") and "as usual" in made.notes[-1].summary
    made.part.close()
