"""API keys in the store: made, listed and revoked. A key is shown once, when it is made."""

from __future__ import annotations

import logging
import re
import time
from typing import Any, Final

import falcon

from gateway.admin.context import Site
from gateway.admin.identity import answer, is_text, read_object, seconds, stamp, store_trouble, text
from gateway.admin.resource import Endpoint, Resource
from gateway.auth.api_key.stored_keys import StoredKey
from gateway.auth.model import ApiKey, Scalar
from gateway.auth.revocation_admin import ENDPOINTS as REVOCATIONS
from gateway.config.model import Document
from gateway.errors import BAD_CHANGE, UNKNOWN_ENTRY, GatewayError

log = logging.getLogger("gateway")

EXAMPLE: Final = '{"name": "acme", "roles": ["viewer"], "scopes": [], "metadata": {"plan": "gold"}, "ttl": "90d"}'
MEMBERS: Final = frozenset(("provider", "name", "roles", "scopes", "metadata", "ttl"))
LISTED_MAX: Final = 64
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")  # as in the lines of a file
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")  # RFC 6749 section 3.3
_ROWS_AT_ONCE: Final = 50


class Keys(Resource):
    """GET and POST /api/keys"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the keys of all providers, the newest first."""
        found: list[StoredKey] = []
        with store_trouble():
            for provider in providers(self._site.store.document):
                for key in self._site.identity.stored_keys.of(provider):
                    found.append(key)
                    if len(found) % _ROWS_AT_ONCE == 0:
                        time.sleep(0)  # others are served between them
        found.sort(key=lambda key: key.created, reverse=True)
        answer(resp, [row(key) for key in found])

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make one."""
        document = self._site.store.document
        found = read_object(req, MEMBERS, EXAMPLE)
        provider = pick(document, text(found, "provider"))
        name = text(found, "name")
        if name is None or not _NAME.fullmatch(name):
            raise GatewayError(
                BAD_CHANGE, f"`name` says who holds the key, in letters, digits, `_`, `-` and `.`: {EXAMPLE}."
            )
        given: dict[str, Any] = {
            "roles": _roles(document, found),
            "scopes": _scopes(found),
            "metadata": _metadata(found),
            "ttl": seconds(found, "ttl"),
        }
        with store_trouble():
            key, made = self._site.identity.stored_keys.create(provider, name, **given)
        req.context.what = {
            "id": made.id,
            "name": name,
            "provider": provider,
            "roles": made.roles,
            "scopes": made.scopes,
        }
        log.warning("API key %s of %s (provider %s) was made by hand", made.id, name, provider)
        answer(resp, {**row(made), "key": key}, 201)


class KeyResource:
    """DELETE /api/keys/{id}"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_delete(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        """Revoke it; within a second no worker takes it any more."""
        with store_trouble():
            revoked = [
                provider
                for provider in providers(self._site.store.document)
                if self._site.identity.stored_keys.revoke(provider, key_id)
            ]
        if not revoked:
            raise GatewayError(UNKNOWN_ENTRY, "There is no API key of that id; GET /api/keys lists them.")
        log.warning("API key %s (provider %s) was revoked by hand", key_id, ", ".join(revoked))
        resp.status = 204


def row(key: StoredKey) -> dict[str, Any]:
    """A key as JSON, without what could be used."""
    return {
        "id": key.id,
        "provider": key.provider,
        "name": key.name,
        "roles": key.roles,
        "scopes": key.scopes,
        "metadata": dict(key.metadata),
        "created": stamp(key.created),
        "expires": stamp(key.expires),
    }


def providers(document: Document) -> list[str]:
    """Those whose keys are in the store."""
    methods = ((each.name, each.method) for each in document.providers)
    return [name for name, method in methods if isinstance(method, ApiKey) and method.is_stored]


def pick(document: Document, wanted: str | None) -> str:
    """The provider that is meant, which need not be said when there is one. Raises GatewayError BAD_CHANGE."""
    names = providers(document)
    if not names:
        raise GatewayError(BAD_CHANGE, "No `api_key` provider of the configuration takes keys from the store.")
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise GatewayError(BAD_CHANGE, f"`provider` is one of {', '.join(names)}.")
    return wanted


def _roles(document: Document, found: dict[str, Any]) -> tuple[str, ...]:
    roles = _texts(found, "roles")
    known = [role.name for role in document.roles]
    unknown = next((role for role in roles if role not in known), None)
    if unknown is not None:
        some = ", ".join(known[:20]) or "none"
        raise GatewayError(BAD_CHANGE, f"There is no role {unknown!r}; the configuration has {some}.")
    return roles


def _scopes(found: dict[str, Any]) -> tuple[str, ...]:
    scopes = _texts(found, "scopes")
    if not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise GatewayError(BAD_CHANGE, "A scope is of visible ASCII, without blanks, quotes and backslashes.")
    return scopes


def _texts(found: dict[str, Any], name: str) -> tuple[str, ...]:
    values = found.get(name, [])
    if not isinstance(values, list) or len(values) > LISTED_MAX or not all(is_text(value) for value in values):
        raise GatewayError(BAD_CHANGE, f"`{name}` is a list of at most {LISTED_MAX} texts.")
    return tuple(values)


def _metadata(found: dict[str, Any]) -> dict[str, Scalar]:
    values = found.get("metadata", {})
    if not isinstance(values, dict) or len(values) > LISTED_MAX:
        raise GatewayError(BAD_CHANGE, f"`metadata` is an object of at most {LISTED_MAX} members.")
    for name, value in values.items():
        if not is_text(name) or not (is_text(value) or isinstance(value, bool | int | float)):
            raise GatewayError(BAD_CHANGE, "A member of `metadata` is a short text, a number, true or false.")
    return values


ENDPOINTS: Final = (
    Endpoint(
        "/api/keys",
        Keys,
        {
            "GET": "the API keys in the store, without what they are",
            "POST": "make an API key; it is shown this once",
        },
    ),
    Endpoint("/api/keys/{key_id}", KeyResource, {"DELETE": "revoke an API key"}, "/api/keys/{id}"),
    *REVOCATIONS,
)
