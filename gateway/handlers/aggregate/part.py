"""One part of an aggregate: a request of its own to an upstream, and the JSON value that comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.contracts import Fetch
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange, Headers
from gateway.upstream.subrequest import parsed, subrequest, whole

Render = Callable[[Exchange], str]
#: the value of a part, the JSON that says just this (b"" where it would have to be written), the answer's header
PartResult = tuple[Any, bytes, Headers]


@dataclass(frozen=True, slots=True)
class AggregatePart:
    """`path` and `body` are rendered for each request; `total` is seconds; `accept` are statuses besides 2xx.

    `default` is JSON text.

    `forward` are the client's header fields (lower case) that go along, None = all that an upstream would get.
    """

    name: str
    upstream: str
    fetch: Fetch
    total: float
    method: str
    path: Render
    body: Callable[[Exchange], Any] | None
    needs: tuple[str, ...]
    default: str | None
    is_required: bool
    accept: frozenset[int]
    select: Callable[[Any], Any] | None
    forward: frozenset[str] | None

    def ask(self, exchange: Exchange) -> PartResult:
        """What the upstream says. Raises GatewayError for any answer that is none."""
        body = None if self.body is None else json.dumps(self.body(exchange), ensure_ascii=False).encode()
        request = subrequest(exchange, self.method, self.path(exchange), self.total, body, self.forward)
        try:
            response = self.fetch(request)
        finally:
            exchange.attempts += request.attempts
            exchange.marks |= request.marks
        try:
            if not 200 <= response.status < 300 and response.status not in self.accept:
                raise GatewayError(UPSTREAM_BAD_ANSWER, f"The upstream {self.upstream} answered {response.status}.")
            data = whole(response, self.upstream)
        finally:
            if type(response.body) is not bytes:
                response.close()
        return *self._value(data), response.headers

    def _value(self, data: bytes) -> tuple[Any, bytes]:
        try:
            value, text = parsed(data) if data else (None, b"")
            return (value, text) if self.select is None else (self.select(value), b"")
        except (ValueError, RecursionError):
            words = f"The upstream {self.upstream} answered what is not the JSON that is needed."
            raise GatewayError(UPSTREAM_BAD_ANSWER, words) from None
