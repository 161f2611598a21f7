"""An upstream that is a Python callable in the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.exchange import Exchange, Response
from gateway.handlers.function.answer import response_of
from gateway.handlers.function.call_limits import CallLimits
from gateway.handlers.function.request import Request


class Function:
    """Answers with what `function(request)` gives; `most` is the largest body in bytes."""

    __slots__ = ("_bounds", "_function", "_most")

    def __init__(self, function: Callable[[Request], Any], bounds: CallLimits, most: int) -> None:
        self._function = function
        self._bounds = bounds
        self._most = most

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError."""
        exchange.upstream = "function"
        return self._bounds.call(exchange, lambda: response_of(self._function(Request(exchange, self._most))))
