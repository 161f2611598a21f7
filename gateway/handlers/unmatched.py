"""Handlers in an upstream's place: for a request that reached no route, or was refused before it could."""

from __future__ import annotations

from gateway.errors import METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND, GatewayError
from gateway.exchange import Exchange, Response


class NotFoundHandler:
    """404, or 405 when `exchange.state["allow"]` names the methods that other routes take here."""

    def fetch(self, exchange: Exchange) -> Response:
        """Never answers: raises GatewayError, with Allow for a 405 (RFC 9110 section 15.5.6)."""
        allow = (exchange.state or {}).get("allow")
        if allow:
            methods = ", ".join(sorted(allow))
            detail = f"{exchange.method} is not allowed here; {methods} {'are' if len(allow) > 1 else 'is'}."
            raise GatewayError(METHOD_NOT_ALLOWED, detail, headers=(("Allow", methods),))
        raise GatewayError(ROUTE_NOT_FOUND, f"No route takes {exchange.method} {exchange.path}.")


class RejectedHandler:
    """Raises the GatewayError in `exchange.state["refusal"]`."""

    def fetch(self, exchange: Exchange) -> Response:
        """Never answers: raises what the server found wrong with the request."""
        error = (exchange.state or {})["refusal"]
        assert isinstance(error, GatewayError)
        raise error
