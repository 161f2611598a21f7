"""One key and what it may be used for: from a JWK (RFC 7517, 7518, 8037), a secret, or a public key."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.jwt.strict_json import base64url

Kind = Literal["oct", "RSA", "EC", "OKP"]

RSA_MIN: Final = 2048  # bits
RSA_MAX: Final = 8192
SECRET_MIN: Final = 32  # bytes
KID_MAX: Final = 256  # characters

RSA_ALGORITHMS: Final = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
EDDSA: Final = frozenset(("EdDSA",))
#: the algorithm of each curve (RFC 7518 section 3.4)
CURVE_ALGORITHMS: Final = MappingProxyType({"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"})
#: how long a secret must be, in bytes, to be used with an algorithm (RFC 7518 section 3.2)
SECRET_SIZES: Final = MappingProxyType({"HS256": 32, "HS384": 48, "HS512": 64})
ALGORITHMS: Final = RSA_ALGORITHMS | EDDSA | frozenset(CURVE_ALGORITHMS.values()) | frozenset(SECRET_SIZES)

_CURVES: Final = MappingProxyType(
    {"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48), "P-521": (ec.SECP521R1(), 66)}
)


class Key:
    """A key and the JOSE algorithms that it may be used with.

    SECURITY: `algorithms` follows from what the key is, so a public key can never be taken for a secret.
    """

    __slots__ = ("algorithms", "kid", "kty", "material")

    def __init__(self, kid: str | None, kty: Kind, algorithms: frozenset[str], material: Any) -> None:
        self.kid = kid
        self.kty = kty
        self.algorithms = algorithms
        #: bytes of a secret, else a public key of `cryptography`
        self.material = material

    def __repr__(self) -> str:
        return f"Key({self.kid!r}, {self.kty}, {sorted(self.algorithms)})"


def fingerprint(key: Key) -> bytes:
    """The SHA-256 of what a key is, for comparison with others."""
    material = key.material
    if not isinstance(material, bytes):
        material = material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(material).digest()


def secret_key(secret: str | bytes, kid: str | None = None) -> Key:
    """The key of an HS secret. ValueError below 32 bytes, or when it is no secret at all."""
    data = secret.encode() if isinstance(secret, str) else secret
    if len(data) < SECRET_MIN:
        raise ValueError(f"a secret has at least {SECRET_MIN} bytes, this one has {len(data)}")
    if b"-----BEGIN" in data:
        raise ValueError("a PEM text is no secret; public keys stand under keys")
    return Key(kid, "oct", frozenset(name for name, size in SECRET_SIZES.items() if len(data) >= size), data)


def parse_jwk(jwk: object) -> Key:
    """One JWK, narrowed to what it says it is for (RFC 7517 section 4)."""
    if not isinstance(jwk, dict):
        raise ValueError("a JWK is a JSON object")  # noqa: TRY004 - what is wrong is a text's value
    make = _MAKERS.get(_text(jwk, "kty") or "")
    if make is None:
        raise ValueError("the kty of a JWK is one of " + ", ".join(_MAKERS))
    kid, algorithm = _text(jwk, "kid"), _text(jwk, "alg")
    if kid is not None and len(kid) > KID_MAX:
        raise ValueError(f"the kid of a JWK has at most {KID_MAX} characters")
    if _text(jwk, "use") not in (None, "sig"):
        raise ValueError("the use of a JWK is sig")
    operations = jwk.get("key_ops")
    # A private JWK that is published by mistake says what its private part is for.
    allowed = ("verify", "sign") if "d" in jwk else ("verify",)
    if operations is not None and not (isinstance(operations, list) and any(each in operations for each in allowed)):
        raise ValueError("the key_ops of a JWK hold verify")
    key = make(kid, jwk)
    if algorithm is not None:
        if algorithm not in key.algorithms:
            raise ValueError("the alg of a JWK is one that its key fits")
        key.algorithms = frozenset((algorithm,))
    return key


def _text(jwk: dict[str, Any], name: str) -> str | None:
    value = jwk.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the {name} of a JWK is a string")
    return value


def _bytes(jwk: dict[str, Any], name: str) -> bytes:
    try:
        return base64url(_text(jwk, name) or "")
    except ValueError:
        raise ValueError(f"the {name} of a JWK is base64url") from None


def _oct(kid: str | None, jwk: dict[str, Any]) -> Key:
    return secret_key(_bytes(jwk, "k"), kid)


def _rsa(kid: str | None, jwk: dict[str, Any]) -> Key:
    exponent, modulus = (int.from_bytes(_bytes(jwk, name), "big") for name in ("e", "n"))
    # PERF: both bounds keep a signature's price bounded.
    if not RSA_MIN <= modulus.bit_length() <= RSA_MAX or exponent.bit_length() > 32:
        raise ValueError(f"an RSA key has {RSA_MIN:,} to {RSA_MAX:,} bits and an exponent of at most 32")
    try:
        return public_key(kid, rsa.RSAPublicNumbers(exponent, modulus).public_key())
    except ValueError:
        raise ValueError("the n and e of an RSA JWK are a public key") from None


def _ec(kid: str | None, jwk: dict[str, Any]) -> Key:
    curve, size = _CURVES.get(_text(jwk, "crv") or "", (None, 0))
    if curve is None:
        raise ValueError("the crv of an EC JWK is one of " + ", ".join(_CURVES))
    x, y = _bytes(jwk, "x"), _bytes(jwk, "y")
    if not len(x) == len(y) == size:
        raise ValueError("the coordinates of an EC JWK are as long as its curve wants")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve)
    try:
        return public_key(kid, numbers.public_key())
    except ValueError:
        raise ValueError("the point of an EC JWK lies on its curve") from None


def _okp(kid: str | None, jwk: dict[str, Any]) -> Key:
    curve, x = _text(jwk, "crv"), _bytes(jwk, "x")
    try:
        if curve == "Ed25519":
            return public_key(kid, ed25519.Ed25519PublicKey.from_public_bytes(x))
        if curve == "Ed448":
            return public_key(kid, ed448.Ed448PublicKey.from_public_bytes(x))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the x of an OKP JWK is a public key") from None
    raise ValueError("the crv of an OKP JWK is Ed25519 or Ed448")


_MAKERS: Final = MappingProxyType(
    cast("dict[str, Callable[[str | None, dict[str, Any]], Key]]", {"oct": _oct, "RSA": _rsa, "EC": _ec, "OKP": _okp})
)


def public_key(kid: str | None, public: object) -> Key:
    """The key of an RSA, EC or Edwards public key. ValueError with words for one that is weak or of another kind."""
    if isinstance(public, rsa.RSAPublicKey):
        if not RSA_MIN <= public.key_size <= RSA_MAX:
            raise ValueError(f"an RSA key has {RSA_MIN:,} to {RSA_MAX:,} bits, this one has {public.key_size:,}")
        return Key(kid, "RSA", RSA_ALGORITHMS, public)
    if isinstance(public, ec.EllipticCurvePublicKey):
        algorithm = CURVE_ALGORITHMS.get(public.curve.name)
        if algorithm is None:
            raise ValueError(f"EC keys are of P-256, P-384 or P-521, this one is of {public.curve.name}")
        return Key(kid, "EC", frozenset((algorithm,)), public)
    if isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return Key(kid, "OKP", EDDSA, public)
    raise ValueError("keys are RSA, EC, Ed25519 or Ed448 keys")
