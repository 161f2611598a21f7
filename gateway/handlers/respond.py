"""An upstream that is no upstream: a fixed answer, whose parts may be made from the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.exchange import Exchange, Response

Render = Callable[[Exchange], str]


class Respond:
    """Answers with `status`, `headers` and `body`; each value is text or a callable that makes it from the exchange."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Sequence[tuple[str, str | Render]] = (), body: str | Render = "") -> None:
        self.status = status
        self.headers = tuple(headers)
        self.body = body

    def fetch(self, exchange: Exchange) -> Response:
        """The answer, text in UTF-8; 204, 205 and 304 have no content (RFC 9110 section 15)."""
        headers = [(name, _text(value, exchange)) for name, value in self.headers]
        body = b"" if self.status in (204, 205, 304) else _text(self.body, exchange).encode()
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
        return Response(self.status, headers, body)


def _text(value: str | Render, exchange: Exchange) -> str:
    return value if isinstance(value, str) else value(exchange)
