"""Access to the admin API: refused to web pages in the operator's browser, and to all who lack the token.

SECURITY: what listens on loopback is reached by every page that the operator has open.  A page under another name
that resolves to 127.0.0.1 (DNS rebinding) fails on Host, a page that posts here (CSRF) on Origin and on a header that
a form cannot send.  (tests/unit/admin/test_guard.py)
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from typing import Any

import falcon

from gateway.admin.context import Site
from gateway.config.hosts import split_port
from gateway.errors import ADMIN_HEADER, ADMIN_HOST, ADMIN_ORIGIN, ADMIN_TOKEN, KINDS, METHOD_NOT_ALLOWED, GatewayError

PROBES = frozenset({"/healthz", "/readyz"})
"""What a probe asks under any name or address, without a token: it tells nothing that is not public."""

WITHOUT_TOKEN = PROBES | {"/"}

# SECURITY: the page of the dashboard and its files, which are the same for everybody and hold no figures; what the page
# shows it asks for with the token.  No `..`, no empty step, nothing encoded. (test_the_dashboards_files_need_no_token)
_SHELL = re.compile(r"/dashboard(/(vendor/)?[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*)?")
CHANGE_HEADER = "X-Gateway-Admin"

_KINDS_BY_SLUG = {kind.slug: kind for kind in KINDS}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ANY_ADDRESS = frozenset({"0.0.0.0", "[::]"})


class Methods:
    """Falcon middleware that knows which methods a resource has."""

    def process_resource(self, req: falcon.Request, resp: falcon.Response, resource: Any, params: Any) -> None:
        """Answer OPTIONS, and 405 for any method that a resource has not, be it one that HTTP knows or not."""
        methods = [name[3:].upper() for name in dir(resource) if name.startswith("on_") and name != "on_options"]
        allow = ", ".join([*methods, "OPTIONS"])
        if req.method == "OPTIONS":
            resp.status = 204
            resp.set_header("Allow", allow)
            resp.complete = True
        elif req.method not in methods:
            raise GatewayError(METHOD_NOT_ALLOWED, f"{req.path} takes {allow}.", headers=(("Allow", allow),))


class Guard(Methods):
    """Falcon middleware that refuses before anything is looked up."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Raise GatewayError for who may not ask, and for what is no request (the connection loop says why)."""
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Content-Type-Options", "nosniff")
        if "gateway.refusal" in req.env:
            slug, detail = req.env["gateway.refusal"]
            raise GatewayError(_KINDS_BY_SLUG[slug], detail)
        if req.path in PROBES:
            return
        server = self._site.store.document.server
        authority = req.env.get("HTTP_HOST", "")
        if not is_known_host(authority, server.admin):
            detail = f"Ask for localhost, 127.0.0.1, [::1] or the address in `server.admin`, not for {authority!r}."
            raise GatewayError(ADMIN_HOST, detail)
        origin = req.env.get("HTTP_ORIGIN")
        if origin is not None and not is_same_site(origin, authority):
            raise GatewayError(ADMIN_ORIGIN, f"The request comes from a page of {origin!r}.")
        if server.admin_token and not is_open(req.method, req.path):
            check_token(req.env.get("HTTP_AUTHORIZATION", ""), server.admin_token)
        if req.method not in _SAFE_METHODS and req.env.get("HTTP_X_GATEWAY_ADMIN") != "1":
            raise GatewayError(ADMIN_HEADER, f"Send `{CHANGE_HEADER}: 1` with every {req.method}.")


def is_open(method: str, path: str) -> bool:
    """Whether something is asked for that is nobody's secret."""
    return path in WITHOUT_TOKEN or (method in _SAFE_METHODS and _SHELL.fullmatch(path) is not None)


def is_known_host(authority: str, admin: str) -> bool:
    """Whether a Host field names this machine or the admin address; with a bind to any address, whether it is an IP."""
    host, port = split_port(authority.lower())
    if port and not (port.isascii() and port.isdigit()):
        return False
    if host in _LOCAL_HOSTS:
        return True
    bound = split_port(admin.lower())[0]
    if bound in _ANY_ADDRESS:
        return _is_address(host)
    return host == bound


def is_same_site(origin: str, authority: str) -> bool:
    """Whether a page of `origin` (RFC 6454 section 6.2) was served from the address that it asks now."""
    scheme, separator, host = origin.lower().partition("://")
    return bool(separator) and scheme in ("http", "https") and host == authority.lower()


def check_token(field: str, token: str) -> None:
    """Raise GatewayError unless an Authorization field holds the bearer token (RFC 6750 section 2.1)."""
    scheme, _, given = field.partition(" ")
    # SECURITY: compared in constant time.
    if not hmac.compare_digest(given.strip().encode("latin-1"), token.encode()) or scheme.lower() != "bearer":
        detail = "Send `Authorization: Bearer` with what `server.admin_token` says."
        raise GatewayError(ADMIN_TOKEN, detail, headers=(("WWW-Authenticate", 'Bearer realm="gateway admin"'),))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
