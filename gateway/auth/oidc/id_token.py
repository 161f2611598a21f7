"""ID tokens (OpenID Connect Core section 3.1.3.7): what is checked of every token, and for whom this one is."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256, sha384, sha512
from hmac import compare_digest
from typing import Any, Final, Protocol

from gateway.auth.jwt.keys import KeySource
from gateway.auth.jwt.strict_json import base64url, json_object
from gateway.auth.jwt.verify import Verifier
from gateway.auth.model import Jwks, Jwt, Oidc
from gateway.auth.oidc.metadata import ProviderMetadata
from gateway.errors import INVALID_TOKEN, GatewayError

LEEWAY: Final = 30.0  # seconds of difference between the clocks
KEYS_REFRESH: Final = 600.0
KEYS_STALE: Final = 86400.0
_HASHES: Final = (("256", sha256), ("384", sha384), ("512", sha512), ("EdDSA", sha512))


class CachedKeys(KeySource, Protocol):
    """Keys at an address, kept fresh by ticks."""

    def tick(self) -> None:
        """Look after the keys, a few times a second. Never raises."""


class IdTokens:
    """Verifies the ID tokens of one provider for one client."""

    __slots__ = ("_clock", "_keys", "_keys_at", "_known", "_spec", "_verifier")

    def __init__(
        self, spec: Oidc, keys_at: Callable[[Jwks], CachedKeys], clock: Callable[[], float] = time.time
    ) -> None:
        self._spec = spec
        self._keys_at = keys_at
        self._clock = clock
        self._known: ProviderMetadata | None = None
        self._keys: CachedKeys | None = None
        self._verifier: Verifier | None = None

    def verify(self, token: str, access_token: str, provider: ProviderMetadata) -> dict[str, Any]:
        """The claims. Raises GatewayError INVALID_TOKEN, or IDENTITY_UNAVAILABLE when the keys cannot be had."""
        claims = self._verifier_for(provider).verify(token)
        audience, azp = claims.get("aud"), claims.get("azp")
        if azp != self._spec.client_id and (azp is not None or (isinstance(audience, list) and len(audience) > 1)):
            raise GatewayError(INVALID_TOKEN, cause="the token was issued to another client")
        at_hash = claims.get("at_hash")
        if at_hash is not None and not _matches(at_hash, access_token, _algorithm(token)):
            raise GatewayError(INVALID_TOKEN, cause="the access token is not the one that came with the token")
        return claims

    def tick(self) -> None:
        """Let the keys look after themselves. Never raises."""
        if self._keys is not None:
            self._keys.tick()

    def _verifier_for(self, provider: ProviderMetadata) -> Verifier:
        """The verifier; a new one when the provider has moved."""
        if self._verifier is None or self._known != provider:
            if self._keys is None or self._known is None or self._known.jwks != provider.jwks:
                self._keys = self._keys_at(self._jwks(provider))
            self._verifier = Verifier(self._rules(provider), self._keys, self._clock)
            self._known = provider
        return self._verifier

    def _jwks(self, provider: ProviderMetadata) -> Jwks:
        return Jwks(provider.jwks, KEYS_REFRESH, KEYS_STALE, self._spec.insecure, self._spec.ca)

    def _rules(self, provider: ProviderMetadata) -> Jwt:
        return Jwt(
            issuers=(provider.issuer,),
            audiences=(self._spec.client_id,),
            algorithms=provider.algorithms,
            secret="",
            keys=(),
            jwks=self._jwks(provider),
            leeway=LEEWAY,
            required=("sub", "exp", "iat"),
            types=("jwt",),
            sources=(),
        )


def _algorithm(token: str) -> str:
    """The algorithm of a token that was verified."""
    return str(json_object(base64url(token.partition(".")[0]))["alg"])


def _matches(at_hash: Any, access_token: str, algorithm: str) -> bool:
    """Whether `at_hash` is the left half of the access token's hash (section 3.1.3.6)."""
    make = next(make for ending, make in _HASHES if algorithm.endswith(ending))
    digest = make(access_token.encode()).digest()
    wanted = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return isinstance(at_hash, str) and compare_digest(at_hash.encode("utf-8", "replace"), wanted)
