"""Traces in service: what upstreams, clients, the log and a collector are told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.collector import Collector, collecting
from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.patient import patient_env
from tests.support.raw import Connection, Upstream
from tests.support.redis import redis
from tests.support.through import ask, get, logged, serving

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1}
store: STORE
observability:
  access_log: {format: json, to: access.log}
  server_timing: true
  tracing: {otlp: "OTLP", sample: 0%, b3: true, response_header: true, service: edge, headers: {X-Key: k1}}
upstreams:
  echo: {targets: ["http://127.0.0.1:ECHO"]}
  pair:
    targets: ["http://127.0.0.1:DEAD", "http://127.0.0.1:ECHO"]
    balance: round_robin
    retry: {attempts: 2, on: [connect], budget: 100%}
  bad: {targets: ["http://127.0.0.1:BAD"]}
routes:
  - {name: item, match: {path: "/items/{id}"}, upstream: echo}
  - {name: pair, match: {path: /pair}, upstream: pair}
  - {name: bad, match: {path: /bad}, upstream: bad}
  - name: page
    match: {path: /page}
    aggregate: {parts: {a: {upstream: echo, path: /a}, b: {upstream: echo, path: /b}}}
  - {name: own, match: {path: /own}, respond: {status: 200}}
  - {name: kept, match: {path: /kept}, upstream: echo, cache: {ttl: 60s, shared: true}}
  - {name: limited, match: {path: /limited}, upstream: echo, rate_limit: {per: all, rate: 1000/s, burst: 1000}}
"""


class Said(Upstream):
    """An upstream that gives one answer; `heads` are those that came, in their order."""

    def __init__(self, status: bytes) -> None:
        self.heads: list[str] = []
        self._status = status
        super().__init__(self._answer)

    def _answer(self, connection: Connection) -> None:
        while True:
            self.heads.append(connection.request()[0].decode())
            fields = b"Server-Timing: db;dur=1\r\nContent-Type: application/json\r\nContent-Length: 2"
            connection.send(b"HTTP/1.1 %s\r\n%s\r\n\r\n{}" % (self._status, fields))

    @property
    def told(self) -> str:
        """The traceparent that came last."""
        return parent(self.heads[-1])


def parent(head: str) -> str:
    return head.partition("\r\ntraceparent: ")[2].partition("\r\n")[0]


class Stage(NamedTuple):
    gateway: Gateway
    collector: Collector
    upstream: Said
    bad: Said
    dead: int


def config(collector: str, upstream: Said, bad: Said, dead: int, store: str = "memory") -> str:
    ports = {"ECHO": str(upstream.port), "BAD": str(bad.port), "DEAD": str(dead)}
    text = CONFIG.replace("STORE", store).replace("OTLP", collector)
    for name, port in ports.items():
        text = text.replace(name, port)
    return text


@contextmanager
def staged(folder: Path, env: dict[str, str] | None = None, **options: str) -> Iterator[Stage]:
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        upstream, bad, dead = Said(b"200 OK"), Said(b"503 No"), free_port()
        stack.callback(upstream.close)
        stack.callback(bad.close)
        text = config(options.pop("otlp", collector.url), upstream, bad, dead, **options)
        yield Stage(stack.enter_context(serving(folder, text, env=env)), collector, upstream, bad, dead)


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("tracing")
    with redis(folder) as store:
        with staged(folder / "gateway", patient_env(folder), store=f"redis://127.0.0.1:{store.port}/0") as made:
            wait_until(lambda: sockets(made.gateway), "the observer reads")
            yield made


def sockets(gateway: Gateway) -> bool:
    """Whether somebody reads what the workers tell."""
    return "gateway_trace_kept_total" in str(gateway.admin("/metrics")[1])


def sampled(trace: str) -> str:
    return f"traceparent: 00-{trace}-{SPAN}-01"


def figure(gateway: Gateway, name: str) -> float:
    """A figure of /metrics."""
    page = gateway.admin("/metrics")[1].decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    assert found, f"{name} is not in\n{page}"
    return float(found[1])


def test_a_sampled_request_is_told_about_from_end_to_end(stage):
    trace = "1" * 32
    before = time.time_ns()
    status, headers, _ = ask(stage.gateway, get("/items/7?q=1", sampled(trace), "tracestate: a=1", "User-Agent: me"))
    own, call = stage.collector.trace(trace, 2)
    assert status == 200
    assert (own.kind, own.name, own.parent, own.service, own.state) == (
        "server",
        "GET /items/{id}",
        SPAN,
        "edge",
        "a=1",
    )
    assert (call.kind, call.parent, call.is_error, own.is_error) == ("client", own.id, False, False)
    assert stage.upstream.told == f"00-{trace}-{call.id}-01"
    assert headers["traceresponse"] == f"00-{trace}-{own.id}-01"
    assert logged(stage.gateway, "/items/7?q=1")["trace_id"] == trace
    assert before <= own.began <= call.began <= call.ended <= own.ended <= time.time_ns()
    known = own.attributes
    assert {name: known[name] for name in ("http.request.method", "http.route", "url.path", "url.scheme")} == {
        "http.request.method": "GET",
        "http.route": "/items/{id}",
        "url.path": "/items/7",
        "url.scheme": "http",
    }
    assert (known["http.response.status_code"], known["user_agent.original"]) == (200, "me")
    assert (known["client.address"], known["server.address"], known["gateway.kept"]) == (
        "127.0.0.1",
        "a.example",
        "sampled",
    )
    assert call.attributes["gateway.upstream"] == "echo"
    assert call.attributes["server.port"] == stage.upstream.port
    assert stage.collector.headers[-1].get("x-key") == "k1"


def test_others_are_told_to_the_upstream_and_nobody_else(stage):
    trace = "2" * 32
    ask(stage.gateway, get("/items/1", f"traceparent: 00-{trace}-{SPAN}-02"))
    told = stage.upstream.told
    assert re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-02", told)
    assert SPAN not in told
    ask(stage.gateway, get("/items/1"))
    fresh = stage.upstream.told
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-02", fresh)
    marker = "3" * 32
    ask(stage.gateway, get("/own", sampled(marker)))
    stage.collector.trace(marker, 1)
    assert not [span for span in stage.collector.spans if span.trace in (trace, fresh[3:35])]


def test_each_try_is_a_span(stage):
    def tried() -> list:
        trace = f"{time.time_ns():032x}"
        assert ask(stage.gateway, get("/pair", sampled(trace)))[0] == 200
        spans = stage.collector.trace(trace, 2)
        return spans if len(spans) == 3 else []

    own, first, second = wait_until(tried, "a request whose first try failed")
    assert {first.parent, second.parent} == {own.id}
    assert (first.is_error, first.attributes["error.type"], first.attributes["server.port"]) == (
        True,
        "upstream-refused",
        stage.dead,
    )
    assert (second.is_error, second.attributes["http.request.resend_count"]) == (False, 1)
    assert stage.upstream.told == f"00-{own.trace}-{second.id}-01"
    assert not own.is_error


def test_each_part_of_an_aggregate_is_a_span(stage):
    trace = "b" * 32
    assert ask(stage.gateway, get("/page", sampled(trace)))[0] == 200
    own, *calls = stage.collector.trace(trace, 3)
    told = {parent(head) for head in stage.upstream.heads if trace in head}
    assert {call.parent for call in calls} == {own.id}
    assert told == {f"00-{trace}-{call.id}-01" for call in calls}
    assert len(told) == 2


def test_an_error_is_kept_although_nobody_sampled_it(stage):
    trace = "4" * 32
    assert ask(stage.gateway, get("/bad", f"traceparent: 00-{trace}-{SPAN}-00"))[0] == 503
    own, call = stage.collector.trace(trace, 2)
    assert (own.attributes["gateway.kept"], own.attributes["error.type"], own.is_error) == ("error", "503", True)
    assert (own.parent, call.parent, call.attributes["http.response.status_code"]) == (SPAN, own.id, 503)
    assert stage.bad.told == f"00-{trace}-{call.id}-00"


def test_a_limit_over_redis_is_a_span(stage):
    trace = "5" * 32
    assert ask(stage.gateway, get("/limited", sampled(trace)))[0] == 200
    own, step, call = stage.collector.trace(trace, 3)
    assert (step.kind, step.name, step.parent) == ("internal", "limit", own.id)
    assert own.began <= step.began <= step.ended <= call.began
    assert step.attributes["gateway.operations"] >= 1


def test_b3_is_read_and_written(stage):
    trace = "6" * 32
    ask(stage.gateway, get("/items/1", f"X-B3-TraceId: {trace}", f"X-B3-SpanId: {SPAN}", "X-B3-Sampled: 1"))
    own, call = stage.collector.trace(trace, 2)
    assert own.parent == SPAN
    last = stage.upstream.heads[-1].lower()
    assert f"\r\nb3: {trace}-{call.id}-1\r\n" in last
    assert "x-b3-" not in last


def test_where_the_time_went(stage):
    def timing(path: str) -> str:
        return ask(stage.gateway, get(path))[1]["server-timing"]

    number = r"dur=[0-9]+\.[0-9]{3}"
    # Fields of the same name are joined by the client: the upstream's own stands first.
    assert re.fullmatch(rf"(db;dur=1, )?gateway;{number}, upstream;{number}", timing("/items/1"))
    assert re.fullmatch(rf"gateway;{number}", timing("/own"))
    assert re.fullmatch(rf'.*gateway;{number}, upstream;{number}, cache;desc="miss"', timing("/kept"))
    assert re.fullmatch(rf'.*gateway;{number}, cache;desc="hit"', timing("/kept"))
    assert re.fullmatch(rf"gateway;{number}", timing("/nowhere"))


def test_what_matches_no_route_has_a_trace_too(stage):
    trace = "7" * 32
    assert ask(stage.gateway, get("/nowhere", sampled(trace)))[0] == 404
    (own,) = stage.collector.trace(trace, 1)
    assert (own.name, own.attributes["http.response.status_code"], own.is_error) == ("GET", 404, False)


def test_what_becomes_of_it_is_counted(stage):
    gateway = stage.gateway
    before = figure(gateway, 'gateway_trace_kept_total{reason="sampled"}')
    ask(gateway, get("/own", sampled("8" * 32)))
    stage.collector.trace("8" * 32, 1)
    wait_until(lambda: figure(gateway, 'gateway_trace_kept_total{reason="sampled"}') == before + 1, "it was counted")
    wait_until(lambda: figure(gateway, "gateway_trace_spans_sent_total") > 0, "the collector has answered")
    assert figure(gateway, 'gateway_trace_spans_lost_total{reason="collector"}') == 0


def test_a_collector_that_is_slow_or_refuses_hurts_nobody(stage):
    collector, gateway = stage.collector, stage.gateway
    collector.gate.clear()
    try:
        asked = collector.requests
        ask(gateway, get("/own", sampled("9" * 32)))
        wait_until(lambda: collector.requests > asked, "the collector holds a batch")
        began = time.monotonic()
        assert {ask(gateway, get("/own", sampled("9" * 32)))[0] for _ in range(50)} == {200}
        assert time.monotonic() - began < 2
        collector.status = 400
    finally:
        collector.gate.set()
    name = 'gateway_trace_spans_lost_total{reason="collector"}'
    wait_until(lambda: figure(gateway, name) > 0, "what was refused is counted")
    collector.status = 200
    ask(gateway, get("/own", sampled("a" * 32)))
    collector.trace("a" * 32, 1)


def test_without_a_collector_requests_go_on(tmp_path):
    with staged(tmp_path / "gateway", otlp=f"http://127.0.0.1:{free_port()}") as made:
        assert {ask(made.gateway, get("/items/1", sampled(TRACE)))[0] for _ in range(20)} == {200}
        assert made.upstream.told.startswith(f"00-{TRACE}-")
        assert made.gateway.stop() == 0


def test_without_tracing_the_context_passes_through_until_it_is_turned_on(tmp_path):
    upstream = Said(b"200 OK")
    text = f"""
version: 1
server: {{bind: "127.0.0.1:{{port}}", admin: "127.0.0.1:{{admin}}", workers: 1}}
upstreams: {{echo: {{targets: ["{upstream.url}"]}}}}
routes: [{{name: all, match: {{path: "/{{rest:path}}"}}, upstream: echo}}]
"""
    try:
        with serving(tmp_path / "gateway", text) as gateway:
            answer = ask(gateway, get("/x", "traceparent: anything", "tracestate: b", "baggage: c=d"))
            assert "traceresponse" not in answer[1] and answer[1]["server-timing"] == "db;dur=1"
            with collecting() as collector:
                gateway.write(text + f"observability: {{tracing: {{otlp: '{collector.url}', sample: 100%}}}}\n")
                assert gateway.admin("/api/reload", "POST")[1]["changed"] is True
                wait_until(lambda: sockets(gateway), "the observer reads")
                ask(gateway, get("/y"))
                told = parent(upstream.heads[-1])
                assert collector.trace(told[3:35], 2)[1].id == told[36:52]
        assert "\r\ntraceparent: anything\r\ntracestate: b\r\nbaggage: c=d\r\n" in upstream.heads[0]
    finally:
        upstream.close()
