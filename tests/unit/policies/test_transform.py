"""transform: what the upstream and the client get, and that nothing passes as it is where it cannot be transformed."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import brotli
import pytest

from gateway.contracts import Steps
from gateway.errors import (
    BODY_TOO_COMPLEX,
    BODY_TOO_LARGE,
    INVALID_BODY,
    MALFORMED_BODY,
    TRANSFORM_FAILED,
    UNSUPPORTED_MEDIA_TYPE,
    UPSTREAM_TIMEOUT,
    GatewayError,
    Kind,
)
from gateway.exchange import Exchange, Headers, Response
from gateway.http.json_reader import JsonReader
from gateway.policies.transform import policy as transform
from gateway.policies.transform.json_edit import remove
from gateway.policies.transform.json_path import parse
from tests.exchanges import exchange

MOST = 1000
JSON = ("Content-Type", "application/json; charset=utf-8")
PLAIN = b'{"secret": 1, "name": "\xc3\xa9"}'
WANTED = '{"name":"é"}'.encode()


def without_secret(value: Any, exchange: Exchange) -> Any:
    remove(value, parse("secret"))
    return value


def body(change: Callable[[Any, Exchange], Any] = without_secret) -> transform.Body:
    return transform.Body(change, MOST, ("application/json", "application/*+json"), JsonReader(5, 50))


BOTH = transform.compile(transform.TransformOptions(request=body(), response=body()))


def sent(data: bytes, *headers: tuple[str, str], length: int | None = None, steps: Steps = BOTH) -> Exchange:
    made = exchange("POST", headers=list(headers) or [JSON])
    made.body, made.body_length = io.BytesIO(data), len(data) if length is None else length
    assert steps.on_request is not None and steps.on_request(made) is None
    return made


def answered(response: Response, method: str = "GET", steps: Steps = BOTH) -> Response:
    assert steps.on_response is not None and steps.on_response(exchange(method), response) is None
    return response


def fields(headers: Headers | None) -> dict[str, str]:
    return {name.lower(): value for name, value in headers or ()}


def kind(call: Callable[..., Any], *args: Any, **options: Any) -> Kind:
    with pytest.raises(GatewayError) as caught:
        call(*args, **options)
    return caught.value.kind


@pytest.mark.parametrize("length", [None, -1])
def test_the_upstream_gets_another_body(length: int | None) -> None:
    made = sent(PLAIN, JSON, ("Content-Length", "28"), ("Content-Digest", "x"), ("X-A", "a"), length=length)
    assert made.body is not None and made.body_length == len(WANTED) and made.body.read() == WANTED
    assert fields(made.outgoing) == {
        "content-type": JSON[1], "x-a": "a", "content-length": str(len(WANTED)), "accept-encoding": "identity"
    }  # fmt: skip


def test_a_coded_body_is_decoded_first() -> None:
    made = sent(brotli.compress(PLAIN), JSON, ("Content-Encoding", "br"))
    assert made.body is not None and made.body.read() == WANTED and "content-encoding" not in fields(made.outgoing)


def test_no_body_is_no_body() -> None:
    assert sent(b"", ("X-A", "a")).body_length == 0
    made = sent(b"", JSON, length=-1)
    assert made.body is not None and made.body.read() == b""


@pytest.mark.parametrize(
    ("data", "headers", "expected"),
    [
        (PLAIN, [("Content-Type", "text/plain")], UNSUPPORTED_MEDIA_TYPE),
        (PLAIN, [("X-A", "a")], UNSUPPORTED_MEDIA_TYPE),
        (PLAIN, [JSON, JSON], UNSUPPORTED_MEDIA_TYPE),
        (PLAIN, [JSON, ("Content-Encoding", "compress")], UNSUPPORTED_MEDIA_TYPE),
        (b" " * (MOST + 1), [JSON], BODY_TOO_LARGE),
        (gzip.compress(b" " * (MOST + 1)), [JSON, ("Content-Encoding", "gzip")], BODY_TOO_LARGE),
        (b"{", [JSON], MALFORMED_BODY),
        (b'{"secret": 1, "secret": 2}', [JSON], MALFORMED_BODY),
        (b"[" * 6 + b"]" * 6, [JSON], BODY_TOO_COMPLEX),
    ],
)
def test_what_is_not_sent_on(data: bytes, headers: Headers, expected: Kind) -> None:
    assert kind(sent, data, *headers) is expected


def test_a_body_of_unknown_length_ends_at_the_bound() -> None:
    assert kind(sent, b" " * (MOST + 1), JSON, length=-1) is BODY_TOO_LARGE


@pytest.mark.parametrize("wrong", [ValueError("no"), float("nan"), object()])
def test_what_the_rules_cannot_take(wrong: Any) -> None:
    def change(value: Any, exchange: Exchange) -> Any:
        if isinstance(wrong, ValueError):
            raise wrong
        return {"a": wrong}

    steps = transform.compile(transform.TransformOptions(request=body(change), response=body(change)))
    assert kind(sent, PLAIN, steps=steps) is INVALID_BODY
    assert kind(answered, Response(200, [JSON], PLAIN), steps=steps) is TRANSFORM_FAILED


def test_what_the_upstream_is_not_asked_for() -> None:
    made = sent(b"", ("Accept-Encoding", "gzip"), ("Range", "bytes=0-1"), ("If-Range", '"a"'), ("If-None-Match", "b"))
    assert fields(made.outgoing) == {"if-none-match": "b", "accept-encoding": "identity"}
    assert fields(made.headers)["accept-encoding"] == "gzip"  # what the client likes stays known


def test_without_rules_for_answers_it_is_asked_for_all() -> None:
    steps = transform.compile(transform.TransformOptions(request=body()))
    assert steps.on_response is None
    assert sent(b"", ("Accept-Encoding", "gzip"), steps=steps).outgoing is None


class Stream:
    """A body that comes in pieces, and knows whether it was closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces, self.error, self.closed = pieces, error, 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def test_the_client_gets_another_body() -> None:
    stream = Stream(PLAIN[:5], b"", PLAIN[5:])
    headers = [JSON, ("ETag", '"a"'), ("Content-Length", "28"), ("Accept-Ranges", "bytes"), ("Repr-Digest", "x")]
    made = answered(Response(200, [*headers, ("Set-Cookie", "a"), ("Set-Cookie", "b")], stream, 28))
    assert (made.body, made.length, stream.closed) == (WANTED, len(WANTED), 1)
    assert made.headers == [JSON, ("ETag", 'W/"a"'), ("Set-Cookie", "a"), ("Set-Cookie", "b")]


@pytest.mark.parametrize("headers", [[], [JSON, ("Content-Type", "text/plain")], [("Content-Type", "what?")]])
def test_a_type_that_cannot_be_told_is_taken_for_json(headers: Headers) -> None:
    assert answered(Response(200, list(headers), PLAIN)).body == WANTED


def test_a_coded_answer_is_decoded() -> None:
    made = answered(Response(201, [JSON, ("Content-Encoding", "gzip")], gzip.compress(PLAIN)))
    assert made.body == WANTED and made.headers == [JSON]


@pytest.mark.parametrize(
    ("status", "headers", "data"),
    [
        (404, [JSON], PLAIN),
        (101, [], PLAIN),
        (304, [("ETag", '"a"')], b""),
        (204, [("ETag", '"a"')], b""),
        (200, [("Content-Type", "text/html"), ("ETag", '"a"')], PLAIN),
        (200, [JSON, ("ETag", '"a"')], b""),
    ],
)
def test_what_is_left_as_it_is(status: int, headers: Headers, data: bytes) -> None:
    made = answered(Response(status, list(headers), data))
    assert (made.status, made.headers, made.body) == (status, headers, data)


def test_an_event_stream_is_not_read() -> None:
    stream = Stream(b"data: 1\n\n")
    assert answered(Response(200, [("Content-Type", "text/event-stream")], stream)).body is stream


@pytest.mark.parametrize(
    ("status", "headers", "data"),
    [
        (200, [JSON], b'{"secret": 1'),
        (200, [JSON], b'{"secret": "\xff"}'),
        (200, [JSON], b" " * (MOST + 1)),
        (200, [JSON], b"[" * 6 + b"]" * 6),
        (200, [JSON, ("Content-Encoding", "gzip")], PLAIN),
        (200, [JSON, ("Content-Encoding", "compress")], PLAIN),
        (200, [JSON, ("Content-Encoding", "gzip")], gzip.compress(b" " * (MOST + 1))),
        (206, [JSON, ("Content-Range", "bytes 0-1/9")], PLAIN[:2]),
        (206, [("Content-Type", "multipart/byteranges; boundary=x")], PLAIN),
    ],
)
def test_no_secret_passes(status: int, headers: Headers, data: bytes) -> None:
    assert kind(answered, Response(status, list(headers), data)) is TRANSFORM_FAILED
    assert kind(answered, Response(status, list(headers), Stream(data[:3], data[3:]))) is TRANSFORM_FAILED


def test_an_answer_that_breaks_off_is_what_it_is() -> None:
    stream = Stream(b"{", error=GatewayError(UPSTREAM_TIMEOUT))
    assert kind(answered, Response(200, [JSON], stream)) is UPSTREAM_TIMEOUT


def test_head_has_the_fields_of_get() -> None:
    made = answered(Response(200, [JSON, ("ETag", '"a"'), ("Content-Length", "28")], b"", 28), "HEAD")
    assert made.headers == [JSON, ("ETag", 'W/"a"')] and made.length is None


@pytest.mark.parametrize(
    ("target", "path", "expected"),
    [
        ("/a%2f?x=1", None, "/a%2f?x=1&n=1"),
        ("/a", None, "/a?n=1"),
        ("/a?x=1", "/b", "/b?n=1"),
        ("/a?x=1", "/b?y=%41", "/b?y=%41&n=1"),
        ("*", None, None),
    ],
)
def test_the_query_of_what_the_upstream_sees(target: str, path: str | None, expected: str | None) -> None:
    steps = transform.compile(transform.TransformOptions(query=lambda query, exchange: f"{query}&n=1".lstrip("&")))
    made = exchange(target=target, upstream_path=path)
    assert steps.on_request is not None and steps.on_request(made) is None
    assert made.upstream_path == expected


def test_a_query_that_does_not_change_stays_byte_for_byte() -> None:
    steps = transform.compile(transform.TransformOptions(query=lambda query, exchange: query))
    made = exchange(target="/a?")
    assert steps.on_request is not None and steps.on_request(made) is None
    assert made.upstream_path is None


def test_numbers_survive() -> None:
    data = b'{"secret": 1, "n": [1, 1.5, -0, 123456789012345678901234567890, 1e3]}'
    made = answered(Response(200, [JSON], data)).body
    assert isinstance(made, bytes) and json.loads(made) == {"n": [1, 1.5, 0, 123456789012345678901234567890, 1000.0]}
