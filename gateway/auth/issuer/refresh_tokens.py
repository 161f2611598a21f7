"""Refresh tokens that change with every use, in families: all that descend from one login (RFC 9700 section 4.14.2).

A token is opaque: base64url of the family's name and a secret of 256 bits.  The store holds the secret's SHA-256 only,
so that what leaks from the store opens nothing.  A family's record names the one secret that is good now.

SECURITY: whoever shows another secret of a family has an old token, or somebody else has: the family dies, and with it
the access tokens that came of it.  Two uses of one token at the same moment are no different: one of them wins, the
other ends the family.  There is no grace for a client whose answer was lost; it has to log in again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

LIVE_MAX: Final = 16
"""Access tokens of a family that may be good at the same time; one more revokes the oldest."""

_NAME: Final = 16  # bytes
_SECRET: Final = 32
_LENGTH: Final = 64  # characters of base64url
_TRIES: Final = 8


class InvalidGrant(Exception):  # not a StoreError and not a GatewayError: the pages say it in OAuth's words
    """The refresh token is not good (any more)."""


class Revoker(Protocol):
    """Where access tokens are revoked (gateway/auth/revocation_list.py)."""

    def revoke(
        self, *, provider: str, jti: str | None = None, sub: str | None = None, before: float | None = None, ttl: float
    ) -> None:
        """Refuse what fits from now on, for `ttl` seconds. Raises StoreError."""

    def is_revoked(self, provider: str, claims: Mapping[str, Any]) -> bool:
        """Whether what has these claims is refused; asks nobody."""
        ...


class Grant(NamedTuple):
    """What a login or a refresh gives: the claims of the login, a refresh token, and the name for an access token."""

    claims: dict[str, Any]
    token: str
    jti: str


class RefreshTokens:
    """The families of one issuer.

    `ttl` is how long a family lives, however often it is used, `access_ttl` how long an access token may be good
    (leeway included), both in seconds.
    Every method raises StoreError when the store is in trouble.
    """

    __slots__ = ("_access_ttl", "_clock", "_prefix", "_provider", "_revoker", "_store", "_ttl")

    def __init__(
        self,
        provider: str,
        store: Store,
        revoker: Revoker,
        *,
        ttl: float,
        access_ttl: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._prefix = f"refresh:{provider}:".encode()
        self._store = store
        self._revoker = revoker
        self._ttl = ttl
        self._access_ttl = access_ttl
        self._clock = clock

    def start(self, claims: Mapping[str, Any]) -> Grant:
        """The first token of a new family. `claims` must be JSON."""
        name, secret, jti = secrets.token_bytes(_NAME), secrets.token_bytes(_SECRET), new_jti()
        now = self._clock()
        record = {
            "secret": _digest(secret),
            "claims": dict(claims),
            "created": now,
            "end": now + self._ttl,
            "live": [[jti, now + self._access_ttl]],
        }
        if not self._store.set_if_absent(self._key(name), _bytes(record), self._ttl):
            raise StoreError("the store holds a family of this name")  # of 2**128
        return Grant(dict(claims), _token(name, secret), jti)

    def use(self, token: str) -> Grant:
        """The next token for a good one, which ends with that. Raises InvalidGrant."""
        name, secret = _parts(token)
        was = self._store.get(self._key(name))
        if was is None:
            raise InvalidGrant
        record, now = json.loads(was), self._clock()
        if "dead" in record or not hmac.compare_digest(record["secret"], _digest(secret)):
            self._reused(name)
        if record["end"] <= now:
            raise InvalidGrant
        # SECURITY: what was revoked by subject or by time are logins, and not only the access tokens that they had
        # (test_a_subject_that_was_revoked_gets_no_further_tokens).
        if self._revoker.is_revoked(self._provider, {"sub": record["claims"].get("sub"), "iat": record["created"]}):
            self._kill(name)
            raise InvalidGrant
        fresh, jti = secrets.token_bytes(_SECRET), new_jti()
        live, surplus = self._live(record, now, jti)
        record |= {"secret": _digest(fresh), "live": live}
        self._revoke(surplus, now)
        if not self._store.compare_and_set(self._key(name), was, _bytes(record), record["end"] - now):
            self._reused(name)
        return Grant(record["claims"], _token(name, fresh), jti)

    def end(self, token: str) -> bool:
        """End the family of a token, whether it is the latest or not; whether there was one."""
        try:
            name, _ = _parts(token)
        except InvalidGrant:
            return False
        return self._kill(name)

    def revoke_access(self, jti: str) -> None:
        """Revoke one access token."""
        self._revoker.revoke(provider=self._provider, jti=jti, ttl=self._access_ttl)

    def _reused(self, name: bytes) -> None:
        """Somebody showed a token that is no longer, or not alone, in one hand."""
        if self._kill(name):
            log.warning("provider %s: a refresh token was used twice; all that came of its login ends", self._provider)
        raise InvalidGrant

    def _kill(self, name: bytes) -> bool:
        """End a family and revoke its access tokens; whether there was one.

        The record is marked dead first, so that no refresh can slip in between, and goes when all is revoked: should
        the store fail halfway, the next use of any token of the family tries again.
        """
        key = self._key(name)
        for _ in range(_TRIES):
            was = self._store.get(key)
            if was is None:
                return False
            record, now = json.loads(was), self._clock()
            left = record["end"] - now
            if left <= 0:
                return False
            record |= {"dead": True, "claims": {}}
            if self._store.compare_and_set(key, was, _bytes(record), left):
                self._revoke(record["live"], now)
                self._store.delete(key)
                return True
        raise StoreError("a family of refresh tokens changes too fast to be ended")

    def _live(self, record: Mapping[str, Any], now: float, jti: str) -> tuple[list[list[Any]], list[list[Any]]]:
        """(the access tokens that are good with a new one, those that must not be any longer)."""
        live = [each for each in record["live"] if each[1] > now] + [[jti, now + self._access_ttl]]
        return live[-LIVE_MAX:], live[:-LIVE_MAX]

    def _revoke(self, tokens: list[list[Any]], now: float) -> None:
        for jti, until in tokens:
            if until > now:
                self._revoker.revoke(provider=self._provider, jti=jti, ttl=until - now)

    def _key(self, name: bytes) -> bytes:
        return self._prefix + base64.urlsafe_b64encode(name).rstrip(b"=")


def new_jti() -> str:
    """A name for a token, of 128 random bits."""
    return secrets.token_urlsafe(16)


def is_refresh_token(token: str) -> bool:
    """Whether a text has the form of a refresh token; a JWT never has."""
    return len(token) == _LENGTH and token.isascii() and "." not in token


def _token(name: bytes, secret: bytes) -> str:
    return base64.urlsafe_b64encode(name + secret).decode()


def _parts(token: str) -> tuple[bytes, bytes]:
    """(family, secret). Raises InvalidGrant for what is no refresh token."""
    if not is_refresh_token(token):
        raise InvalidGrant
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidGrant from None
    return data[:_NAME], data[_NAME:]


def _digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _bytes(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()
