"""WSGI applications as upstreams: PEP 3333, checked by wsgiref's own validator."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from gateway.auth.caller import Caller
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.function.call_limits import CallLimits
from gateway.handlers.function.wsgi import Wsgi, environ_of
from tests.exchanges import exchange

Start = Callable[..., Callable[[bytes], None]]


def asked(method: str = "GET", target: str = "/", body: bytes = b"", **known: Any) -> Exchange:
    known.setdefault("started", time.monotonic())
    made = exchange(method, target, known.pop("headers", []), **known)
    made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def fetch(app: Any, made: Exchange | None = None, prefix: str = "") -> Response:
    return Wsgi(app, CallLimits("test:app", 5.0, 10), prefix).fetch(made or asked())


def read(response: Response) -> bytes:
    data = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    response.close()
    return data


def plain(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"a", b"b"]


def test_an_answer_whole() -> None:
    response = fetch(plain)
    assert (response.status, response.headers, response.body) == (200, [("Content-Type", "text/plain")], b"ab")


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_the_validator_finds_nothing(method: str) -> None:
    @validator
    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        data = environ["wsgi.input"].read(4)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else data + b"!"]

    response = fetch(app, asked(method, "/a/b?x=1", b"body", headers=[("Content-Type", "text/plain")]), "/a")
    assert read(response) == (b"" if method == "HEAD" else b"body!")


def test_the_environ() -> None:
    headers = [
        ("Content-Type", "text/x"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X-A", "1"), ("X-A", "2"),
        ("X_A", "3"), ("X-Forwarded-For", "6.6.6.6"), ("Proxy", "evil"), ("Connection", "x"),
    ]  # fmt: skip
    made = asked("POST", "/shop/a%20%C3%A9?q=%20", b"12345", headers=headers, authority="api.example.com:8443")
    made.caller = Caller("staff", "ann", {"sub": "ann"})
    environ = environ_of(made, "/shop")
    told = {key: value for key, value in environ.items() if not key.startswith(("wsgi.", "gateway."))}
    assert told == {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/shop", "PATH_INFO": "/a Ã©", "QUERY_STRING": "q=%20",
        "SERVER_NAME": "api.example.com", "SERVER_PORT": "8443", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1", "REMOTE_USER": "ann", "CONTENT_LENGTH": "5", "CONTENT_TYPE": "text/x",
        "HTTP_HOST": "api.example.com:8443", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_A": "1, 2",
    }  # fmt: skip
    assert environ["wsgi.url_scheme"] == "https"


def test_a_rewritten_path_is_all_that_the_application_sees() -> None:
    environ = environ_of(asked(target="/shop/a", upstream_path="/b?x=1"), "/shop")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("", "/b", "x=1")


def test_the_body_ends_where_it_was_said_to_end() -> None:
    made = asked("POST", body=b"one\ntwo\n")
    made.body = io.BytesIO(b"one\ntwo\nGET /next")
    lines = environ_of(made, "")["wsgi.input"].readlines()
    assert lines == [b"one\n", b"two\n"]
    made.body, made.body_length = io.BytesIO(b"chunked"), -1
    environ = environ_of(made, "")
    assert "CONTENT_LENGTH" not in environ and environ["wsgi.input"].read() == b"chunked"


class Pieces:
    """An iterable that streams, and knows whether it was closed."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.is_closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.is_closed += 1


def app_of(pieces: Pieces, status: str = "200 OK") -> Any:
    def app(environ: dict[str, Any], start: Start) -> Pieces:
        start(status, [])
        return pieces

    return app


def test_a_stream_is_handed_on_and_closed() -> None:
    pieces = Pieces(b"", b"a", b"", b"b")
    response = fetch(app_of(pieces))
    assert pieces.is_closed == 0 and list(response.body) == [b"a", b"b"]
    response.close()
    assert pieces.is_closed == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Same")])
def test_where_there_is_no_body_the_application_is_closed_at_once(method: str, status: str) -> None:
    pieces = Pieces(b"a", b"b")
    assert fetch(app_of(pieces, status), asked(method)).body == b""
    assert pieces.is_closed == 1


def test_start_response_may_be_called_with_the_first_piece() -> None:
    def app(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("201 Created", [("A", "1")])
        yield b"x"

    response = fetch(app)
    assert (response.status, read(response)) == (201, b"x")


def test_the_write_callable() -> None:
    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        write = start("200 OK", [])
        write(b"a")
        write(b"b")
        return [b"c"]

    assert read(fetch(app)) == b"abc"


def test_an_error_page_takes_the_place_of_what_was_not_sent() -> None:
    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [("A", "1")])
        try:
            raise KeyError("x")
        except KeyError:
            start("500 Oops", [("B", "2")], sys.exc_info())
        return [b"sorry"]

    response = fetch(app)
    assert (response.status, response.headers, response.body) == (500, [("B", "2")], b"sorry")


def twice(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("200 OK", [])
    start("200 OK", [])
    return []


def never(environ: dict[str, Any], start: Start) -> list[bytes]:
    return [b"x"]


def too_late(environ: dict[str, Any], start: Start) -> list[bytes]:
    write = start("200 OK", [])
    write(b"a")
    try:
        raise KeyError("x")
    except KeyError:
        start("500 Oops", [], sys.exc_info())
    return []


def split_head(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("200 OK", [("A", "1\r\nB: 2")])
    return []


@pytest.mark.parametrize("app", [twice, never, too_late, split_head, app_of(Pieces(b"", OSError("x")))])
def test_what_is_no_answer(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(GatewayError) as caught:
        fetch(app)
    assert caught.value.kind.slug == "function-failed" and "test:app failed" in caplog.text


def test_one_that_fails_is_closed() -> None:
    pieces = Pieces(OSError("x"))
    with pytest.raises(GatewayError):
        fetch(app_of(pieces))
    assert pieces.is_closed == 1


def test_its_errors_are_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    environ_of(asked(), "")["wsgi.errors"].write("something odd\n")
    assert "something odd" in caplog.text
