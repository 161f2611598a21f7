"""Each coding, whole and piece by piece, read back by its library's decoder."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http import zstd as zstd_found
from gateway.http.content_coding import STREAMS, encode

zstd = zstd_found.module()
WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}


class Reader:
    """What a client has read so far of a stream that has not ended."""

    def __init__(self, coding: str) -> None:
        if coding == "gzip":
            self.read = zlib.decompressobj(31).decompress
        elif coding == "br":
            self.read = brotli.Decompressor().process
        else:
            self.read = zstd.ZstdDecompressor().decompress


@pytest.mark.parametrize("coding", WHOLE)
@given(data=st.binary(max_size=3000))
def test_whole(coding: str, data: bytes) -> None:
    assert WHOLE[coding](encode(coding, data)) == data


@pytest.mark.parametrize("coding", WHOLE)
@given(pieces=st.lists(st.binary(min_size=1, max_size=400), max_size=6))
def test_each_piece_can_be_read_when_it_came(coding: str, pieces: list[bytes]) -> None:
    stream, reader = STREAMS[coding](), Reader(coding)
    sent = b""
    for piece in pieces:
        coded = stream.piece(piece)
        assert reader.read(coded) == piece
        sent += coded
    sent += stream.end()
    assert WHOLE[coding](sent) == b"".join(pieces)


def test_a_window_of_zstd_is_one_that_every_client_takes() -> None:
    """RFC 9659: no more than 8 MB."""
    stream = STREAMS["zstd"]()
    sent = stream.piece(bytes(range(256)) * 4096) + stream.end()
    limited = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
    assert len(limited.decompress(sent)) == 1 << 20
