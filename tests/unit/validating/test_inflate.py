"""Compressed bodies: small ones are read, bombs are not."""

import gzip
import tracemalloc
import zlib

import pytest

from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE, GatewayError
from gateway.validating.inflate import inflate

TEXT = b'{"a": "b"}' * 50


def refused(*args):
    with pytest.raises(GatewayError) as caught:
        inflate(*args)
    return caught.value


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), " X-GZIP "),
        (zlib.compress(TEXT), "deflate"),
        (TEXT, "identity"),
        (TEXT, ""),
    ],
)
def test_what_is_read(data, coding):
    assert inflate(data, coding, 100_000, 100) == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_other_codings_get_415_with_those_that_are_read(coding):
    error = refused(TEXT, coding, 100_000, 100)
    assert error.kind is UNSUPPORTED_MEDIA_TYPE
    assert error.headers == (("Accept-Encoding", "gzip, deflate, identity"),)


@pytest.mark.parametrize(
    "data",
    [
        b"no gzip",
        b"",
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT) + b"x",
        gzip.compress(TEXT) * 2,
        gzip.compress(TEXT)[:-8] + b"\0" * 8,
    ],
    ids=["other", "nothing", "cut", "more", "two", "checksum"],
)
def test_what_is_not_one_whole_stream(data):
    assert refused(data, "gzip", 100_000, 100).kind is MALFORMED_BODY


def test_a_bomb_is_never_inflated():
    bomb = gzip.compress(b"0" * 200_000_000)
    tracemalloc.start()
    try:
        assert refused(bomb, "gzip", 1 << 20, 10_000).kind is BODY_TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_the_ratio_counts_for_what_is_not_small():
    assert len(inflate(gzip.compress(b"0" * 60_000), "gzip", 1 << 20, 5)) == 60_000
    assert refused(gzip.compress(b"0" * 100_000), "gzip", 1 << 20, 100).kind is BODY_TOO_LARGE
    assert len(inflate(gzip.compress(b"0" * 100_000), "gzip", 1 << 20, 1000)) == 100_000
