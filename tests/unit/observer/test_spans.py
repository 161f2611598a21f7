"""The observer's part for traces: what it makes of what workers tell, and what is lost on the way."""

import marshal
import os
import types
from time import monotonic, time

import pytest

from gateway.config.document import loads
from gateway.exchange import Response
from gateway.observability.tracing import export as span_export
from gateway.observability.tracing import policy as tracing
from gateway.observability.tracing.policy import Traces
from gateway.observability.tracing.records import SOCKET, VERSION, TraceRecord
from gateway.observability.tracing.ring import Counts, region_size
from gateway.observability.tracing.span_builder import _address
from gateway.observability.tracing.spans import Spans
from tests.exchanges import exchange, route
from tests.support.collector import collecting
from tests.support.greenlets import until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(span_export, "PERIOD", 0.02)


@pytest.fixture
def collector():
    with collecting() as made:
        yield made


def document(otlp: str, service: str = "edge", path: str = "/items/{id}"):
    tracing = f"observability: {{tracing: {{otlp: '{otlp}', service: {service}}}}}" if otlp else ""
    routes = f"routes: [{{name: item, match: {{path: '{path}'}}, respond: {{status: 200}}}}]"
    return loads(f"version: 1\n{tracing}\n{routes}\n", "x.yaml")


class World:
    """What the part stands on, and a worker beside it."""

    def __init__(self, folder) -> None:
        self.folder = folder
        memory = memoryview(bytearray(region_size()))
        self.page = types.SimpleNamespace(region=lambda name: memory)
        self.worker = Traces(folder, Counts(memory), clock=time)

    def ask(self, spec, trace: str = TRACE, status: int = 200, sampled: int = 1, **known):
        made = exchange("GET", "/items/7", [("traceparent", f"00-{trace}-{SPAN}-0{sampled}")], started=monotonic())
        made.route = route()
        steps = self.worker.compile(spec)
        steps.on_request(made)
        made.response = Response(status, [])
        for name, value in known.items():
            setattr(made, name, value)
        steps.on_close(made)
        self.worker.flush()
        return made


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.worker.close()


@pytest.fixture
def part(world):
    made = Spans(world)
    yield made
    made.close()


def figure(part: Spans, name: str, reason: str = "") -> float:
    (found,) = [value for key, _, labels, value in part.metrics() if (key, labels.get("reason", "")) == (name, reason)]
    return found


def spans_of(collector, trace: str, count: int):
    def found():
        spans = [span for span in collector.spans if span.trace == trace]
        return spans if len(spans) >= count else []

    return until(found)


def test_without_tracing_it_does_nothing(part, world):
    part.configure(document(""))
    part.tick(0.0, None)
    assert (list(part.metrics()), part.resources(), os.listdir(world.folder)) == ([], {}, [])


def test_the_last_try_stands_for_all_of_an_error(part, world, collector):
    given = document(collector.url)
    part.configure(given)
    began = monotonic() - 1.0
    known = {"attempts": 3, "upstream": "up", "address": "[::1]:9", "upstream_started": began, "upstream_time": 0.001}
    world.ask(given.tracing, "1" * 32, 502, 0, error="upstream-reset", **known)
    own, call = spans_of(collector, "1" * 32, 2)
    assert (own.attributes["error.type"], own.attributes["gateway.upstream"]) == ("upstream-reset", "up")
    assert {name: call.attributes[name] for name in ("error.type", "server.address", "http.request.resend_count")} == {
        "error.type": "upstream-reset",
        "server.address": "::1",
        "http.request.resend_count": 2,
    }
    assert "http.response.status_code" not in call.attributes
    assert call.ended - call.began == pytest.approx(1e6, abs=1000)


def test_a_client_that_went_away_is_no_error(part, world, collector):
    given = document(collector.url)
    part.configure(given)
    world.ask(given.tracing, "2" * 32, 499, error="client-closed", method="BREW")
    (own,) = spans_of(collector, "2" * 32, 1)
    assert (own.is_error, own.attributes["gateway.error"], own.name) == (False, "client-closed", "HTTP /items/{id}")
    assert (own.attributes["http.request.method"], own.attributes["http.request.method_original"]) == ("_OTHER", "BREW")


def test_a_try_that_has_no_end_was_broken_off(part, world, collector):
    given = document(collector.url)
    part.configure(given)
    made = exchange("GET", "/items/7", [("traceparent", f"00-{'3' * 32}-{SPAN}-01")], started=monotonic())
    steps = world.worker.compile(given.tracing)
    steps.on_request(made)
    made.trace.begin(made, "up", "unix:/run/up.sock", monotonic())
    steps.on_close(made)
    world.worker.flush()
    own, call = sorted(spans_of(collector, "3" * 32, 2), key=lambda span: span.kind, reverse=True)
    assert (call.parent, call.ended, call.attributes["error.type"]) == (own.id, own.ended, "cancelled")
    assert (call.attributes["server.address"], "server.port" in call.attributes) == ("/run/up.sock", False)


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(part, world, collector, caplog):
    given = document(collector.url)
    part.configure(given)
    for datagram in (b"(", marshal.dumps((VERSION + 1,) * len(TraceRecord._fields)), marshal.dumps((VERSION, "x"))):
        world.worker._send(datagram)
    world.ask(given.tracing, "4" * 32)
    spans_of(collector, "4" * 32, 1)
    assert figure(part, "gateway_trace_spans_lost_total", "unreadable") == 3
    assert caplog.text.count("a worker's trace cannot be read") == 1, "and told once a minute"


def test_it_follows_the_configuration(part, world, collector, monkeypatch):
    part.configure(document(collector.url))
    with collecting() as other:
        given = document(other.url, "second", "/items/{name}")
        part.configure(given)
        world.ask(given.tracing, "5" * 32)
        (own,) = spans_of(other, "5" * 32, 1)
        assert (own.service, own.name, collector.spans) == ("second", "GET /items/{name}", [])
        part.configure(document(other.url, "second", "/things/{name}"))
        world.ask(given.tracing, "6" * 32)
        assert spans_of(other, "6" * 32, 1)[0].name == "GET /things/{name}"
        part.configure(document(""))
        assert not (world.folder / SOCKET).exists()
        monkeypatch.setattr(tracing, "PATIENCE", 0.0)
        world.ask(given.tracing, "7" * 32)
        assert Counts(world.page.region("traces")).totals()["nobody"] == 1


def test_it_takes_the_name_back_from_one_that_is_gone(part, world, collector):
    given = document(collector.url)
    part.configure(given)
    other = Spans(world)
    other.configure(given)
    other.close()
    assert not (world.folder / SOCKET).exists()
    part.tick(0.0, None)
    world.ask(given.tracing, "8" * 32)
    spans_of(collector, "8" * 32, 1)


def test_one_that_ends_leaves_the_name_to_another(part, world, collector):
    given = document(collector.url)
    part.configure(given)
    other = Spans(world)
    other.configure(given)
    part.close()
    world.ask(given.tracing, "9" * 32)
    spans_of(collector, "9" * 32, 1)
    other.close()


def test_at_the_end_what_is_there_is_sent(part, world, collector):
    given = document(collector.url)
    part.configure(given)
    for _ in range(5):
        world.ask(given.tracing, "a" * 32)
    part.close()
    assert len(collector.spans) == 5


def test_the_queue_is_bounded(part, world, collector, monkeypatch):
    monkeypatch.setattr(span_export, "QUEUE", 3)
    monkeypatch.setattr(span_export, "PERIOD", 1.5)  # all ten are read before any is sent
    given = document(collector.url)
    part.configure(given)
    for _ in range(10):
        world.ask(given.tracing, "b" * 32)
    until(lambda: figure(part, "gateway_trace_spans_lost_total", "queue") == 7)
    until(lambda: figure(part, "gateway_trace_spans_sent_total") == 3)


def test_a_collector_that_refuses_costs_the_spans_and_one_line(part, world, collector, caplog):
    collector.status = 400
    given = document(collector.url)
    part.configure(given)
    for count in (1, 2):
        world.ask(given.tracing, "c" * 32)
        until(lambda count=count: figure(part, "gateway_trace_spans_lost_total", "collector") == count)
    assert caplog.text.count("spans are lost") == 1
    collector.status = 200
    world.ask(given.tracing, "d" * 32)
    spans_of(collector, "d" * 32, 1)


@pytest.mark.parametrize(
    ("authority", "address", "port"),
    [
        ("a.test", "a.test", 443),
        ("a.test:8443", "a.test", 8443),
        ("[::1]", "::1", 443),
        ("[::1]:80", "::1", 80),
        ("a:x", "a:x", 443),
    ],
)
def test_addresses(authority, address, port):
    assert _address(authority, "https") == {"server.address": address, "server.port": port}


def test_no_address():
    assert _address("", "http") == {}
