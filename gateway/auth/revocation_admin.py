"""Tokens that are refused before their time, on all workers within a second; and sessions that end everywhere."""

from __future__ import annotations

import logging
import math
from typing import Any, Final

import falcon

from gateway.admin.context import Site
from gateway.admin.identity import answer, read_object, seconds, stamp, store_trouble, text
from gateway.admin.resource import Endpoint, Resource
from gateway.auth.model import ApiKey, Issuer, Jwt, Method, Mtls, Session
from gateway.errors import BAD_CHANGE, UNKNOWN_ENTRY, GatewayError

log = logging.getLogger("gateway")

EXAMPLE: Final = '{"provider": "staff", "sub": "alice", "ttl": "24h"}'
MEMBERS: Final = frozenset(("provider", "jti", "sub", "before", "sessions", "ttl"))


class Revocations(Resource):
    """GET and POST /api/revocations"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List what is refused."""
        with store_trouble():
            answer(resp, [row(entry) for entry in self._site.identity.revoked.entries()])

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse the tokens of one `jti`, of a `sub`, or those issued before a time (of a `sub` or of all)."""
        found = read_object(req, MEMBERS, EXAMPLE)
        provider, jti, sub = text(found, "provider"), text(found, "jti"), text(found, "sub")
        methods = {each.name: each.method for each in self._site.store.document.providers}
        if provider is None or provider not in methods:
            raise GatewayError(BAD_CHANGE, f"`provider` is one of {', '.join(methods) or 'none: there is no `auth`'}.")
        if found.get("sessions") is not None:
            req.context.what = {"provider": provider, "sub": sub, "sessions": True}
            self._end_sessions(found, sub, methods[provider])
            resp.status = 204
            return
        before, ttl = _before(found), seconds(found, "ttl")
        if (jti is None) == (sub is None and before is None):
            raise GatewayError(BAD_CHANGE, "Say which tokens are meant: `jti`, or else `sub`, `before` or both.")
        _check_has(methods[provider], jti, before)
        if ttl is None:
            raise GatewayError(BAD_CHANGE, "`ttl` is needed: as long as the longest token of the provider lives.")
        req.context.what = {"provider": provider, "jti": jti, "sub": sub, "before": before, "ttl": ttl}
        with store_trouble():
            self._site.identity.revoked.revoke(provider=provider, jti=jti, sub=sub, before=before, ttl=ttl)
        which = {"jti": jti, "sub": sub, "before": before}
        meant = ", ".join(f"{name} {value}" for name, value in which.items() if value is not None)
        log.warning("tokens of provider %s were revoked by hand: %s", provider, meant)
        resp.status = 204

    def _end_sessions(self, found: dict[str, Any], sub: str | None, method: Method) -> None:
        if found["sessions"] is not True or sub is None or not found.keys() <= {"provider", "sub", "sessions"}:
            raise GatewayError(BAD_CHANGE, '`"sessions": true` goes with `provider` and `sub`, and with nothing else.')
        if not isinstance(method, Session):
            raise GatewayError(BAD_CHANGE, "The provider has no sessions.")
        from gateway.auth.session.store import Sessions

        identity = self._site.identity
        with store_trouble():
            Sessions(found["provider"], method, identity.store, identity.clock).end_everywhere(sub)
        log.warning("the sessions of %s (provider %s) were ended by hand", sub, found["provider"])


class RevocationResource:
    """DELETE /api/revocations/{id}"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_delete(self, req: falcon.Request, resp: falcon.Response, entry_id: str) -> None:
        """Withdraw it."""
        with store_trouble():
            found = self._site.identity.revoked.withdraw(entry_id)
        if not found:
            raise GatewayError(UNKNOWN_ENTRY, "There is no revocation of that id; GET /api/revocations lists them.")
        log.warning("the revocation %s was withdrawn by hand", entry_id)
        resp.status = 204


def row(entry: Any) -> dict[str, Any]:
    """A revocation as JSON."""
    return {
        "id": entry.id,
        "provider": entry.provider,
        "jti": entry.jti,
        "sub": entry.sub,
        "before": stamp(entry.before),
        "until": stamp(entry.until),
    }


def _check_has(method: Method, jti: str | None, before: float | None) -> None:
    """Refuse what would hold for nobody: callers of a provider are named by what their credentials say."""
    if jti is not None and not isinstance(method, Jwt | Issuer):
        raise GatewayError(BAD_CHANGE, "Only tokens have a `jti`: name the `sub`.")
    if before is not None and isinstance(method, ApiKey | Mtls):
        raise GatewayError(BAD_CHANGE, "API keys and certificates do not say when they were issued: name the `sub`.")


def _before(found: dict[str, Any]) -> float | None:
    """`before` in Unix seconds, as `iat` has it."""
    value = found.get("before")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise GatewayError(BAD_CHANGE, "`before` is a time in Unix seconds, as `iat` has it.")
    return float(value)


ENDPOINTS: Final = (
    Endpoint(
        "/api/revocations",
        Revocations,
        {
            "GET": "the tokens that are refused before their time",
            "POST": "refuse tokens by name or subject, or end all sessions of a subject",
        },
    ),
    Endpoint(
        "/api/revocations/{entry_id}", RevocationResource, {"DELETE": "withdraw a revocation"}, "/api/revocations/{id}"
    ),
)
