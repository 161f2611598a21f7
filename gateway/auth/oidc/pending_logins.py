"""Logins that are under way at an OpenID provider: kept in the store under their state until the browser comes back.

    login:{provider}:{hash of the state}    what was asked, JSON; ten minutes

SECURITY: a state is good once, and only in the browser that began the login: it holds a cookie whose hash is kept.
"""

from __future__ import annotations

import json
import re
import secrets
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

from gateway.auth.oidc.client import AuthorizationRequest, OpenIdClient
from gateway.auth.session.cookies import LOGIN_TTL
from gateway.state.store import Store

_RANDOM: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class PendingLogin(NamedTuple):
    """A login that is under way: what was asked, and where the browser goes afterwards."""

    asked: AuthorizationRequest
    return_to: str


class PendingLogins:
    """The logins of one provider. Its methods may raise StoreError."""

    __slots__ = ("_client", "_prefix", "_store")

    def __init__(self, provider: str, client: OpenIdClient, store: Store) -> None:
        self._client = client
        self._store = store
        self._prefix = f"login:{provider}:".encode()

    def begin(self, redirect_uri: str, return_to: str, binding: str | None) -> tuple[str, str]:
        """Where to send the browser, and the value of the cookie that binds the login to it.

        `binding` is the value that the browser has: kept, so that logins in two of its tabs do not get in each
        other's way. Raises GatewayError IDENTITY_UNAVAILABLE.
        """
        if binding is None or not _RANDOM.fullmatch(binding):
            binding = secrets.token_urlsafe(32)
        state = secrets.token_urlsafe(32)
        location, asked = self._client.ask(redirect_uri, state)
        record = json.dumps([*asked, return_to, _hash(binding)]).encode()
        self._store.set(self._key(state), record, LOGIN_TTL)
        return location, binding

    def take(self, state: str, binding: str | None) -> PendingLogin | None:
        """The login of a state, for good: it is not there a second time. None unless this browser began it."""
        if binding is None or not _RANDOM.fullmatch(state):
            return None
        key = self._key(state)
        record = self._store.get(key)
        if record is None:
            return None
        nonce, verifier, redirect_uri, return_to, bound = json.loads(record)
        # Compared before it is deleted: a stranger who saw the state cannot spoil the login.
        if not compare_digest(_hash(binding), bound) or not self._store.delete(key):
            return None
        return PendingLogin(AuthorizationRequest(nonce, verifier, redirect_uri), return_to)

    def wanted(self, state: str) -> str:
        """Where the browser goes after the login of a state, whoever began it; "/" when it is not known."""
        record = self._store.get(self._key(state)) if _RANDOM.fullmatch(state) else None
        return "/" if record is None else str(json.loads(record)[3])

    def _key(self, state: str) -> bytes:
        return self._prefix + _hash(state).encode()


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()
