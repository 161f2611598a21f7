"""Whether a 304, or the answer to a HEAD, is about what is stored (RFC 9111 sections 4.3.4 and 4.3.5)."""

import pytest

from gateway.cache.revalidate import agrees, head_agrees
from gateway.cache.rules import CacheOptions
from gateway.cache.stored_response import StoredResponse, stored
from gateway.http.dates import date_of

NOW = 1_700_000_000.0
OLDER, OLD = date_of(NOW - 200), date_of(NOW - 100)


def made(*headers: tuple[str, str]) -> StoredResponse:
    return stored([], 200, headers, 5, (NOW, NOW), CacheOptions(ttl=60.0))


@pytest.mark.parametrize(
    ("has", "says", "expected"),
    [
        ([("ETag", '"a"')], [("ETag", '"a"')], True),
        ([("ETag", '"a"')], [("ETag", '"b"')], False),
        ([("ETag", 'W/"a"')], [("ETag", '"a"')], True),
        ([("ETag", '"a"')], [("ETag", 'W/"b"')], False),
        ([("ETag", '"a"'), ("Last-Modified", OLD)], [("ETag", '"b"'), ("Last-Modified", OLD)], False),
        ([("Last-Modified", OLD)], [("Last-Modified", OLD)], True),
        ([("Last-Modified", OLD)], [("Last-Modified", OLDER)], False),
        ([("Last-Modified", OLD)], [("ETag", '"b"')], False),
        ([("ETag", '"a"')], [], True),
        ([("Last-Modified", OLD)], [], True),
    ],
)
def test_a_304(has: list[tuple[str, str]], says: list[tuple[str, str]], expected: bool) -> None:
    assert agrees(made(*has), says) is expected


@pytest.mark.parametrize(
    ("has", "says", "expected"),
    [
        ([("ETag", '"a"')], [("ETag", '"a"'), ("Content-Length", "5")], True),
        ([("ETag", '"a"')], [("ETag", '"a"')], True),
        ([("ETag", '"a"')], [("ETag", '"a"'), ("Content-Length", "6")], False),
        ([("ETag", '"a"')], [("ETag", '"b"'), ("Content-Length", "5")], False),
        ([], [("ETag", '"a"'), ("Content-Length", "5")], False),
        ([], [("Content-Length", "5")], False),
        ([("Last-Modified", OLD)], [("Last-Modified", OLD)], True),
        ([("Last-Modified", OLD)], [("Last-Modified", OLDER)], False),
        ([("ETag", 'W/"a"'), ("Content-Encoding", "br")], [("ETag", '"a"'), ("Content-Length", "9")], True),
    ],
)
def test_a_head(has: list[tuple[str, str]], says: list[tuple[str, str]], expected: bool) -> None:
    assert head_agrees(made(*has), says) is expected
