"""`gateway token`: a token for try-outs, signed with a key that the configuration has (or one that is named)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import jwt

from gateway.auth.issuer.refresh_tokens import new_jti
from gateway.auth.jwt.signing import ACCESS_TYPE, Signer
from gateway.auth.model import Issuer, Jwt, Provider
from gateway.cli.client import Problem
from gateway.config.model import Document


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token should say; `ttl` in seconds."""

    sub: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    claims: tuple[tuple[str, Any], ...]
    ttl: float
    key: str | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class _Key:
    """A private key that is named on the command line."""

    algorithm: str
    key: str


def mint(document: Document, wish: Wish, style: str) -> str:
    """The token, alone or with what it says. Raises Problem."""
    provider = pick(document, wish)
    claims = claims_of(provider, wish, int(time.time()))
    text = _sign(provider, wish, claims)
    if style == "text":
        return text + "\n"
    told = {"provider": provider.name, "token": text, "header": jwt.get_unverified_header(text), "claims": claims}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def pick(document: Document, wish: Wish) -> Provider:
    """The provider that is meant, which need not be said when only one can be. Raises Problem."""
    able = {each.name: each for each in document.providers if _can_sign(each, wish)}
    if wish.provider is None and len(able) == 1:
        return next(iter(able.values()))
    if wish.provider in able:
        return able[wish.provider]
    known = {each.name: each for each in document.providers}
    if wish.provider in known and isinstance(known[wish.provider].method, Jwt):
        raise Problem(f"{wish.provider} verifies with public keys: name the file of the private one with --key")
    if able:
        raise Problem(f"name a provider with --provider: {', '.join(able)}")
    raise Problem(
        "no provider under `auth` can sign: it would be an `issuer`, or a `jwt` with a `secret` (or see --key)"
    )


def claims_of(provider: Provider, wish: Wish, now: int) -> dict[str, Any]:
    """What the token says; names with dots are claims in claims, as in the configuration."""
    spec = provider.method
    assert isinstance(spec, Issuer | Jwt)
    issuers = (spec.issuer,) if isinstance(spec, Issuer) else spec.issuers
    audiences = ((spec.audience,) if spec.audience else ()) if isinstance(spec, Issuer) else spec.audiences
    claims: dict[str, Any] = {"sub": wish.sub, "iat": now, "exp": now + max(1, round(wish.ttl)), "jti": new_jti()}
    if issuers:
        claims["iss"] = issuers[0]
    if audiences:
        claims["aud"] = audiences[0]
    if wish.scopes:
        claims["scope"] = " ".join(wish.scopes)
    if wish.roles:
        _put(claims, provider.told.roles, list(wish.roles))
    for name, value in wish.claims:
        _put(claims, name, value)
    missing = [name for name in getattr(spec, "required", ()) if claims.get(name) is None]
    if missing:
        raise Problem(f"the provider {provider.name} requires {', '.join(missing)}: say it with --claim {missing[0]}=…")
    return claims


def _can_sign(provider: Provider, wish: Wish) -> bool:
    spec = provider.method
    return isinstance(spec, Issuer) or (isinstance(spec, Jwt) and bool(spec.secret or wish.key))


def _sign(provider: Provider, wish: Wish, claims: dict[str, Any]) -> str:
    spec = provider.method
    if isinstance(spec, Issuer) and wish.key is None:
        return _signer(spec).sign(claims)
    if isinstance(spec, Issuer):
        raise Problem(f"{provider.name} signs with a key of its own: leave out --key")
    assert isinstance(spec, Jwt)
    kind = _kind(spec)
    if spec.secret:
        return jwt.encode(claims, spec.secret, spec.algorithms[0], headers={"typ": kind})
    faults = []
    for algorithm in spec.algorithms:
        try:
            return Signer(_Key(algorithm, wish.key or "")).sign(claims, kind)
        except ValueError as error:
            faults.append(str(error))
    raise Problem(faults[0])


def _signer(spec: Issuer) -> Signer:
    try:
        return Signer(spec)
    except ValueError as error:
        raise Problem(str(error)) from None


def _kind(spec: Jwt) -> str:
    """A `typ` that the provider takes, as it is usually written."""
    written = {"jwt": "JWT", ACCESS_TYPE: ACCESS_TYPE}
    return written.get(spec.types[0], spec.types[0]) if spec.types else "JWT"


def _put(claims: dict[str, Any], path: str, value: Any) -> None:
    """Set a claim, or a claim in claims. Raises Problem when there is no room for it."""
    *outer, last = path.split(".")
    for name in outer:
        claims = claims.setdefault(name, {})
        if not isinstance(claims, dict):
            raise Problem(f"{path} has no place: {name} is there already, and holds no claims")
    claims[last] = value
