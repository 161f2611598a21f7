"""Holds a JWT against what is known of its issuer (RFC 7515, 7519, 8725): its form, its claims, its signature.

The signature comes last: it costs most, and nothing of a token is believed before it holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jwt.algorithms import get_default_algorithms

from gateway.auth.jwt.jwk import ALGORITHMS, KID_MAX
from gateway.auth.jwt.strict_json import base64url, json_object
from gateway.errors import INVALID_TOKEN, GatewayError

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

    from gateway.auth.jwt.keys import KeySource
    from gateway.auth.model import Jwt

TOKEN_MAX: Final = 8192  # characters
#: PERF: how many keys are tried for one token
TRIES_MAX: Final = 8
#: the largest number that a date may be: beyond it a double has no seconds
DATE_MAX: Final = 2.0**53

CHALLENGE: Final = (("WWW-Authenticate", 'Bearer error="invalid_token"'),)

#: SECURITY: a token that brings or names its own key, or that is not read as it stands, is refused (RFC 8725 section 3)
REFUSED_HEADERS: Final = ("jwk", "jku", "x5u", "x5c", "crit", "zip", "enc")


class _Refused(Exception):
    """Why a token is not good, in words for the log."""


def refused(why: str) -> GatewayError:
    """The error for a credential that is not good. SECURITY: `why` is for the log, the answer never says it."""
    return GatewayError(INVALID_TOKEN, headers=CHALLENGE, cause=why)


class Verifier:
    """Tokens of one issuer. ValueError for an algorithm that is not supported."""

    __slots__ = ("_algorithms", "_clock", "_keys", "_spec", "_types")

    def __init__(self, spec: Jwt, keys: KeySource, clock: Callable[[], float] = time.time) -> None:
        unknown = sorted(set(spec.algorithms) - ALGORITHMS)
        if unknown:
            raise ValueError(f"the algorithm {unknown[0]} is not one of {', '.join(sorted(ALGORITHMS))}")
        supported = get_default_algorithms()
        self._algorithms: Mapping[str, Algorithm] = MappingProxyType(
            {name: supported[name] for name in spec.algorithms}
        )
        self._types = frozenset(_media_type(name) for name in spec.types)
        self._spec = spec
        self._keys = keys
        self._clock = clock

    @property
    def epoch(self) -> int:
        """Another number once the keys are others."""
        return self._keys.epoch

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token. Raises GatewayError INVALID_TOKEN, or what the keys raise when they cannot be had."""
        try:
            return self._verify(token)
        except _Refused as why:
            raise refused(str(why)) from None

    def until(self, claims: Mapping[str, Any]) -> float:
        """When a token with these claims, once verified, ends (Unix seconds, the leeway included)."""
        end = claims.get("exp")
        return inf if end is None else float(end) + self._spec.leeway

    def _verify(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_MAX:
            raise _Refused("the token is too long")
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        if token.count(".") != 2:
            raise _Refused("a token has three segments")
        head = self._header(_object(header, "header"))
        claims = _object(payload, "payload")
        self._claims(claims)
        self._signature(head, signed.encode(), _decoded(signature, "signature"))
        return claims

    def _header(self, header: dict[str, Any]) -> tuple[str, str | None]:
        """(algorithm, key id) of a header (RFC 7515 section 4.1)."""
        for name in REFUSED_HEADERS:
            if name in header:
                raise _Refused(f"the header has {name}")
        if header.get("b64", True) is not True:
            raise _Refused("the header has b64")
        algorithm, kid, kind, content = (header.get(name) for name in ("alg", "kid", "typ", "cty"))
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise _Refused("the algorithm is not one of those allowed")
        if kid is not None and not (isinstance(kid, str) and len(kid) <= KID_MAX):
            raise _Refused("the kid is not a short string")
        # A token that does not say what it is may be anything of old: it counts as JWT, and so for no access token.
        if not (isinstance(kind, str | None) and _media_type("jwt" if kind is None else kind) in self._types):
            raise _Refused("the typ is not one of those allowed")
        if content is not None and not (isinstance(content, str) and _media_type(content) != "jwt"):
            raise _Refused("the token is nested")
        return algorithm, kid

    def _signature(self, head: tuple[str, str | None], signed: bytes, signature: bytes) -> None:
        algorithm, kid = head
        check = self._algorithms[algorithm]
        keys = self._keys.find(kid, algorithm)
        for key in keys[:TRIES_MAX]:
            # SECURITY: once more, whatever the source gives: what a key is decides what it may check.
            if algorithm in key.algorithms and check.verify(signed, key.material, signature):
                return
        raise _Refused("the signature is not right" if keys else "there is no key for it")

    def _claims(self, claims: dict[str, Any]) -> None:
        """RFC 7519 section 4.1."""
        spec, now = self._spec, self._clock()
        for name in ("iss", "sub", "jti"):
            if name in claims and not isinstance(claims[name], str):
                raise _Refused(f"{name} is not a string")
        if spec.issuers and claims.get("iss") not in spec.issuers:
            raise _Refused("it is of another issuer")
        if spec.audiences:
            _audience(claims.get("aud"), spec.audiences)
        if _date(claims, "exp", inf) <= now - spec.leeway:
            raise _Refused("it has expired")
        if _date(claims, "nbf", -inf) > now + spec.leeway:
            raise _Refused("its time has not come")
        if _date(claims, "iat", -inf) > now + spec.leeway:
            raise _Refused("it is from the future")
        for name in spec.required:
            if claims.get(name) is None:
                raise _Refused(f"{name} is missing")


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64url(text)
    except ValueError:
        raise _Refused(f"the {what} is not base64url") from None


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        return json_object(_decoded(text, what))
    except ValueError as error:
        raise _Refused(f"the {what} cannot be read: {error}") from None


def _date(claims: dict[str, Any], name: str, otherwise: float) -> float:
    """A NumericDate (RFC 7519 section 2)."""
    if name not in claims:
        return otherwise
    value = claims[name]
    if type(value) not in (int, float) or not -DATE_MAX <= value <= DATE_MAX:
        raise _Refused(f"{name} is not a date")
    return float(value)


def _audience(value: object, audiences: tuple[str, ...]) -> None:
    """RFC 7519 section 4.1.3."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _Refused("aud is not a string or a list of strings")
    if not any(each in audiences for each in value):
        raise _Refused("it is for another audience")


def _media_type(name: str) -> str:
    """A `typ` or `cty` in lower case, without the "application/" that may be left out (RFC 7515 section 4.1.9)."""
    return name.lower().removeprefix("application/")
