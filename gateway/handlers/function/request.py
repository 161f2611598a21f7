"""The request as a function gets it: as the pipeline left it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from gateway.errors import MALFORMED_BODY, GatewayError
from gateway.exchange import Exchange, Headers
from gateway.http.body import read_whole

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Request:
    """One request. What policies changed (headers, the rewritten path) is in it, as it would be for an upstream."""

    def __init__(self, exchange: Exchange, most: int) -> None:
        """`most` is the largest body in bytes."""
        self._exchange = exchange
        self._most = most
        self.method: str = exchange.method
        self.request_id: str = exchange.request_id
        #: the client's address, behind trusted proxies
        self.client: str = exchange.client

    @property
    def path(self) -> str:
        """The path, percent-encoded; the rewritten one where the route has `rewrite`."""
        return (self._exchange.upstream_path or self._exchange.path).partition("?")[0]

    @cached_property
    def params(self) -> Mapping[str, str]:
        """The parameters of the route's path, decoded."""
        return {name: unquote(value) for name, value in (self._exchange.params or {}).items()}

    @cached_property
    def query(self) -> Mapping[str, list[str]]:
        """The query, decoded as forms are: every value of each name."""
        target = self._exchange.upstream_path
        text = self._exchange.query if target is None else target.partition("?")[2]
        return parse_qs(text, keep_blank_values=True)

    @property
    def headers(self) -> Headers:
        """The header fields in their order."""
        exchange = self._exchange
        return exchange.headers if exchange.outgoing is None else exchange.outgoing

    def header(self, name: str) -> str | None:
        """A header field's value, repeated ones joined by ", " (RFC 9110 section 5.3)."""
        name = name.lower()
        found = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(found) if found else None

    def body(self) -> bytes:
        """The whole body. Raises GatewayError (413, 400), which needs no catching."""
        return read_whole(self._exchange, self._most)

    def json(self) -> Any:
        """The body as JSON. Raises GatewayError (400) for what is none, which needs no catching."""
        try:
            return json.loads(self.body())
        except (ValueError, RecursionError):
            raise GatewayError(MALFORMED_BODY, "The body is not JSON.") from None

    @property
    def caller(self) -> str | None:
        """Who calls, where the route has `auth`: the subject that the provider names."""
        return None if self._exchange.caller is None else self._exchange.caller.subject

    @property
    def claims(self) -> Mapping[str, Any]:
        """What the provider says of the caller."""
        return _NOTHING if self._exchange.caller is None else self._exchange.caller.claims
