"""Tokens signed by the gateway (RFC 7515, 7519), and the public halves of the keys for who verifies them (RFC 7517)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.auth.jwt import key_files as key_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from gateway.auth.jwt.key_files import KeyBlock

ACCESS_TYPE: Final = "at+jwt"
"""The `typ` of access tokens (RFC 9068 section 2.1)."""

RSA_BITS: Final = 3072
RSA_BITS_MIN: Final = 2048
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final[Mapping[str, type[ec.EllipticCurve]]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
ALGORITHMS: Final = (*_CURVES, *_RSA, "EdDSA")

#: what a thumbprint is made of, by kty (RFC 7638 section 3.2, RFC 8037 section 2)
_THUMBED: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}


class SupportsSigning(Protocol):
    """The part of an Issuer or an InternalToken that says how to sign."""

    @property
    def algorithm(self) -> str:
        """One of ALGORITHMS."""

    @property
    def key(self) -> str:
        """A file of PEM private keys."""


class SigningKey:
    """One private key; `jwk` is its public half, for one algorithm."""

    __slots__ = ("jwk", "kid", "private", "signs_from")

    def __init__(self, algorithm: str, block: KeyBlock) -> None:
        self.private: Any = _load(block.pem)
        self.signs_from = block.signs_from
        public = public_jwk(self.private)
        self.kid = thumbprint(public)
        self.jwk: str = json.dumps({**public, "kid": self.kid, "use": "sig", "alg": algorithm}, sort_keys=True)


class Signer:
    """Signs with the first key of a file whose time has come; all of them are in `jwks`, a JWK set as JSON text.

    Raises ValueError with words for a file that cannot be used.  A key that is not the first and does not fit the
    algorithm is of an algorithm before this one: no token of it is taken any more, so it is not published.
    """

    __slots__ = ("_clock", "_keys", "algorithm", "jwks")

    def __init__(self, spec: SupportsSigning, clock: Callable[[], float] = time.time) -> None:
        self.algorithm = spec.algorithm
        self._clock = clock
        try:
            keys = [SigningKey(spec.algorithm, block) for block in key_file.read(spec.key)]
            check_key(spec.algorithm, keys[0].private)
        except OSError as error:
            raise ValueError(f"the file {spec.key} cannot be read: {(error.strerror or str(error)).lower()}") from None
        except ValueError as error:
            raise ValueError(f"the file {spec.key} cannot be used: {error}") from None
        self._keys = tuple(key for key in keys if fits(spec.algorithm, key.private))
        self.jwks = '{"keys": [' + ", ".join(dict.fromkeys(key.jwk for key in self._keys)) + "]}"

    @property
    def newest(self) -> SigningKey:
        """The first key of the file, whose time may be to come."""
        return self._keys[0]

    @property
    def key(self) -> SigningKey:
        """The key that signs now."""
        now = self._clock()
        return next((key for key in self._keys if key.signs_from <= now), self._keys[0])

    def sign(self, claims: Mapping[str, Any], typ: str = ACCESS_TYPE) -> str:
        """A token in compact form."""
        key = self.key
        return jwt.encode(dict(claims), key.private, self.algorithm, headers={"kid": key.kid, "typ": typ})


def make_key(algorithm: str) -> str:
    """A fresh private key as PEM (PKCS #8). ValueError for an algorithm that is none of ours."""
    private: PrivateKeyTypes
    if algorithm in _CURVES:
        private = ec.generate_private_key(_CURVES[algorithm]())
    elif algorithm in _RSA:
        private = rsa.generate_private_key(65537, RSA_BITS)
    elif algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        raise ValueError(f"{algorithm} is not one of {', '.join(ALGORITHMS)}")
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return private.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def check_key(algorithm: str, private: object) -> None:
    """Raise ValueError with words unless a private key may be used with an algorithm."""
    if fits(algorithm, private):
        return
    if algorithm in _CURVES:
        needed = f"an EC key of the curve {_CURVES[algorithm].name}"
    elif algorithm in _RSA:
        needed = f"an RSA key of at least {RSA_BITS_MIN:,} bits"
    elif algorithm == "EdDSA":
        needed = "an Ed25519 or Ed448 key"
    else:
        raise ValueError(f"{algorithm} is not one of {', '.join(ALGORITHMS)}")
    raise ValueError(f"{algorithm} needs {needed}, and there is {_kind(private)}")


def fits(algorithm: str, private: object) -> bool:
    """Whether a private key may be used with an algorithm."""
    if algorithm in _CURVES:
        return isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, _CURVES[algorithm])
    if algorithm in _RSA:
        return isinstance(private, rsa.RSAPrivateKey) and private.key_size >= RSA_BITS_MIN
    return algorithm == "EdDSA" and isinstance(private, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)


def public_jwk(private: Any) -> dict[str, Any]:
    """The public half of a private key as a bare JWK (RFC 7518 section 6, RFC 8037)."""
    public = private.public_key()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return dict(ECAlgorithm.to_jwk(public, as_dict=True))
    if isinstance(private, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
        return {name: jwk[name] for name in ("kty", "n", "e")}
    if isinstance(private, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return dict(OKPAlgorithm.to_jwk(public, as_dict=True))
    raise ValueError(f"it holds {_kind(private)}, which cannot sign tokens")


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a JWK, base64url (RFC 7638)."""
    members = {name: jwk[name] for name in _THUMBED[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _load(pem: str) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem.encode(), password=None)
    except Exception:  # ValueError, TypeError and UnsupportedAlgorithm: what is wrong inside is nobody's business
        raise ValueError("it holds a PEM block that is no private key") from None


def _kind(private: object) -> str:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return f"an EC key of the curve {private.curve.name}"
    if isinstance(private, rsa.RSAPrivateKey):
        return f"an RSA key of {private.key_size:,} bits"
    name = type(private).__name__.lower().removesuffix("privatekey").strip("_")
    return f"a key of the kind {name}"
