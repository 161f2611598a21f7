"""Request parsing under a worker that is not ours (gunicorn -k gevent): less is known, and less is bounded."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from gateway.errors import BODY_TOO_LARGE, GatewayError
from gateway.exchange import BodyReader, Headers


class LimitedInput:
    """A request body of a worker that is not ours and knows no `limits.body`."""

    __slots__ = ("_body", "_left", "_limit")

    def __init__(self, body: BodyReader, limit: int) -> None:
        self._body = body
        self._left = self._limit = limit

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; GatewayError once there are more than the limit."""
        data = self._body.read(size if 0 <= size <= self._left else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise GatewayError(BODY_TOO_LARGE, f"The body is larger than {self._limit} bytes.")
        return data


def target_and_headers(environ: dict[str, Any], target: str) -> tuple[str, Headers]:
    """Target and headers under a worker that is not ours: what a plain WSGI environ still tells of them."""
    if not target.startswith(("/", "*")):
        parts = urlsplit(target)
        environ["HTTP_HOST"] = parts.netloc
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = {token.strip().lower() for token in environ.get("HTTP_CONNECTION", "").split(",")}
    dropped = named | {
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "expect",
    }
    headers: Headers = []
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            name = key[5:].replace("_", "-").title()
            if name.lower() not in dropped and not name.lower().startswith("proxy-"):
                headers.append((name, value))
    if environ.get("CONTENT_TYPE"):
        headers.append(("Content-Type", environ["CONTENT_TYPE"]))
    return target, headers
