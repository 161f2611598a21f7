"""Exchanges with targets that are noted in the trace of their request, where it is sampled."""

from __future__ import annotations

from time import monotonic
from typing import Any

from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.upstream.http import HttpUpstream
from gateway.upstream.targets import Target


class TracedUpstream(HttpUpstream):
    """The same as `http`; of a sampled request it is kept who was asked, when, and what came of it."""

    __slots__ = ("_http",)

    def __init__(self, http: HttpUpstream) -> None:
        super().__init__(http.name, connect=http.connect, read=http.read, total=http.total, idle=http.idle)
        self._http = http

    def send(self, exchange: Exchange, target: Target, first: bytes, started: float) -> Response:
        """The answer of `target`. Raises GatewayError."""
        trace = exchange.trace
        if trace is None or not trace.sampled:
            return self._http.send(exchange, target, first, started)
        call = trace.begin(exchange, self.name, target.address, started)
        try:
            response = self._http.send(exchange, target, first, started)
        except GatewayError as error:
            _end(call, 0, error.kind.slug)
            raise
        except BaseException:
            _end(call, 0, "cancelled")  # another try was faster, or the worker ends
            raise
        _end(call, response.status, "")
        return response


def _end(call: list[Any] | None, status: int, error: str) -> None:
    if call is not None:
        call[4:] = (monotonic(), status, error)
