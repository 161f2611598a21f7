"""Content codings (RFC 9110 section 8.4.1): gzip, br (RFC 7932) and zstd (RFC 8878), whole and piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from gateway.http import zstd

#: the levels at which a coding costs about what the proxied request does (10 KB of JSON: 5 to 25 us)
GZIP_LEVEL: Final = 1
BROTLI_QUALITY: Final = 4
ZSTD_LEVEL: Final = 3
_WINDOW_BITS: Final = 22  # RFC 9659: a decoder of HTTP need not take a zstd window of more than 8 MB
_GZIP_FORM: Final = 31


class Encoder(Protocol):
    """One stream of a coding."""

    def piece(self, data: bytes) -> bytes:
        """`data` coded and flushed, so that the other side can read all of it now."""

    def end(self) -> bytes:
        """What closes the stream."""


class Gzip:
    """gzip (RFC 1952)."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORM)

    def piece(self, data: bytes) -> bytes:
        """See Encoder."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """See Encoder."""
        return self._stream.flush()


class Brotli:
    """br (RFC 7932)."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        import brotli  # PERF: for those who use it

        self._stream: Any = brotli.Compressor(quality=BROTLI_QUALITY, lgwin=_WINDOW_BITS)

    def piece(self, data: bytes) -> bytes:
        """See Encoder."""
        coded: bytes = self._stream.process(data) + self._stream.flush()
        return coded

    def end(self) -> bytes:
        """See Encoder."""
        coded: bytes = self._stream.finish()
        return coded


class Zstd:
    """zstd (RFC 8878)."""

    __slots__ = ("_flush", "_stream")

    def __init__(self) -> None:
        library = zstd.module()
        parameter = library.CompressionParameter
        options = {parameter.compression_level: ZSTD_LEVEL, parameter.window_log: _WINDOW_BITS}
        self._stream = library.ZstdCompressor(options=options)
        self._flush = library.ZstdCompressor.FLUSH_BLOCK

    def piece(self, data: bytes) -> bytes:
        """See Encoder."""
        coded: bytes = self._stream.compress(data, mode=self._flush)
        return coded

    def end(self) -> bytes:
        """See Encoder."""
        coded: bytes = self._stream.flush()
        return coded


#: coding -> what codes a stream
STREAMS: Final[dict[str, Callable[[], Encoder]]] = {"zstd": Zstd, "br": Brotli, "gzip": Gzip}


def encode(coding: str, data: bytes) -> bytes:
    """`data` as one whole stream of a coding."""
    coded: bytes
    if coding == "gzip":
        return zlib.compress(data, GZIP_LEVEL, _GZIP_FORM)
    if coding == "br":
        import brotli

        coded = brotli.compress(data, quality=BROTLI_QUALITY, lgwin=_WINDOW_BITS)
        return coded
    coded = zstd.module().compress(data, ZSTD_LEVEL)  # NOTE: a level's window is never larger than the data
    return coded
