"""Trace contexts against their oracle, and what is noted of a request that is sampled."""

import os
import re
from time import monotonic

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast.trace_context import Closer, Trace, Tracer, Watched, waited
from gateway.exchange import Exchange, Response
from tests.exchanges import exchange
from tests.oracles import trace_oracle as oracle

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
SENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0([0-3])")

hexadecimal = st.text("0123456789abcdef", min_size=16, max_size=32) | st.sampled_from(["0" * 32, "0" * 16, TRACE, SPAN])
parents = (
    st.builds(
        "-".join,
        st.tuples(
            st.sampled_from(["00", "01", "ff", "fe", "0", "0G", "A0"]),
            st.sampled_from([TRACE, "0" * 32, TRACE.upper(), TRACE[1:], TRACE + "0"]),
            st.sampled_from([SPAN, "0" * 16, SPAN[1:], "B" * 16]),
            st.sampled_from(["00", "01", "02", "03", "ff", "fd", "1", "0x"]),
        ),
    )
    | st.builds(
        lambda text, at, letter: text[:at] + letter + text[at + 1 :],
        st.just(GOOD),
        st.integers(0, 54),
        st.characters(max_codepoint=0x2FF),
    )
    | st.text(max_size=60)
).flatmap(lambda text: st.sampled_from([text, text + "-", text + "-x", text + "x", " " + text]))
keys = st.text("az09_-*/@A ", min_size=0, max_size=4) | st.sampled_from(["k" * 256, "k" * 257])
values = st.text("az09 =,!~\x7f\té", max_size=5) | st.sampled_from(["v" * 256, "v" * 257])
states = st.lists(st.builds("{}={}".format, keys, values) | st.sampled_from(["", " ", "\t", "a=1"]), max_size=40).map(
    ",".join
) | st.integers(30, 35).map(lambda count: ",".join(f"k{number}=1" for number in range(count)))
ids = st.sampled_from([TRACE, TRACE.upper(), SPAN, "0" * 16, "0" * 32, "", " " + SPAN, "x" * 16, "é" * 16])
said = st.sampled_from(["0", "1", "d", "true", "FALSE", "", "2"])
singles = st.builds("-".join, st.lists(ids | said, min_size=1, max_size=4)) | st.builds(
    lambda flag: f"{TRACE}-{SPAN}-{flag}-{SPAN}", said
)
fields = (
    st.tuples(st.sampled_from(["traceparent", "TraceParent"]), parents | st.just(GOOD))
    | st.tuples(st.sampled_from(["tracestate", "TRACESTATE"]), states)
    | st.tuples(st.sampled_from(["b3", "B3"]), singles)
    | st.tuples(st.sampled_from(["x-b3-traceid", "X-B3-SpanId"]), ids)
    | st.tuples(st.sampled_from(["X-B3-Sampled", "x-b3-flags"]), said)
    | st.tuples(
        st.sampled_from(["Accept", "x-b3-other", "tracestatf", "traceparenu", "X-B3-ParentSpanId", "baggage"]), ids
    )
)


def asked(headers, sample=0.0, b3=False, answers=False) -> Exchange:
    made = exchange("GET", "/", headers)
    assert Tracer(sample, b3, answers, os.urandom)(made) is None
    return made


@given(st.lists(fields, max_size=6), st.booleans(), st.sampled_from([0.0, 1.0]))
@example([("traceparent", GOOD), ("tracestate", "a=1"), ("tracestate", "b=2")], False, 0.0)
@example([("traceparent", GOOD), ("traceparent", GOOD), ("tracestate", "a=1")], False, 1.0)
@example([("traceparent", "cc" + GOOD[2:] + "-more"), ("b3", "0")], True, 0.0)
@example([("traceparent", "x"), ("b3", f"{SPAN}-{SPAN}-d")], True, 0.0)
def test_the_context_is_what_the_oracle_says(headers, b3, sample):
    found = asked(headers, sample, b3)
    wanted = oracle.context(headers, b3)
    sent = [value for name, value in found.outgoing if name == "traceparent"]
    assert sent == [found.trace.sent]
    trace, span, flags = SENT.fullmatch(sent[0]).groups()
    sampled = sample == 1.0 if wanted.sampled is None else wanted.sampled
    assert (trace == wanted.trace) if wanted.trace else trace != TRACE
    assert int(trace, 16) and int(span, 16) and span != wanted.parent
    assert int(flags) == sampled + 2 * wanted.is_random
    assert (found.trace.trace_id, found.trace.parent, found.trace.sampled) == (trace, wanted.parent, sampled)
    rest = oracle.others(headers, b3) + wanted.state + [("traceparent", sent[0])]
    if b3 and any(name.lower() in oracle.B3 for name, _ in headers):
        rest.append(("b3", f"{trace}-{span}-{int(sampled)}"))
    assert found.outgoing == rest
    given_pairs = {id(pair) for pair in headers}
    assert all(id(pair) in given_pairs for pair in found.outgoing if pair[0] not in ("traceparent", "b3"))


def test_without_the_switch_b3_passes_through():
    headers = [("B3", f"{TRACE}-{SPAN}-1"), ("baggage", "a=1;b, c=2")]
    found = asked(headers)
    assert found.outgoing[:2] == headers
    assert found.trace.trace_id != TRACE


@pytest.mark.parametrize("share", [0.01, 0.25, 0.9])
def test_the_share_is_taken_of_the_random_part(share):
    kept = sum(asked([], share).trace.sampled for _ in range(4000))
    assert abs(kept / 4000 - share) < 4 * (share * (1 - share) / 4000) ** 0.5 + 0.001


@pytest.mark.parametrize(
    ("trace", "sampled"), [("f" * 32, True), ("f" * 18 + "0" * 14, False), ("f" * 18 + "8" + "0" * 13, True)]
)
def test_everybody_who_decides_by_the_same_share_decides_alike(trace, sampled):
    found = asked([("b3", f"{trace}-{SPAN}")], 0.5, b3=True)
    assert found.trace.sampled is sampled


def test_workers_draw_ids_of_their_own():
    tracer = Tracer(0.0, False, False, os.urandom)
    tracer(exchange())
    reads, writes = os.pipe()
    ids = set()
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            child = exchange()
            tracer(child)
            os.write(writes, child.trace.sent.encode())
            os._exit(0)
        os.waitpid(pid, 0)
        ids.add(os.read(reads, 55))
    mine = exchange()
    tracer(mine)
    ids.add(mine.trace.sent.encode())
    os.close(reads)
    os.close(writes)
    assert len({text[3:35] for text in ids}) == len({text[36:52] for text in ids}) == 3


def test_entropy_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Tracer(0.0, False, False, lambda size: b"short")(exchange())


def test_what_a_policy_put_in_place_of_the_headers_is_what_is_read():
    made = exchange("GET", "/", [("Accept", "a")], outgoing=[("X-New", "b"), ("traceparent", GOOD)])
    Tracer(0.0, False, False, os.urandom)(made)
    assert made.outgoing == [("X-New", "b"), ("traceparent", made.trace.sent)]
    assert made.trace.trace_id == TRACE


def test_each_try_has_a_span_of_its_own():
    made = asked([("traceparent", GOOD)])
    trace: Trace = made.trace
    first = trace.begin(made, "up", "127.0.0.1:1", 1.0)
    assert made.outgoing[-1] == ("traceparent", trace.sent)
    made.outgoing = [*made.outgoing, ("X-After", "1")]
    second = trace.begin(made, "up", "127.0.0.1:2", 2.0)
    assert first[0] == trace.sent[36:52] != second[0]
    assert made.outgoing[-2:] == [("traceparent", f"00-{TRACE}-{second[0]}-01"), ("X-After", "1")]
    assert trace.calls == [first, second]


def test_a_leg_is_told_by_its_own_headers():
    made = asked([("b3", f"{TRACE}-{SPAN}-1")], b3=True)
    leg = exchange("GET", "/", list(made.outgoing), trace=made.trace)
    made.trace.begin(made, "up", "a", 1.0)
    call = made.trace.begin(leg, "other", "b", 2.0)
    assert leg.headers == [("traceparent", f"00-{TRACE}-{call[0]}-01"), ("b3", f"{TRACE}-{call[0]}-1")]
    assert leg.outgoing is None
    assert made.outgoing[0] == ("traceparent", made.trace.sent)


def test_a_parent_that_a_policy_set_stays():
    made = asked([("traceparent", GOOD)])
    made.outgoing = [("traceparent", GOOD.replace(TRACE, "1" * 32))]
    for _ in range(2):
        made.trace.begin(made, "up", "a", 1.0)
    assert made.outgoing == [("traceparent", GOOD.replace(TRACE, "1" * 32))]


def test_no_more_is_noted_than_is_of_use():
    made = asked([("traceparent", GOOD)])
    calls = [made.trace.begin(made, "up", "a", 1.0) for _ in range(70)]
    assert [call is None for call in calls] == [False] * 64 + [True] * 6
    assert len(made.trace.calls) == 64


def closed(made: Exchange, slow=0.0):
    kept = []
    Closer(lambda *said: kept.append(said), frozenset({"upstream-reset"}), slow)(made)
    return [reason for _, _, reason, _ in kept]


@pytest.mark.parametrize(
    ("status", "error", "reasons"),
    [
        (200, None, []),
        (404, None, []),
        (500, None, ["error"]),
        (503, "rate-limited", []),
        (499, "client-closed", []),
        (200, "upstream-reset", ["error"]),
        (None, None, []),
    ],
)
def test_errors_of_ours_are_always_kept(status, error, reasons):
    response = None if status is None else Response(status, [])
    assert closed(asked([])) == []
    made = asked([])
    made.response, made.error = response, error
    assert closed(made) == reasons


def test_slow_ones_are_kept_where_that_is_asked_for():
    made = asked([])
    made.response, made.started = Response(200, []), monotonic() - 20.0
    assert closed(made) == []
    assert closed(made, 30.0) == []
    assert closed(made, 10.0) == ["slow"]
    made.response = Response(101, [])
    assert closed(made, 10.0) == []


def test_a_sampled_one_is_kept_and_one_without_a_trace_is_not():
    assert closed(asked([("traceparent", GOOD)])) == ["sampled"]
    assert closed(exchange()) == []


def test_what_a_step_waited_for_is_noted_of_sampled_requests():
    made = asked([("traceparent", GOOD)])

    def ask(request: Exchange) -> None:
        began = monotonic()
        waited(began)
        waited(monotonic())

    assert Watched("limit", ask)(made) is None
    assert Watched("identity", lambda request: Response(401, []))(made).status == 401
    waited(1.0)
    waited(2.0)
    names = [(step[0], step[3]) for step in made.trace.steps]
    assert names == [("limit", 2), ("store", 1), ("store", 1)]
    assert all(step[1] <= step[2] for step in made.trace.steps)
    closed(made)
    waited(3.0)
    assert len(made.trace.steps) == 3


def test_nothing_is_noted_of_others():
    made = asked([])
    waited(1.0)
    assert Watched("limit", lambda request: waited(1.0))(made) is None
    assert (made.trace.steps, made.trace.calls, made.trace.span) == (None, None, "")


def test_a_step_that_fails_leaves_the_name_of_the_one_around_it():
    made = asked([("traceparent", GOOD)])

    def fail(request: Exchange) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Watched("limit", fail)(made)
    waited(1.0)
    assert made.trace.steps[0][0] == "store"
    closed(made)


def test_the_span_of_the_gateway_is_made_when_it_is_needed():
    made = asked([])
    assert made.trace.span == ""
    assert re.fullmatch("[0-9a-f]{16}", made.trace.kept())
    assert made.trace.kept() == made.trace.span
    assert asked([], answers=True).trace.span
