"""How an exchange goes in time: early answers, timeouts, a client that leaves, pieces as they come."""

from __future__ import annotations

import socket
from time import monotonic
from typing import Any

import gevent
import gevent.event
import gevent.socket
import pytest

from gateway._fast.channel import Channel
from gateway._fast.http1_client import WireError
from tests.support.greenlets import until
from tests.wire.upstream.play import FakeUpstream, Owner, Script, Side, ask, body_of, exchange, start

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


class Line:
    """An upstream with one connection to it, ended after the test."""

    def __init__(self, script: Script) -> None:
        self.upstream = FakeUpstream(script)
        self.owner = Owner(self.upstream.port)

    def __enter__(self) -> Owner:
        return self.owner

    def __exit__(self, *_: object) -> None:
        self.owner.channel.close()
        self.upstream.stop()


class Client:
    """A client's connection: `far` is the client's own end."""

    def __init__(self) -> None:
        near, self.far = socket.socketpair()
        self.channel = Channel(near)

    def close(self) -> None:
        self.far.close()
        self.channel.close()


@pytest.fixture
def client():
    made = Client()
    yield made
    made.close()


class Pieces:
    """A body that is read in pieces; `reads` counts the bytes taken."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.reads = 0

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        self.left -= size
        self.reads += size
        return b"x" * size


# RFC 9112 section 9.5: an answer before the request's end


def test_rfc9112_9_5_an_early_answer_stops_the_body():
    size = 200_000_000
    body = Pieces(size)

    def script(side: Side) -> None:
        side.until()
        side.send(TOO_LARGE)
        gevent.sleep(5)

    answer, said, owner = ask(script, _post(body, size))
    assert not isinstance(answer, WireError)
    assert (answer.status, said) == (413, b"no")
    assert body.reads < 20_000_000, "the rest of the body was not wanted"
    assert owner.released == [False], "half a request is on this connection"


def _post(body: Any, size: int) -> Any:
    made = exchange("POST")
    made.body, made.body_length = body, size
    return made


def test_rfc9112_9_5_an_early_answer_and_a_closed_connection():
    def script(side: Side) -> None:
        side.until()
        side.send(TOO_LARGE)
        side.close()

    answer, said, _ = ask(script, _post(Pieces(50_000_000), 50_000_000))
    assert not isinstance(answer, WireError)
    assert (answer.status, said) == (413, b"no")


def test_rfc9112_9_5_an_early_answer_while_the_client_stalls(client: Client):
    class Stalls:
        def read(self, size: int = -1) -> bytes:
            return (
                b"x" * 10 if not hasattr(self, "more") and not setattr(self, "more", 1) else client.channel.read(10, 5)
            )

    def script(side: Side) -> None:
        side.until()
        side.exactly(10)
        side.send(TOO_LARGE)
        side.rest()

    asked = _post(Stalls(), 1000)
    asked.environ["gateway.channel"] = client.channel
    started = monotonic()
    answer, said, owner = ask(script, asked, piece=10)
    assert not isinstance(answer, WireError)
    assert (answer.status, said, owner.released) == (413, b"no", [False])
    assert monotonic() - started < 2
    assert client.channel.linked is None


def test_rfc9112_7_1_a_chunk_of_which_half_a_line_came_is_not_here_yet():
    go = gevent.event.Event()

    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5")
        go.wait(5)
        side.send(b"\r\nhello\r\n0\r\n\r\n")

    with Line(script) as owner:
        answer = start(owner, exchange())
        assert not answer.ready
        go.set()
        assert body_of(answer) == b"hello"


def test_rfc9110_15_2_an_interim_answer_does_not_stop_the_body():
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        side.exactly(3_000_000)
        side.send(OK)

    answer, said, owner = ask(script, _post(Pieces(3_000_000), 3_000_000))
    assert not isinstance(answer, WireError), answer
    assert (answer.status, said, owner.released) == (200, b"ok", [True])


def test_rfc9110_10_1_1_a_body_that_ends_early_is_not_completed():
    def script(side: Side) -> None:
        side.until()
        side.rest()

    answer, _, owner = ask(script, _post(Pieces(10), 1000))
    assert isinstance(answer, WireError)
    assert (answer.reason, owner.released) == ("client-closed", [])


def test_rfc9112_7_1_backpressure_reaches_the_clients_body():
    body = Pieces(100_000_000)
    full = gevent.event.Event()

    def script(side: Side) -> None:
        side.until()
        full.wait()
        side.rest()

    with Line(script) as owner:
        running = gevent.spawn(ask_quietly, owner, _post(body, 100_000_000))
        taken = -1
        while taken != body.reads:
            taken = body.reads
            gevent.sleep(0.05)
        assert 0 < taken < 30_000_000
        running.kill()
        full.set()


def test_a_client_that_trickles_runs_into_the_total(client: Client):
    class Trickle:
        def read(self, size: int = -1) -> bytes:
            return client.channel.read(1, 5)

    def trickle() -> None:
        while True:
            client.far.send(b"x")
            gevent.sleep(0.02)

    sender = gevent.spawn(trickle)
    asked = _post(Trickle(), 1000)
    asked.environ["gateway.channel"] = client.channel
    asked.deadline = monotonic() + 0.2
    error, _, _ = ask(silent, asked, piece=1)
    sender.kill()
    assert isinstance(error, WireError)
    assert error.reason == "total-timeout"


def test_a_client_that_stalls_runs_into_the_total(client: Client):
    class Stall:
        def read(self, size: int = -1) -> bytes:
            return client.channel.read(1, 5)

    client.far.send(b"x")
    asked = _post(Stall(), 1000)
    asked.environ["gateway.channel"] = client.channel
    asked.deadline = monotonic() + 0.1
    started = monotonic()
    error, _, _ = ask(silent, asked, piece=1)
    assert isinstance(error, WireError)
    assert monotonic() - started < 1


def ask_quietly(owner: Owner, asked: Any, **more: Any) -> Any:
    try:
        return start(owner, asked, **more)
    except WireError as error:
        return error


# Timeouts


def silent(side: Side) -> None:
    side.until()
    side.rest()


def test_read_timeout_before_the_head():
    started = monotonic()
    error, _, owner = ask(silent, read_timeout=0.1)
    assert isinstance(error, WireError)
    assert (error.reason, error.is_replayable, owner.released) == ("read-timeout", True, [])
    assert 0.09 < monotonic() - started < 1


def test_the_total_is_told_from_the_read_timeout():
    error, _, _ = ask(silent, exchange(deadline=monotonic() + 0.1), read_timeout=5)
    assert isinstance(error, WireError)
    assert error.reason == "total-timeout"


def test_a_deadline_that_has_passed_sends_nothing_in_vain():
    error, _, _ = ask(silent, exchange(deadline=monotonic() - 1), read_timeout=5)
    assert isinstance(error, WireError)
    assert error.reason == "total-timeout"


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_read_timeout_inside_the_body(framing: bytes):
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
        side.rest()

    error, _, owner = ask(script, read_timeout=0.7)
    assert isinstance(error, WireError)
    assert (error.reason, owner.released) == ("read-timeout", [False])


def test_the_read_timeout_is_the_longest_gap_not_the_sum():
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            gevent.sleep(0.25)
            side.send(b"x")

    answer, body, _ = ask(script, read_timeout=1.0)
    assert body == b"xxxxxx"
    assert not isinstance(answer, WireError)


def test_the_total_ends_a_body_that_trickles():
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            gevent.sleep(0.02)
            side.send(b"x")

    error, _, _ = ask(script, exchange(deadline=monotonic() + 0.2), read_timeout=5)
    assert isinstance(error, WireError)
    assert error.reason == "total-timeout"


# A client that leaves


@pytest.mark.parametrize("how", ["leaves", "had left"])
def test_a_client_that_leaves_ends_the_wait(client: Client, how: str):
    with Line(silent) as owner:
        if how == "had left":
            client.far.close()
            until(lambda: client.channel.gone)
        else:
            gevent.spawn_later(0.05, client.far.close)
        started = monotonic()
        with pytest.raises(WireError) as caught:
            start(owner, exchange(environ={"gateway.channel": client.channel}))
        assert caught.value.reason == "client-closed"
        assert monotonic() - started < 1.5
        assert client.channel.linked is None


def test_a_client_that_only_closed_its_sending_half_gets_a_quick_answer(client: Client):
    def script(side: Side) -> None:
        side.until()
        side.send(OK)
        side.until()
        gevent.sleep(0.5)
        side.send(OK)

    with Line(script) as owner:
        client.far.shutdown(socket.SHUT_WR)
        until(lambda: client.channel.gone)
        answer = start(owner, exchange(environ={"gateway.channel": client.channel}))
        assert (answer.status, owner.released) == (200, [True])
        # What was meant for that client is forgotten: the next exchange waits as long as it takes.
        assert start(owner, exchange()).status == 200


def test_a_client_that_leaves_while_the_body_streams(client: Client):
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        side.rest()

    with Line(script) as owner:
        answer = start(owner, exchange(environ={"gateway.channel": client.channel}))
        body = iter(answer.body)
        assert next(body) == b"abc"
        client.far.close()
        with pytest.raises(WireError) as caught:
            next(body)
        assert caught.value.reason == "client-closed"
        assert owner.released == [False]


# The body of an answer


def test_pieces_are_given_as_they_come():
    gate = gevent.event.Event()

    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"data: 1\n\n", b"data: 2\n\n"):
            side.send(b"9\r\n" + piece + b"\r\n")
            gate.wait()
            gate.clear()
        side.send(b"0\r\n\r\n")

    with Line(script) as owner:
        answer = start(owner, exchange())
        assert answer.length is None
        seen = []
        for piece in answer.body:
            seen.append(piece)
            gate.set()
        assert seen == [b"data: 1\n\n", b"data: 2\n\n"]
        assert owner.released == [True]


@pytest.mark.parametrize("coding", ["length", "chunked", "small chunks", "until close"])
def test_a_long_body_arrives_whole(coding: str):
    body = bytes(range(256)) * 20_000
    pieces = [body[at : at + 777] for at in range(0, len(body), 777)] if coding == "small chunks" else [body]
    if coding == "length":
        raw = b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif coding == "until close":
        raw = b"\r\n" + body
    else:
        raw = b"Transfer-Encoding: chunked\r\n\r\n"
        raw += b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\n" + raw)
        side.close()

    answer, said, owner = ask(script)
    assert not isinstance(answer, WireError), answer
    assert said == body
    assert owner.released == [coding != "until close"]


def begin(side: Side) -> None:
    """The beginning of a long answer."""
    side.until()
    side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\nabc")
    side.rest()


def test_closing_a_body_early_costs_the_connection_once():
    with Line(begin) as owner:
        answer = start(owner, exchange())
        assert next(iter(answer.body)) == b"abc"
        answer.close()
        answer.close()
        assert owner.released == [False]
        assert list(answer.body) == []


def test_a_body_that_nobody_closes_costs_the_connection_only():
    with Line(begin) as owner:
        answer = start(owner, exchange())
        assert owner.released == []
        del answer
        assert owner.released == [False]


def test_a_body_read_to_its_end_is_given_back_once():
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        gevent.sleep(0)
        side.send(b"def")

    with Line(script) as owner:
        answer = start(owner, exchange())
        assert body_of(answer) == b"abcdef"
        assert owner.released == [True]
        answer.close()
        assert owner.released == [True]


def test_several_exchanges_go_over_one_connection():
    def script(side: Side) -> None:
        while side.until():
            side.send(OK)

    with Line(script) as owner:
        for _ in range(5):
            assert start(owner, exchange()).body == b"ok"
            assert not owner.channel.stale()
        assert owner.released == [True] * 5


# Interim answers


def test_rfc8297_2_early_hints_are_passed_on():
    hints: list[Any] = []

    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\nX: 1\r\n\r\n" + OK)

    answer, _, _ = ask(script, exchange(environ={"wsgi.early_hints": hints.append}))
    assert not isinstance(answer, WireError)
    assert hints == [[("Link", "</a.css>; rel=preload")]]


def test_rfc8297_2_a_client_that_left_during_early_hints():
    def gone(_headers: Any) -> None:
        raise BrokenPipeError

    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)

    error, _, _ = ask(script, exchange(environ={"wsgi.early_hints": gone}))
    assert isinstance(error, WireError)
    assert error.reason == "client-closed"


# What may be sent again


def test_rfc9110_9_2_2_a_connection_that_died_before_the_answer_may_be_replayed():
    def script(side: Side) -> None:
        side.until()
        side.reset()

    error, _, _ = ask(script, exchange("POST", body=b"hello"))
    assert isinstance(error, WireError)
    assert (error.reason, error.sent, error.is_replayable) == ("reset", True, True)


def test_rfc9110_9_2_2_not_when_the_body_was_taken():
    def script(side: Side) -> None:
        side.until()
        side.exactly(100_000)
        side.reset()

    error, _, _ = ask(script, exchange("PUT", body=b"x" * 3_000_000))
    assert isinstance(error, WireError)
    assert (error.reason, error.is_replayable) == ("reset", False)


def test_rfc9110_9_2_2_not_when_an_answer_had_begun():
    def script(side: Side) -> None:
        side.until()
        side.send(b"HTTP")
        gevent.sleep(0.05)
        side.reset()

    error, _, _ = ask(script)
    assert isinstance(error, WireError)
    assert (error.reason, error.is_replayable) == ("incomplete", False)
