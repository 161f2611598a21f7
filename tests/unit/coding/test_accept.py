"""Accept-Encoding: which coding a client gets (RFC 9110 section 12.5.3)."""

import pytest

from gateway.http import accept_encoding as accept
from gateway.http.accept_encoding import choose

ALL = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, ""),
        ("", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP;Q=0.5 , br ; q=0.5", "br"),
        ("gzip;q=1.0, br;q=0.9", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=0.000, *", "zstd"),
        ("*;q=0", ""),
        ("*", "zstd"),
        ("*;q=0.1, zstd;q=0", "br"),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip", "gzip"),
        ("identity, gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("deflate", ""),
        ("gzip;q=2, br", "br"),
        ("gzip;level=9", ""),
        ("gzip;q=0.1, gzip;q=0.9, br;q=0.5", "br"),
        (", ,gzip,", "gzip"),
    ],
)
def test_the_coding_that_is_liked_best(accept: str | None, expected: str) -> None:
    assert choose(accept, ALL) == expected


def test_only_what_is_offered() -> None:
    assert choose("zstd, br, gzip;q=0.1", ("gzip",)) == "gzip"
    assert choose("gzip, br, zstd", ("gzip", "br")) == "gzip"


def test_long_fields_are_read_but_not_remembered() -> None:
    before = accept._remembered.cache_info().currsize
    assert choose(", ".join([*(f"x-{number}" for number in range(100)), "gzip"]), ("br", "gzip")) == "gzip"
    assert accept._remembered.cache_info().currsize == before
