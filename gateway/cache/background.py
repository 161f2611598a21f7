"""Cache work beside a request: invalidation after a change, revalidation without the client."""

from __future__ import annotations

from time import monotonic

from gateway.cache.invalidation import invalidated
from gateway.cache.runtime import CacheRuntime
from gateway.contracts import RoutePlan
from gateway.exchange import Exchange, Response


def invalidate(exchange: Exchange, response: Response, caching: CacheRuntime) -> None:
    """What a request has changed is no longer kept (RFC 9111 section 4.4)."""
    if exchange.method in ("GET", "HEAD"):
        return
    url = f"{exchange.scheme}://{exchange.authority}{exchange.target}"
    targets = invalidated(exchange.method, response.status, url, response.headers)
    if targets:
        authority = exchange.authority.lower()
        caching.purges.forget(authority + target for target in targets)


def in_background(exchange: Exchange, route: RoutePlan) -> Exchange:
    """The same request without its client: nothing is sent there, and it has the whole time of the route."""
    started = monotonic()
    environ = {**exchange.environ, "gateway.channel": None, "wsgi.early_hints": None}
    copy = Exchange("GET", exchange.target, exchange.headers, environ, started)
    for name in (
        *("plan", "path", "query", "host", "authority", "scheme", "version", "peer", "client", "trusted"),
        *("request_id", "params", "upstream_path", "caller"),
    ):
        setattr(copy, name, getattr(exchange, name, None))
    copy.state = None if exchange.state is None else dict(exchange.state)
    copy.route = route
    copy.deadline = started + route.total
    return copy
