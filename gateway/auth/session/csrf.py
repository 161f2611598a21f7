"""Check against cross-site request forgery: a request with cookies must be meant by a page of this very site."""

from __future__ import annotations

from hmac import compare_digest

from gateway.errors import CSRF, GatewayError
from gateway.exchange import Exchange

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))  # TRACE never gets here
_PORTS = {"http": ":80", "https": ":443"}


def check_site(exchange: Exchange) -> None:
    """Refuse what another site's page sends, as far as the browser tells: Origin and Sec-Fetch-Site.

    Raises GatewayError CSRF (403).  A client that sends neither is no browser of these years.
    """
    check_origin(exchange)
    if exchange.header("sec-fetch-site") not in (None, "same-origin", "none"):
        raise GatewayError(CSRF, "The request comes from a page of another site.")


def check_origin(exchange: Exchange) -> None:
    """Refuse an Origin other than the request's own; one that is missing says nothing. Raises GatewayError CSRF."""
    origin = exchange.header("origin")
    if origin is not None and _plain(origin) != _plain(own_origin(exchange)):
        raise GatewayError(CSRF, "The request comes from a page of another origin.")


def check_token(given: str | None, expected: str) -> None:
    """Refuse a request that does not repeat the session's token. Raises GatewayError CSRF (403)."""
    # SECURITY: compared in constant time, as bytes: a header may hold what compare_digest takes no text of.
    if given is None or not compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise GatewayError(CSRF, "The request does not repeat the session's token.")


def own_origin(exchange: Exchange) -> str:
    """Scheme and authority as the client sees them."""
    return f"{exchange.scheme}://{exchange.authority}"


def _plain(origin: str) -> str:
    """An origin as it is compared: in lower case, without the port that its scheme has anyway."""
    origin = origin.lower()
    return origin.removesuffix(_PORTS.get(origin.partition("://")[0], "\0"))
