"""How requests that are kept leave a worker: bounded, counted, and never waited for."""

import socket
from time import monotonic

import pytest

from gateway.exchange import Exchange, Response
from gateway.observability.tracing import policy as tracing
from gateway.observability.tracing.options import Tracing
from gateway.observability.tracing.policy import Traces
from gateway.observability.tracing.records import SOCKET, TraceRecord, unpacked
from gateway.observability.tracing.ring import Counts, region_size
from tests.exchanges import exchange
from tests.support.greenlets import until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = ("traceparent", f"00-{TRACE}-{SPAN}-01")


def spec(**changes) -> Tracing:
    given = {"otlp": "http://127.0.0.1:4318/v1/traces", "headers": (), "service": "gateway", "sample": 0.0, "slow": 0.0}
    rest = {"b3": False, "response_header": False, "most": 1000, "where": "x.yaml:1"}
    return Tracing(**(given | rest | changes))


@pytest.fixture
def reader(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / SOCKET))
        made.setblocking(False)
        yield made


@pytest.fixture
def counts():
    return Counts.private()


@pytest.fixture
def traces(tmp_path, counts):
    made = Traces(tmp_path, counts, clock=lambda: 1_795_000_000.0)
    made.claim(3)
    yield made
    made.close()


def walked(steps, *fields, status=200, **known) -> Exchange:
    made = exchange("GET", "/items/7?secret=1", list(fields), started=monotonic(), **known)
    steps.on_request(made)
    made.response = Response(status, [("traceresponse", "theirs")])
    if steps.on_response is not None:
        steps.on_response(made, made.response)
    steps.on_close(made)
    return made


def sent(reader: socket.socket) -> list[TraceRecord]:
    found = []
    while True:
        try:
            found += unpacked(reader.recv(1 << 17))
        except BlockingIOError:
            return found


def test_what_is_kept_is_told(traces, reader, counts):
    made = walked(traces.compile(spec()), PARENT, ("TraceState", "a=1"), ("tracestate", "b=2"), ("User-Agent", "me"))
    traces.flush()
    (kept,) = sent(reader)
    assert (kept.trace, kept.parent, kept.span, kept.sent) == (TRACE, SPAN, made.trace.span, made.trace.sent[36:52])
    assert (kept.state, kept.agent, kept.reason, kept.status, kept.path) == (
        "a=1,b=2",
        "me",
        "sampled",
        200,
        "/items/7",
    )
    assert (kept.calls, kept.steps, kept.sampled) == ([], [], True)
    assert kept.started == pytest.approx(1_795_000_000.0 - (kept.ended - kept.began))
    assert counts.totals()["sampled"] == counts.row(3)["sampled"].load() == 1


def test_what_is_not_kept_leaves_nothing(traces, reader, counts):
    walked(traces.compile(spec()))
    walked(traces.compile(spec()), status=404)
    traces.flush()
    assert sent(reader) == []
    assert set(counts.totals().values()) == {0}


def test_what_clients_choose_is_cut(traces, reader):
    made = exchange("X" * 999, "/" + "a" * 5000, [PARENT, ("User-Agent", "b" * 999)], started=monotonic())
    steps = traces.compile(spec())
    steps.on_request(made)
    steps.on_close(made)
    traces.flush()
    (kept,) = sent(reader)
    assert (len(kept.method), len(kept.path), len(kept.agent)) == (256, 1024, 256)


def test_the_client_is_told_where_that_is_asked_for(traces):
    made = walked(traces.compile(spec(response_header=True)))
    assert made.response.headers == [("traceresponse", f"{made.trace.sent[:36]}{made.trace.span}-02")]
    assert walked(traces.compile(spec())).response.headers == [("traceresponse", "theirs")]


def test_no_more_than_so_many_each_second(traces, reader, counts, monkeypatch):
    for moment in (100.0, 100.9, 100.95, 101.0):
        made = exchange("GET", "/", [PARENT], started=moment)
        traces.compile(spec()).on_request(made)
        traces.keep(2, made, made.trace, "sampled", moment)
    traces.flush()
    assert [kept.ended for kept in sent(reader)] == [100.0, 100.9, 101.0]
    assert (counts.totals()["sampled"], counts.totals()["rate"]) == (3, 1)


def test_without_a_reader_nothing_is_kept_for_long(traces, counts, monkeypatch):
    monkeypatch.setattr(tracing, "PATIENCE", 0.0)
    for _ in range(3):
        walked(traces.compile(spec()), PARENT)
    traces.flush()
    assert counts.totals()["nobody"] == 3
    traces.flush()
    assert counts.totals()["nobody"] == 3


def test_a_reader_that_begins_gets_what_came_before(traces, counts, tmp_path):
    walked(traces.compile(spec()), PARENT)
    traces.flush()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as late:
        late.bind(str(tmp_path / SOCKET))
        late.setblocking(False)
        traces.flush()
        assert len(sent(late)) == 1
    assert counts.totals()["nobody"] == 0


def test_a_reader_that_is_slow_gets_it_later(traces, reader, counts, monkeypatch):
    monkeypatch.setattr(tracing, "DATAGRAM", 1000)
    steps = traces.compile(spec())
    for _ in range(600):
        walked(steps, PARENT)
        traces.flush()
    first = len(sent(reader))
    assert 0 < first < 600
    assert counts.totals()["sampled"] == 600
    while more := (traces.flush(), len(sent(reader)))[1]:
        first += more
    assert first == 600


def test_what_waits_is_bounded(traces, reader, counts, monkeypatch):
    monkeypatch.setattr(tracing, "LIMIT", 2000)
    for _ in range(20):
        walked(traces.compile(spec()), PARENT)
    totals = counts.totals()
    assert totals["full"] > 10 and totals["full"] + totals["sampled"] == 20
    traces.flush()
    assert len(sent(reader)) == totals["sampled"]


def test_it_is_sent_by_itself(traces, reader):
    walked(traces.compile(spec()), PARENT)
    assert len(until(lambda: sent(reader))) == 1


def test_many_at_once_do_not_wait_for_the_timer(traces, reader, monkeypatch):
    monkeypatch.setattr(tracing, "DATAGRAM", 2000)
    for _ in range(8):
        walked(traces.compile(spec()), PARENT)
    assert len(sent(reader)) >= 4


def test_a_request_too_large_for_a_datagram_is_counted(traces, counts, monkeypatch):
    monkeypatch.setattr(tracing, "DATAGRAM", 100)
    walked(traces.compile(spec()), PARENT)
    assert counts.totals()["large"] == 1


def test_what_cannot_be_told_is_in_the_log(traces, counts, caplog):
    made = exchange("GET", "/", [PARENT], started=monotonic())
    steps = traces.compile(spec())
    steps.on_request(made)
    made.upstream = object()
    steps.on_close(made)
    assert "the trace of request 0123456789abcdef0123456789abcdef is lost" in caplog.text
    assert set(counts.totals().values()) == {0}


@pytest.mark.parametrize("data", [b"\0", b"(", b"i\1\0\0\0", b"\xff\1"])
def test_what_is_no_request_is_refused(data):
    with pytest.raises(ValueError, match=r"datagram|marshal"):
        list(unpacked(data))


def test_counts_go_on_over_all_owners_of_a_slot():
    memory = memoryview(bytearray(region_size()))
    Counts(memory).row(255)["slow"].add(2)
    Counts(memory).row(0)["slow"].add(3)
    assert Counts(memory).totals()["slow"] == 5
