"""What is read of samplers, of callgrind and of strace, and what is made of it."""

import re

import pytest

from perf.profiling import callgrind, client, cpu, flame, fold, syscalls, tables
from perf.profiling.subject import trial_of
from perf.scenario import Load, ScenarioError, load_all

DUMP = """\
# callgrind format
version: 1
creator: callgrind-3.24.0
desc: Trigger: Callgrind_control
positions: line
events: Ir
ob=(1) /usr/lib/libpython3.11.so.1.0
fl=(1) ceval.c
fn=(1) _PyEval_EvalFrameDefault
10 700
+3 50
cob=(2) /gateway/_fast/http1_client.cpython-311-x86_64-linux-gnu.so
cfi=(2) ???
cfn=(2) __pyx_f_7gateway_5_fast_12http1_client_6Answer_whole
calls=4 0
* 900
cfn=(3) _PyObject_Malloc
calls=6 0
+1 60
-2 5

ob=(2)
fl=(2)
fn=(2)
0 240
cob=(1)
cfn=(3)
calls=2 0
0 20

ob=(1)
fn=(3)
fi=(3) obmalloc.c
22 80
totals: 1075
"""
STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 54.75    0.118729          19      6000           sendto
 36.93    0.080069          13      6000         7 recvfrom
  0.00    0.000000           0         2           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.216828          18     12002         7 total
"""
SO = "cpython-311-x86_64-linux-gnu.so"
SERVE = f"serve (gateway/_fast/http1_server.{SO})"
PY_SPY = f"""\
0x7f (libc.so.6);thread_run (x.so.1.0);run (gevent/threadpool.py:7);PyThread_acquire_lock_timed (x.so.1.0) 90
greenlet::X::g_switch (greenlet/T.cpp:185);{SERVE};A.__call__ (gateway/server/app.py:22) 3
0x7f (?);{SERVE};A.__call__ (gateway/server/app.py:23);send (libc.so.6);0x7f (libc.so.6) 2
Hub.run (gevent/hub.py:1);epoll_wait (libc.so.6) 4
"""
PERF = f"""\
gateway   11413\x20
\tffffffff8201f1e1 tcp_rcv_established ([kernel.kallsyms])
\t    7f8b9557702f __pyx_f_7gateway_5_fast_12http1_client_6Answer_finish (/x/gateway/_fast/http1_client.{SO})
\t    7f8b97c5d0cf _PyEval_EvalFrameDefault (/x/lib/libpython3.11.so.1.0)
\t    7f8b96b9ada8 greenlet::UserGreenlet::inner_bootstrap(_greenlet*, _object*) (/x/_greenlet.{SO})

gateway   11413\x20
\t    7f8b97c5d0cf _PyEval_EvalFrameDefault (/x/lib/libpython3.11.so.1.0)

"""
EVAL = "_PyEval_EvalFrameDefault"


def test_a_dump_of_callgrind():
    costs = callgrind.parse(DUMP.splitlines(keepends=True))
    wire = "/gateway/_fast/http1_client.cpython-311-x86_64-linux-gnu.so"
    assert costs.own[EVAL, "/usr/lib/libpython3.11.so.1.0"] == 755, "what callees cost is not the caller's"
    assert costs.by_object() == {"/usr/lib/libpython3.11.so.1.0": 835, wire: 240}
    assert costs.total == 1075
    assert costs.called() == {"__pyx_f_7gateway_5_fast_12http1_client_6Answer_whole": 4, "_PyObject_Malloc": 8}
    assert costs.calls[EVAL, "_PyObject_Malloc"] == 6


def test_its_tables_are_per_request():
    costs = callgrind.parse(DUMP.splitlines(keepends=True))
    told = "\n".join(tables.instructions(costs, 2))
    assert "538 instructions per request" in told
    assert re.search(r"378 +70\.2% +0\.00  _PyEval_EvalFrameDefault  \[libpython3", told)
    assert re.search(r"120 +22\.3% +2\.00  gateway\._fast\.http1_client\.Answer\.whole  \[http1_client\]", told)
    asked = "\n".join(tables.allocations(costs, 2))
    assert re.search(r"4\.00  _PyObject_Malloc$", asked, re.M)
    assert re.search(r"3\.00  _PyObject_Malloc by _PyEval_EvalFrameDefault$", asked, re.M)
    assert re.search(r"1\.00  _PyObject_Malloc by gateway\._fast\.http1_client\.Answer\.whole$", asked, re.M)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("__pyx_f_7gateway_5_fast_12target_stats_now_ms", "gateway._fast.target_stats.now_ms"),
        ("__pyx_pw_7gateway_5_fast_12target_stats_1now_ms", "gateway._fast.target_stats.now_ms"),
        ("__pyx_pw_7gateway_5_fast_15access_log_line_4Line_13__call__", "gateway._fast.access_log_line.Line.__call__"),
        ("__pyx_f_7gateway_5_fast_10http1_head_3Out_text", "gateway._fast.http1_head.Out.text"),
        ("PyDict_New", "PyDict_New"),
        ("__pyx_unpickle", "__pyx_unpickle"),
    ],
)
def test_names_of_cython(name, shown):
    assert tables.readable(name) == shown


def test_the_table_of_strace():
    calls = syscalls.parse(STRACE)
    assert calls == {"sendto": (6000, 0), "recvfrom": (6000, 7), "epoll_wait": (2, 0)}
    told = "\n".join(syscalls.table(calls, 3000))
    assert told.startswith("4.00 system calls per request")
    assert re.search(r"2\.000 +0\.002  recvfrom", told)
    assert "epoll_wait" not in told, "two in 3,000 requests are of the background"


def test_stacks_of_py_spy_are_folded():
    stacks, waited = fold.of_py_spy(PY_SPY)
    serve, called = "serve (gateway/_fast/http1_server)", "A.__call__ (gateway/server/app.py)"
    assert stacks == {(serve, called): 3, (serve, called, "send (libc.so.6)"): 2}
    assert waited == 94
    assert fold.own(stacks) == {called: 3, "send (libc.so.6)": 2}
    assert fold.within(stacks) == {serve: 5, called: 5, "send (libc.so.6)": 2}


def test_stacks_of_perf_are_folded():
    evaluates, wire = (
        f"{EVAL} (libpython3.11.so.1.0)",
        "gateway._fast.http1_client.Answer.finish (gateway/_fast/http1_client)",
    )
    assert fold.of_perf(PERF) == {(evaluates, wire, "tcp_rcv_established (kernel)"): 1, (evaluates,): 1}


def test_a_recursion_counts_once_for_what_it_is_in():
    assert fold.within(fold.Stacks({("a", "b", "a"): 2})) == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ("talk (gateway/_fast/http1_client)", "fast"),
        ("A.__call__ (gateway/server/app.py)", "python"),
        (f"{EVAL} (libpython3.11.so.1.0)", "interpreter"),
        (f"{EVAL} (python3.13)", "interpreter"),
        ("tcp_v4_rcv (kernel)", "kernel"),
        ("send (libc.so.6)", "native"),
    ],
)
def test_kinds_of_frames(frame, kind):
    assert fold.kind(frame) == kind


def test_boxes_lie_over_their_callers():
    drawn = {box.node.name: box for box in flame.boxes(flame.tree(fold.Stacks({("a", "b"): 3, ("a",): 1, ("c",): 4})))}
    places = {name: (box.row, box.left, box.width) for name, box in drawn.items()}
    assert places == {"all": (0, 0, 1), "a": (1, 0, 0.5), "c": (1, 0.5, 0.5), "b": (2, 0, 0.375)}


def test_boxes_too_small_to_see_are_left_out():
    names = [box.node.name for box in flame.boxes(flame.tree(fold.Stacks({("often",): 10_000, ("rare",): 1})))]
    assert names == ["all", "often"]


def test_the_page_needs_nothing_else_and_escapes_names():
    page = flame.page(fold.Stacks({("<module> (gateway:8)",): 3}), "bare & full", "3 samples")
    assert 'title="&lt;module&gt; (gateway:8): 3 samples, 100.0%"' in page
    assert "<title>bare &amp; full</title>" in page
    assert not re.search(r"@[A-Z]+@|https?://|<link|src=", page)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP", 40),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", 0),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 27),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 59),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 52),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 0),
    ],
)
def test_answers_are_told_apart(data, size):
    assert client.answer_size(data) == size


def test_requests_of_a_load():
    one = client.requests(Load(path="/x", accept="zstd"), 80)
    assert one == [b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept-Encoding: zstd\r\n\r\n"]
    two = client.requests(Load(path="/x", method="POST", body=200, json=True), 80, ["a", "b"])
    assert [b"Bearer a" in two[0], b"Bearer b" in two[1]] == [True, True]
    head, _, body = two[0].partition(b"\r\n\r\n")
    assert (len(body), b"Content-Length: 200" in head, b"application/json" in head) == (200, True, True)


def test_trials_by_name():
    scenarios = load_all()
    assert trial_of(scenarios, "bare").series == "gateway"
    assert trial_of(scenarios, "full").series == "gateway@full"
    assert trial_of(scenarios, "full@bare").series == "gateway@bare"
    assert trial_of(scenarios, "routes-1000").shape.routes == 1000
    for name, said in (("absent", "no scenario"), ("full@absent", "no variant"), ("cold-start", "no steady load")):
        with pytest.raises(ScenarioError, match=said):
            trial_of(scenarios, name)


def test_a_sampler_that_is_not_here_is_said(monkeypatch):
    monkeypatch.setattr(cpu, "program", lambda name: "/bin/perf" if name == "perf" else None)
    assert cpu.sampler() == "perf"
    with pytest.raises(SystemExit, match="py-spy"):
        cpu.sampler("py-spy")


def test_what_is_unknown_is_refused(capsys):
    from perf.__main__ import main

    assert main(["profile", "bare", "--what", "cpu,heap"]) == 2
    assert "'heap' is none of cpu" in capsys.readouterr().err
