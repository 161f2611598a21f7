"""The generator and the echo against each other, and the generator against servers that are known."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tuning.burst import burst
from gateway.tuning.echo_server import Echo, answer_of, whole
from gateway.tuning.load_generator import Connection, Generator
from gateway.tuning.measurement import limit_of
from gateway.tuning.order import LoadJob, LoadResult, together
from gateway.tuning.processes import Child, session_pids
from gateway.tuning.sweep import _of_sent
from gateway.tuning.testbed import Round
from tests.support.gateway import wait_until
from tests.support.tries import first_quick

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@contextlib.contextmanager
def saying(answer):
    """A server that says `answer` to everything that comes, on one connection after another."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve(client):
        with client, contextlib.suppress(OSError):  # the generator leaves in the middle of an answer
            while client.recv(4096):
                client.sendall(answer)

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def echo():
    """The echo as the process that it is."""
    child = Child("gateway.tuning.echo_server", ["--size", "300"], (), subprocess.DEVNULL)
    try:
        yield ("127.0.0.1", int(child.line()))
    finally:
        child.stop()


def closed(address, request=GET, connections=4, least=10, **more):
    """A generator that asked for 0.2 s, with more answers than the least where one of the two is not held up."""

    def asked():
        generator = Generator(address, request, connections, "23")
        try:
            generator.run_closed(0.2, **more)
        finally:
            generator.close()
        return generator

    return first_quick(asked, lambda found: len(found.latencies) + found.failed > least)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_every_form_of_an_answer_is_read(answer):
    with saying(answer) as address:
        found = closed(address)
    assert len(found.latencies) > 10 and not found.failed and min(found.latencies) > 0


def test_refusals_are_counted_by_status_and_the_connection_is_kept():
    with saying(b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n") as address:
        found = closed(address)
    assert found.refused[429] == found.failed > 10 and not found.latencies


def test_an_answer_without_an_end_is_failed():
    with saying(b"HTTP/1.1 200 OK\r\n\r\nhello") as address:
        found = closed(address, connections=1)
    assert found.failed and not found.latencies


def test_the_echo_answers_all_and_each_connection_has_one_request(echo):
    found = closed(echo, connections=8, least=100)
    assert len(found.latencies) > 100 and not found.failed


def test_a_new_connection_for_each_request_if_asked(echo):
    request = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    found = closed(echo, request=request, fresh=True)
    assert len(found.latencies) > 10 and not found.failed


def test_the_echo_reads_bodies_of_both_kinds_and_pipelines(echo):
    sized = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with socket.create_connection(echo, 5) as client:
        for part in (sized[:20], sized[20:] + chunked[:50], chunked[50:] + GET):
            client.sendall(part)
            time.sleep(0.01)
        got = b""
        while len(got) < 3 * len(answer_of(300)):
            got += client.recv(4096)
    assert got == 3 * answer_of(300)


def test_the_echo_answers_as_large_as_it_is_told():
    for size in (2, 11, 300, 10_000):
        head, _, body = answer_of(size).partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head and json.loads(body) is not None
        assert len(body) == size or size < 12


@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_request_is_whole_when_all_of_it_is_there(body, cut):
    request = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    assert whole(request) == len(request) == whole(request + b"GET")
    if cut < len(request):
        assert whole(request[:cut]) == 0


def test_the_echo_is_not_for_other_machines(echo):
    assert echo[0] == "127.0.0.1" and Echo.__module__ == "gateway.tuning.echo_server"
    others = [each for each in _addresses() if not each.startswith("127.")]
    for address in others:
        with socket.socket() as probe:
            assert probe.connect_ex((address, echo[1])) != 0


def _addresses():
    return {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}


@given(
    st.lists(st.floats(0.0001, 10), max_size=20),
    st.integers(0, 9),
    st.lists(st.tuples(st.integers(100, 599), st.integers(1, 9))),
)
def test_orders_and_answers_travel(latencies, failed, refused):
    order = LoadJob(80, "GET / HTTP/1.1\r\nX: \xe9\r\n\r\n", 3, 0.5, 10.0, True)
    assert LoadJob.from_json(order.to_json()) == order
    answered = LoadResult(tuple(sorted(latencies)), failed, 1.0, 0.5, 0.01, tuple(refused))
    found = LoadResult.from_json(answered.to_json())
    assert found.latencies == pytest.approx(answered.latencies, rel=1e-6)
    assert (found.failed, found.refused) == (failed, tuple(refused))
    both = together([found, found])
    assert len(both.latencies) == 2 * len(latencies) and both.failed == 2 * failed
    assert list(both.latencies) == sorted(both.latencies)


def test_a_burst_is_answered_to_the_last(echo):
    last, failed = burst(echo[1], GET, 200)
    assert failed == 0 and 0 < last < 10


def test_a_burst_on_a_server_that_does_not_accept_is_failed():
    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        assert burst(deaf.getsockname()[1], GET, 8, timeout=0.2)[1] == 8


def test_a_burst_on_nobody_is_failed_at_once():
    assert burst(1, GET, 5) == (0.0, 5)


@pytest.mark.parametrize(
    ("cpu", "generator", "busy", "others", "expected"),
    [
        (0.95, 0.5, 1.9, 0.0, "gateway"),
        (0.5, 0.95, 1.9, 0.0, "generator"),
        (0.5, 0.5, 1.9, 0.0, "cores"),
        (0.5, 0.5, 1.9, 0.5, "others"),
        (0.5, 0.5, 1.0, 0.5, "latency"),
    ],
)
def test_who_was_at_its_end(cpu, generator, busy, others, expected):
    assert limit_of(1, Round(LoadResult((), 0, 1.0, generator, 0.0), cpu, busy, 2.0, others, generator)) == expected


def test_a_generator_runs_as_a_process(echo):
    order = LoadJob(echo[1], GET.decode(), 2, 0.2, rate=200.0)
    child = Child("gateway.tuning.load", [], (), subprocess.DEVNULL)
    try:
        for _ in range(2):
            child.tell(order.to_json().encode() + b"\n")
            found = LoadResult.from_json(child.line())
            assert len(found.latencies) == 40 and found.seconds >= 0.2 and found.cpu > 0
        child.tell_all(order.to_json().replace(str(echo[1]), "1").encode())
        assert not child.line(), "nobody listens there"
    finally:
        child.stop()


def test_modules_are_ours(tmp_path, monkeypatch):
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "__init__.py").write_text("raise SystemExit('theirs')")
    monkeypatch.chdir(tmp_path)
    child = Child("gateway.tuning.echo_server", [], (), subprocess.DEVNULL)
    try:
        assert child.line().isdigit()
    finally:
        child.stop()


def test_what_was_started_ends_with_who_started_it():
    code = (
        "import subprocess, time; from gateway.tuning.processes import Child;"
        "child = Child('gateway.tuning.echo_server', [], (), subprocess.DEVNULL);"
        "child.line(); print(child.sid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        sid = int(parent.stdout.readline())
        assert session_pids(sid)
        parent.send_signal(signal.SIGKILL)
        wait_until(lambda: not session_pids(sid), "it has ended")


def test_a_body_larger_than_what_goes_out_at_once_is_sent_whole(echo):
    size = 8 << 20  # more than the kernel takes of one send
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size
    generator = Generator(echo, head + bytes(size), 1)
    try:
        assert generator.run_open(10, 0.2) == 2
    finally:
        generator.close()
    assert (len(generator.latencies), generator.failed) == (2, 0)


def test_a_chunk_that_ends_like_a_last_one_is_none():
    first, rest = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n10\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection.__new__(Connection)
        connection.socket, connection.buffer = ours, b""
        theirs.sendall(first)
        assert connection.answered() is None
        theirs.sendall(rest)
        assert connection.answered() == 200


def test_what_has_no_answer_is_slower_than_what_has():
    def sent(failed):
        took = tuple(number / 1000 for number in range(1, 101))
        return _of_sent(Round(LoadResult(took, failed, 1.0, 0.1, 0.0), 0.1, 0.1, 1.0, 0.0, 0.1), 0.9)

    assert [sent(failed) for failed in (0, 5, 10, 50)] == [0.09, 0.095, 0.099, 0.1]
