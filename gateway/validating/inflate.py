"""Bodies with a Content-Encoding (RFC 9110 section 8.4), for who must look inside; never larger than allowed."""

from __future__ import annotations

import zlib
from typing import Final

from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE, GatewayError

#: coding -> what zlib calls its form
_FORMS: Final = (("gzip", 31), ("x-gzip", 31), ("deflate", 15))
ACCEPTED: Final = "gzip, deflate, identity"
#: bytes to which any body may grow, whatever its ratio: small ones compress well
SMALL: Final = 65536


def inflate(data: bytes, coding: str, most: int, ratio: int) -> bytes:
    """The content in `data`: at most `most` bytes, and `ratio` times `data`. Raises GatewayError."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return data
    form = next((form for name, form in _FORMS if name == coding), None)
    if form is None:
        raise _unreadable(ACCEPTED)
    bound = min(most, max(SMALL, ratio * len(data)))
    stream = zlib.decompressobj(form)
    try:
        content = stream.decompress(data, bound + 1)
    except zlib.error:
        raise GatewayError(MALFORMED_BODY, f"The body is not {coding}, which its Content-Encoding says.") from None
    if len(content) > bound:
        # SECURITY: the bound is zlib's too, so no more than that is ever made (tests/unit/validating/test_inflate.py).
        raise GatewayError(BODY_TOO_LARGE, f"The body becomes larger than {bound} bytes when it is decompressed.")
    if not stream.eof or stream.unused_data:
        raise GatewayError(MALFORMED_BODY, f"The body is not one whole {coding} stream.")
    return content


def refuse_coded(coding: str | None) -> None:
    """Raise GatewayError for a body with a coding, where it is looked at as it passes."""
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise _unreadable("identity")


def _unreadable(accepted: str) -> GatewayError:
    words = "The body is to be read here, and its content coding cannot be."
    return GatewayError(UNSUPPORTED_MEDIA_TYPE, words, headers=(("Accept-Encoding", accepted),))
