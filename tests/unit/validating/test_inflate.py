"""Compressed bodies: small ones are read, bombs are not."""

import gzip
import hashlib
import subprocess
import sys
import tracemalloc
import zlib

import brotli
import pytest

from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE, GatewayError
from gateway.http import zstd
from gateway.http.decompress import decompress

TEXT = b'{"a": "b"}' * 50
#: larger than any decoder's first buffer, and random in part
LARGE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(2000)) * 4
ENCODE = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": lambda data: zstd.module().compress(data),
}
CODINGS = [*ENCODE]
#: a gigabyte of nothing would take a while to be compressed here; each of these becomes 200 MB
MUCH = 200_000_000


def refused(*args):
    with pytest.raises(GatewayError) as caught:
        decompress(*args)
    return caught.value


@pytest.mark.parametrize("text", [TEXT, LARGE, b""], ids=["small", "large", "empty"])
@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_read(coding, text):
    assert decompress(ENCODE[coding](text), coding, len(LARGE), 100) == text


@pytest.mark.parametrize(("data", "coding"), [(gzip.compress(TEXT), " X-GZIP "), (TEXT, "identity"), (TEXT, "")])
def test_other_names_and_none(data, coding):
    assert decompress(data, coding, 100_000, 100) == TEXT


@pytest.mark.parametrize("coding", ["compress", "gzip, gzip", "nonsense"])
def test_other_codings_get_415_with_those_that_are_read(coding):
    error = refused(TEXT, coding, 100_000, 100)
    assert error.kind is UNSUPPORTED_MEDIA_TYPE
    assert error.headers == (("Accept-Encoding", "zstd, br, gzip, deflate, identity"),)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("text", [TEXT, LARGE], ids=["small", "large"])
def test_what_is_not_one_whole_stream(coding, text):
    data = ENCODE[coding](text)
    for wrong in (b"no such thing", b"", data[:-1], data[: len(data) // 2], data + b"x", data * 2):
        assert refused(wrong, coding, 1 << 20, 100).kind is MALFORMED_BODY


def test_a_checksum_counts():
    assert refused(gzip.compress(TEXT)[:-8] + b"\0" * 8, "gzip", 100_000, 100).kind is MALFORMED_BODY


def test_a_bomb_is_never_inflated():
    bomb = gzip.compress(b"0" * MUCH)
    tracemalloc.start()
    try:
        assert refused(bomb, "gzip", 1 << 20, 10_000).kind is BODY_TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


GROWN = """
import resource, sys
from gateway.errors import GatewayError
from gateway.http.decompress import decompress
coding, bomb = sys.argv[1], sys.stdin.buffer.read()
inflate_small = bytes.fromhex(sys.argv[2])
decompress(inflate_small, coding, 1 << 20, 1_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decompress(bomb, coding, 1 << 20, 1_000_000)
except GatewayError as error:
    print(error.kind.slug, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_bomb_is_never_inflated_by_libraries_with_memory_of_their_own(coding):
    encode = ENCODE[coding] if coding == "zstd" else lambda data: brotli.compress(data, quality=1)
    small, bomb = encode(TEXT), encode(b"0" * MUCH)
    run = [sys.executable, "-c", GROWN, coding, small.hex()]
    told = subprocess.run(run, input=bomb, capture_output=True, check=True).stdout.split()
    assert told[0] == b"body-too-large"
    assert int(told[1]) < 32 << 10  # KB: the bound, and a decoder's window


def test_no_window_larger_than_needed_is_taken():
    library = zstd.module()
    wide = library.compress(b"0" * 20_000_000, options={library.CompressionParameter.window_log: 27})
    assert refused(wide, "zstd", 1 << 30, 1_000_000).kind is MALFORMED_BODY


@pytest.mark.parametrize("coding", CODINGS)
def test_the_bounds(coding):
    encode = ENCODE[coding]
    assert len(decompress(encode(b"0" * 60_000), coding, 1 << 20, 5)) == 60_000
    assert refused(encode(b"0" * 100_000), coding, 1 << 20, 1).kind is BODY_TOO_LARGE
    assert len(decompress(encode(b"0" * 100_000), coding, 100_000, 100_000)) == 100_000
    assert refused(encode(b"0" * 100_000), coding, 99_999, 100_000).kind is BODY_TOO_LARGE
