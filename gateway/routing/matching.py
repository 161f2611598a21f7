"""Match of a request whose path was read: the route by its method, or for a preflight by the announced one."""

from __future__ import annotations

from typing import Any

from gateway.contracts import Plan
from gateway.errors import AMBIGUOUS_PATH, GatewayError
from gateway.exchange import Exchange
from gateway.http.path import Canonical
from gateway.http.preflight import has_cors, is_preflight


def match(exchange: Exchange, plan: Plan, reading: Canonical, method: str) -> tuple[Any, Any]:
    """What Table.match gives. Raises GatewayError for a path with two readings that lead to different routes."""
    path, raw, alternative, alternative_raw = reading
    host, environ, query = exchange.host, exchange.environ, exchange.query
    route, found = plan.table.match(host, method, path, environ, query, raw)
    if alternative is not None:
        # The parameters of the second reading, which keeps the encoded slash as it came (docs/decisions/0002).
        other, found = plan.table.match(host, method, alternative, environ, query, alternative_raw)
        if other is not route:
            raise GatewayError(AMBIGUOUS_PATH, "The path has an encoded slash and leads to two places.")
    return route, found


def match_options(exchange: Exchange, plan: Plan, reading: Canonical, method: str) -> tuple[Any, Any]:
    """The same for OPTIONS: a preflight goes to the route of the request that it announces, if that route has CORS.

    NOTE: a preflight has none of the headers of that request, so a route that asks for one is passed over, for a less
    specific one or for what matches nothing, which has the CORS of the defaults.
    """
    environ = exchange.environ
    if is_preflight(environ):
        found = match(exchange, plan, reading, environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"])
        if found[0] is not None and has_cors(found[0]):
            return found
    return match(exchange, plan, reading, method)


def matched_method(exchange: Exchange) -> str:
    """The method that the route of an exchange was found with, for `explain` to look for those that came close."""
    if exchange.method == "OPTIONS" and is_preflight(exchange.environ) and has_cors(exchange.route):
        announced: str = exchange.environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
        table, environ = exchange.plan.table, exchange.environ
        if table.match(exchange.host, announced, exchange.path, environ, exchange.query)[0] is exchange.route:
            return announced
    return exchange.method
