"""The redirect to the login of a browser without a session, and the way back after it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qs, quote

from gateway.auth.model import Session
from gateway.exchange import Exchange, Headers, Response

RETURN_MAX = 2048  # characters
#: an absolute path of this site: one slash, then neither a second nor what browsers read as one
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def safe_redirect(text: str) -> str:
    """`text` when it is a path on this very site, else "/".

    SECURITY: no scheme, no "//host", no backslash, no control or blank that a browser would drop: no open redirect.
    """
    return text if len(text) <= RETURN_MAX and _PATH.fullmatch(text) else "/"


def requested_path(exchange: Exchange) -> str:
    """The safe `return_to` of a request's query."""
    return safe_redirect(query_value(exchange.query, "return_to"))


def query_value(query: str, name: str) -> str:
    """The one value of a query parameter; "" when it is missing, repeated or the query makes no sense."""
    try:
        found = parse_qs(query, keep_blank_values=True, max_num_fields=20, errors="strict").get(name, [])
    except ValueError:
        return ""
    return found[0] if len(found) == 1 else ""


def wants_page(exchange: Exchange) -> bool:
    """Whether a browser is about to show the answer as a page; scripts and API clients are not redirected."""
    if exchange.method not in ("GET", "HEAD") or "text/html" not in (exchange.header("accept") or "").lower():
        return False
    return exchange.header("sec-fetch-mode") in (None, "navigate")


def login_redirect(exchange: Exchange, session_specs: Iterable[Session]) -> Response | None:
    """The way to the first of these providers that logs in by OpenID Connect; None when a 401 is the right answer."""
    if not wants_page(exchange):
        return None
    for spec in session_specs:
        if spec.oidc is not None:
            back = quote(safe_redirect(exchange.target), safe="/")
            return redirect(302, f"{spec.login_path}?return_to={back}")
    return None


def redirect(status: int, location: str, headers: Headers | None = None) -> Response:
    """A redirect that nobody keeps, and that tells the next site nothing of this one."""
    fixed: Headers = [("Location", location), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")]
    return Response(status, [*fixed, *(headers or [])])
