"""The head of an HTTP/2 request: it becomes the very head that HTTP/1 would have had, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.head_rules import Refused
from gateway._fast.http1_head import Limits, parse_request
from gateway.server.http2.head import Malformed, read_head

LIMITS = Limits()
START = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/a%20b?c=d")]
ANY = st.binary(max_size=12)


def test_it_is_the_head_of_http_1() -> None:
    fields = [*START, (b"x-one", b"1"), (b"x_two", b"2"), (b"x-request-id", b"3"), (b"content-type", b"text/plain")]
    head, environ = read_head(fields, True, LIMITS)
    text = b"GET /a%20b?c=d HTTP/1.1\r\nhost: a.example\r\nx-one: 1\r\nx_two: 2\r\nx-request-id: 3\r\n"
    parsed = parse_request(text + b"content-type: text/plain\r\n\r\n", LIMITS)
    assert parsed is not None
    assert head.headers == parsed[0].headers and head.length == 0
    assert environ == parsed[1] | {"SERVER_PROTOCOL": "HTTP/2"}


@pytest.mark.parametrize(
    ("fields", "has_ended", "length"),
    [
        ([], True, 0),
        ([], False, -1),
        ([(b"content-length", b"7")], False, 7),
        ([(b"content-length", b"0")], True, 0),
    ],
)
def test_the_length_of_the_body(fields: list[tuple[bytes, bytes]], has_ended: bool, length: int) -> None:
    assert read_head([*START, *fields], has_ended, LIMITS)[0].length == length


@given(name=ANY, value=ANY, method=ANY, path=ANY, authority=ANY)
def test_nothing_becomes_another_line(name: bytes, value: bytes, method: bytes, path: bytes, authority: bytes) -> None:
    for fields in (
        [*START, (name, value)],
        [(b":method", method), *START[1:]],
        [*START[:2], (b":authority", authority), START[3]],
        [*START[:3], (b":path", b"/" + path)],
    ):
        try:
            head, environ = read_head(fields, True, LIMITS)
        except (Malformed, Refused):
            continue
        assert len(head.headers) <= 2 and environ["HTTP_HOST"] in ("a.example", authority.decode("latin-1"))
        assert head.target == environ["RAW_URI"] and "\r" not in head.target and " " not in head.target
        assert all("\n" not in value and "\r" not in value for _, value in head.headers)


@pytest.mark.parametrize(
    "value",
    [b"1\r\nx-two: 2", b"1\n", b"1\r", b"\0", b" 1", b"1\t"],
    ids=["line", "lf", "cr", "nul", "before", "behind"],
)
def test_values_that_would_are_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        read_head([*START, (b"x-one", value)], True, LIMITS)


@pytest.mark.parametrize("path", [b"/ HTTP/1.1\r\n", b"/a b", b"/\x7f", b"", b"a", b"*", b"http://b/"])
def test_paths_that_would_are_malformed(path: bytes) -> None:
    with pytest.raises(Malformed):
        read_head([*START[:3], (b":path", path)], True, LIMITS)
