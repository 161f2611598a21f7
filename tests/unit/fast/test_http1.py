"""`_fast.http1_server` against its oracle: bodies as the app reads them, answers as the client gets them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import gevent
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway._fast import http1_server as http1
from gateway._fast.http1_head import Limits
from gateway.errors import GatewayError
from tests.oracles import head_oracle, http1_oracle
from tests.support.greenlets import settle
from tests.support.loop import connected, converse, server

LIMITS = http1_oracle.Limits(head_oracle.Limits(200, 60, 5), 200)
PARTS = [
    b"0",
    b"1",
    b"5",
    b"a",
    b"F",
    b"00",
    b"5\r\nhello\r\n",
    b"1;x=y\r\n!\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b";",
    b" ",
    b"\t",
    b"ab",
    b"X: y\r\n",
    b" X: y\r\n",
    b":y\r\n",
    b"y" * 70,
    b"\x01",
    b"\xff",
    b"ff\r\n",
    b"c9\r\n" + b"z" * 201,
]
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class App:
    """Reads each body in pieces of `sizes`, in turn, and keeps what it saw."""

    def __init__(self, sizes: Iterable[int] = (-1,)) -> None:
        self.sizes = list(sizes)
        self.seen: list[tuple[str, str, bytes]] = []
        self.refused: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            if "gateway.refusal" in environ:
                raise GatewayError(http1_kind(environ["gateway.refusal"][0]))
            body = self.read(environ["wsgi.input"])
        except GatewayError as error:
            self.refused.append(error.kind.slug)
            start_response(f"{error.kind.status} No", [])
            return [b"no"]
        self.seen.append((environ["REQUEST_METHOD"], environ["RAW_URI"], body))
        start_response("200 OK", [])
        return [b"ok"]

    def read(self, source: Any) -> bytes:
        body, turn = b"", 0
        while True:
            size = self.sizes[turn % len(self.sizes)]
            piece = source.read(size)
            assert size < 0 or len(piece) <= size
            body += piece
            turn += 1
            if not piece or size < 0:
                assert source.done and source.taken == len(body)
                return body


def http1_kind(slug: str) -> Any:
    from tests.support.loop import BY_SLUG

    return BY_SLUG[slug]


def small(app: Any) -> http1.Server:
    head = LIMITS.head
    return server(app, Limits(head.first_line, head.line, head.lines), LIMITS.body)


@given(st.one_of(st.binary(max_size=20), st.lists(st.sampled_from(PARTS), max_size=6).map(b"".join)))
@example(b"f" * 15)
@example(b"f" * 16)
def test_chunk_sizes(line: bytes) -> None:
    assert http1.read_chunk_size(line) == http1_oracle.chunk_size(line)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(PARTS), max_size=12), st.lists(st.integers(1, 300), min_size=1, max_size=3), st.booleans()
)
def test_chunked_bodies(parts: list[bytes], sizes: list[int], at_once: bool) -> None:
    sent = [CHUNKED, *parts, GET]
    app = App(sizes)
    answered = converse(small(app), [b"".join(sent)] if at_once else sent)
    expected = http1_oracle.read(b"".join(sent), LIMITS)
    assert app.seen == expected.requests
    assert answered.count(b"HTTP/1.1 200 OK\r\n") == len(app.seen)
    kinds = {"Malformed": ["malformed-request"], "TooLarge": ["body-too-large"], "Incomplete": ["client-closed"]}
    assert app.refused == kinds.get(expected.end, app.refused if expected.end == "refused" else [])


@settings(deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1, max_size=4), st.data())
def test_bodies_with_a_length(body: bytes, sizes: list[int], draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(body)))
    head = b"PUT /l HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    app = App(sizes)
    converse(server(app), [head + body[:cut], body[cut:] + GET])
    assert app.seen == [("PUT", "/l", body), ("GET", "/", b"")]


def lines(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    source = environ["wsgi.input"]
    first = source.readline()
    assert source.readline(2) == b"se"
    start_response("200 OK", [])
    return [first + b"|" + b"|".join(source.readlines())]


def test_lines_of_a_body() -> None:
    answered = converse(server(lines), [b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\nfirst\nsecond\nlast"])
    assert answered.endswith(b"first\n|cond\n|last")


def test_no_body_has_the_same_methods() -> None:
    empty = http1.NoBody()
    assert (empty.read(), empty.read(5), empty.readline(), empty.readlines(), list(empty)) == (b"", b"", b"", [], [])
    assert empty.done and empty.taken == 0


def answering(status: str, headers: list[tuple[str, str]], body: Any) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, headers)
        return body() if callable(body) else body

    return app


def stream(*pieces: Any) -> Any:
    def body() -> Iterable[bytes]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    return body


def test_a_stream_of_unknown_length_is_chunked() -> None:
    answered = converse(server(answering("200 OK", [], stream(b"one", b"", b"three"))), [GET])
    assert answered.endswith(b"\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")
    assert b"Transfer-Encoding: chunked\r\n" in answered


def test_a_stream_of_known_length_is_not() -> None:
    answered = converse(server(answering("200 OK", [("Content-Length", "8")], stream(b"one", b"three"))), [GET])
    assert answered.endswith(b"\r\n\r\nonethree")
    assert b"chunked" not in answered


@pytest.mark.parametrize(
    "pieces", [(b"one",), (b"one", b"seven77"), (b"one", ValueError("broken")), (b"one", OSError("gone"))]
)
def test_a_stream_that_is_not_as_long_as_it_said_breaks_the_connection(pieces: Any) -> None:
    app = answering("200 OK", [("Content-Length", "8")], stream(*pieces))
    with connected(server(app)) as client:
        client.sendall(GET)
        answered = client.recv(65536)
        assert len(answered.partition(b"\r\n\r\n")[2]) < 8
        assert b"HTTP/1.1" not in rest(client)


def rest(client: Any) -> bytes:
    try:
        return b"".join(iter(lambda: client.recv(65536), b""))
    except ConnectionResetError:
        return b""


def test_a_control_in_a_header_is_never_sent(caplog: pytest.LogCaptureFixture) -> None:
    answered = converse(server(answering("200 OK", [("X", "a\r\nSet-Cookie: b")], [b"ok"])), [GET])
    assert answered == b""


def test_framing_fields_are_the_loops_own() -> None:
    headers = [
        ("Content-Length", "99"),
        ("Connection", "x"),
        ("Transfer-Encoding", "gzip"),
        ("Keep-Alive", "9"),
        ("TE", "x"),
    ]
    answered = converse(server(answering("200 OK", headers, [b"ok"])), [GET])
    head, _, body = answered.partition(b"\r\n\r\n")
    assert body == b"ok"
    assert sorted(line.split(b":")[0] for line in head.split(b"\r\n")[1:]) == [b"Content-Length", b"Date"]
    assert b"Content-Length: 2" in head


def test_an_app_that_fails_is_answered_with_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ValueError("oops")

    with caplog.at_level(logging.ERROR, "gateway"):
        answered = converse(server(app), [GET])
    assert answered.startswith(b"HTTP/1.1 500 ") and b"Connection: close" in answered
    assert "oops" in caplog.text


class Closing(list[bytes]):
    def __init__(self, *pieces: bytes) -> None:
        super().__init__(pieces)
        self.diary: list[str] = []

    def broken(self) -> None:
        self.diary.append("broken")

    def close(self) -> None:
        self.diary.append("close")


def test_close_is_called_once_after_the_last_byte() -> None:
    body = Closing(b"ok")
    converse(server(answering("200 OK", [], body)), [GET])
    assert body.diary == ["close"]


def test_the_result_hears_of_a_client_that_is_gone() -> None:
    body = Closing(b"x" * 10_000_000)
    with connected(server(answering("200 OK", [], body))) as client:
        client.sendall(GET)
        client.recv(10)
    assert body.diary == ["broken", "close"]


def test_a_draining_server_says_close() -> None:
    made = server(answering("200 OK", [], [b"ok"]))
    with connected(made) as client:
        client.sendall(GET)
        assert b"Connection: close" not in client.recv(65536)
        client.sendall(GET[:5])
        settle()  # the loop has begun to read a request: it must answer it
        made.drain()
        client.sendall(GET[5:])
        assert b"Connection: close" in client.recv(65536)
        assert client.recv(1) == b""
    with connected(made) as client:
        client.sendall(GET + GET)
        answered = b"".join(iter(lambda: client.recv(65536), b""))
        assert answered.count(b"HTTP/1.1 200") == 2, "what was read is answered"
        assert answered.count(b"Connection: close") == 1


def test_a_request_under_way_is_answered_while_it_drains() -> None:
    made = server(answering("200 OK", [], [b"ok"]))
    with connected(made) as client:
        client.sendall(GET)
        client.recv(65536)
        made.drain()
        client.sendall(GET)
        assert b"Connection: close" in client.recv(65536), "an idle connection may have a request under way"
        assert client.recv(1) == b""


def test_what_stays_idle_is_closed() -> None:
    made = server(answering("200 OK", [], [b"ok"]))
    with connected(made) as client, connected(made) as fresh, connected(made) as busy:
        client.sendall(GET)
        client.recv(65536)
        busy.sendall(GET[:5])
        settle()
        made.drain()
        made.close_idle()
        assert client.recv(1) == b""
        assert fresh.recv(1) == b""
        busy.sendall(GET[5:])
        assert b"Connection: close" in busy.recv(65536)


def test_head_and_bodiless_answers() -> None:
    for method, status in ((b"HEAD", "200 OK"), (b"GET", "204 No Content"), (b"GET", "304 Not Modified")):
        answered = converse(server(answering(status, [], [b"body"])), [GET.replace(b"GET", method)])
        assert answered.endswith(b"\r\n\r\n")
        answered = converse(server(answering(status, [], stream(b"body"))), [GET.replace(b"GET", method)])
        assert answered.endswith(b"\r\n\r\n") and b"chunked" not in answered


@pytest.mark.parametrize("end", ["gone", "bad"])
@pytest.mark.parametrize("length", [True, False])
def test_what_one_client_did_not_get_is_sent_to_nobody_else(end: str, length: bool) -> None:
    """All connections of a worker write their heads into one buffer: an answer that fails leaves nothing in it."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            start_response("200 OK", [("Content-Length", "6")] if length else [])
            return stream()
        start_response("200 OK", [("X-Secret", "mine"), ("X-Bad", 5 if end == "bad" else "")])
        return [b"secret"]

    def stream() -> Iterable[bytes]:
        yield b"one"
        with connected(to) as other:
            other.sendall(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
            other.close() if end == "gone" else gevent.sleep(0.01)
        yield b"two"

    to = server(app)
    body = b"onetwo" if length else b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    answer = converse(to, [GET])
    assert answer.partition(b"\r\n\r\n")[2] == body
    assert b"mine" not in answer
    assert b"secret" not in answer
