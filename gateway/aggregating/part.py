"""One part of an aggregate: a request of its own to an upstream, and the JSON value that comes of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from gateway.contracts import Fetch
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange, Headers, Response

#: bytes of a part's largest answer
ANSWER_MAX: Final = 1 << 20
#: what speaks of the client's own request, not of a part's (RFC 9110 sections 8, 13, 14)
_LEFT_OUT: Final = frozenset(
    (
        *("accept", "accept-encoding", "content-length", "content-type", "content-encoding", "expect", "range"),
        *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "te", "upgrade"),
    )
)
_TAKEN_OVER: Final = (
    *("host", "authority", "scheme", "version", "peer", "client", "trusted", "request_id", "route", "params"),
    *("plan", "caller"),
)

Values = Mapping[str, Any]
Render = Callable[[Exchange], str]


@dataclass(frozen=True, slots=True)
class Part:
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
    body: Callable[[Exchange], bytes] | None
    needs: tuple[str, ...]
    default: str | None
    is_required: bool
    accept: frozenset[int]
    select: Callable[[Any], Any] | None
    forward: frozenset[str] | None

    def ask(self, exchange: Exchange) -> tuple[Any, Headers]:
        """The value and the answer's header. Raises GatewayError for any answer that is none."""
        request = self.request(exchange)
        response = self.fetch(request)
        try:
            if not 200 <= response.status < 300 and response.status not in self.accept:
                raise GatewayError(UPSTREAM_BAD_ANSWER, f"The upstream {self.upstream} answered {response.status}.")
            value = self._value(response)
        finally:
            response.close()
        return value, response.headers

    def request(self, exchange: Exchange) -> Exchange:
        """What the part asks its upstream on behalf of a client."""
        target = self.path(exchange)
        made = Exchange(self.method, target, [], {}, exchange.started)
        for name in _TAKEN_OVER:
            setattr(made, name, getattr(exchange, name))
        made.path, _, made.query = target.partition("?")
        made.deadline = min(exchange.deadline, monotonic() + self.total)
        fields = exchange.headers if exchange.outgoing is None else exchange.outgoing
        keep, left_out = self.forward, _LEFT_OUT
        made.headers = [
            field for field in fields if (name := field[0].lower()) not in left_out and (keep is None or name in keep)
        ]
        made.headers += (("Accept", "application/json"), ("Accept-Encoding", "identity"))
        if self.body is not None:
            data = self.body(exchange)
            made.headers.append(("Content-Type", "application/json"))
            made.body, made.body_length = io.BytesIO(data), len(data)
        return made

    def _value(self, response: Response) -> Any:
        data = _whole(response, self.upstream)
        try:
            value = json.loads(data) if data else None
            return value if self.select is None else self.select(value)
        except (ValueError, RecursionError):
            raise GatewayError(
                UPSTREAM_BAD_ANSWER, f"The upstream {self.upstream} answered what is not the JSON that is needed."
            ) from None


def _whole(response: Response, upstream: str) -> bytes:
    body = response.body
    if isinstance(body, bytes) and len(body) <= ANSWER_MAX:
        return body
    pieces, size = [], 0
    for piece in (body,) if isinstance(body, bytes) else body:
        size += len(piece)
        if size > ANSWER_MAX:
            raise GatewayError(UPSTREAM_BAD_ANSWER, f"The answer of the upstream {upstream} is larger than 1 MB.")
        pieces.append(piece)
    return b"".join(pieces)
