"""Bodies with a Content-Encoding (RFC 9110 section 8.4), for who must look inside; never larger than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE, GatewayError
from gateway.http import zstd

#: bytes to which any body may grow, whatever its ratio: small ones compress well
SMALL: Final = 65536
#: RFC 9659: a zstd window of more than 8 MB need not be taken
_WINDOW_BITS: Final = 23
#: bytes that a brotli decoder is asked for at once: its first buffer has as many, and all of them are what it gives
_PIECE: Final = 32768

#: (data, bound) -> (at most bound + 1 bytes of the content, whether that is all of one stream and nothing behind it)
Decode = Callable[[bytes, int], tuple[bytes, bool]]


def decompress(data: bytes, coding: str, most: int, ratio: int) -> bytes:
    """The content in `data`: at most `most` bytes, and `ratio` times `data`. Raises GatewayError."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return data
    decode = next((decode for name, decode in _DECODERS if name == coding), None)
    if decode is None:
        raise _unreadable(ACCEPTED)
    bound = min(most, max(SMALL, ratio * len(data)))
    try:
        content, is_whole = decode(data, bound)
    except InvalidEncoding:
        raise GatewayError(MALFORMED_BODY, f"The body is not {coding}, which its Content-Encoding says.") from None
    if len(content) > bound:
        # SECURITY: decoders are held to the bound: no more is ever made (tests/unit/validating/test_inflate.py).
        raise GatewayError(BODY_TOO_LARGE, f"The body becomes larger than {bound} bytes when it is decompressed.")
    if not is_whole:
        raise GatewayError(MALFORMED_BODY, f"The body is not one whole {coding} stream.")
    return content


class InvalidEncoding(Exception):
    """Data that is of another coding, or damaged."""


def _zlib(form: int, data: bytes, bound: int) -> tuple[bytes, bool]:
    stream = zlib.decompressobj(form)
    try:
        content = stream.decompress(data, bound + 1)
    except zlib.error:
        raise InvalidEncoding from None
    return content, stream.eof and not stream.unused_data


def _zstd(data: bytes, bound: int) -> tuple[bytes, bool]:
    library = zstd.module()
    stream = library.ZstdDecompressor(options={library.DecompressionParameter.window_log_max: _WINDOW_BITS})
    try:
        content: bytes = stream.decompress(data, bound + 1)
    except library.ZstdError:
        raise InvalidEncoding from None
    return content, stream.eof and not stream.unused_data


def _brotli(data: bytes, bound: int) -> tuple[bytes, bool]:
    import brotli  # PERF: for those who use it

    stream: Any = brotli.Decompressor()
    pieces, size, rest = [], 0, data
    try:
        while size <= bound:
            piece = stream.process(rest, output_buffer_limit=_PIECE)
            pieces.append(piece)
            size += len(piece)
            rest = b""
            if stream.is_finished() or not piece:
                break
    except brotli.error:  # NOTE: also where something stands behind the stream
        raise InvalidEncoding from None
    return b"".join(pieces)[: bound + 1], stream.is_finished()


_DECODERS: Final[tuple[tuple[str, Decode], ...]] = (
    ("gzip", partial(_zlib, 31)),
    ("x-gzip", partial(_zlib, 31)),
    ("deflate", partial(_zlib, 15)),
    ("br", _brotli),
    ("zstd", _zstd),
)
ACCEPTED: Final = "zstd, br, gzip, deflate, identity"


def refuse_coded(coding: str | None) -> None:
    """Raise GatewayError for a body with a coding, where it is looked at as it passes."""
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise _unreadable("identity")


def _unreadable(accepted: str) -> GatewayError:
    words = "The body is to be read here, and its content coding cannot be."
    return GatewayError(UNSUPPORTED_MEDIA_TYPE, words, headers=(("Accept-Encoding", accepted),))
