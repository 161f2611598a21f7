"""Tokens made by hand, good ones and bad ones: every part can be anything, and is signed as it stands."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gateway.auth.model import Credential, Jwt
from gateway.errors import IDENTITY_UNAVAILABLE, GatewayError

NOW = 1_800_000_000.0
ISSUER, AUDIENCE = "https://id.test/", "api"
SECRET = b"a secret of the tests, 64 bytes long, that nobody else will use."
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
ALGORITHMS = (*(family + size for family in ("HS", "RS", "PS", "ES") for size in HASHES), "EdDSA")

Sign = Callable[[bytes], bytes]


@cache
def private_key(name: str) -> Any:
    """The private key of a name: RSA, RSA-other, ES256, ES256-other, EdDSA, Ed448, ..."""
    kind = name.partition("-")[0]
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind])
    return {"EdDSA": ed25519.Ed25519PrivateKey, "Ed448": ed448.Ed448PrivateKey}[kind].generate()


def key_name(algorithm: str) -> str:
    return "RSA" if algorithm[:2] in ("RS", "PS") else algorithm


def public_pem(name: str) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key(name).public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def private_pem(name: str) -> str:
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private_key(name).private_bytes(serialization.Encoding.PEM, form, none).decode()


def signing(algorithm: str, key: Any = None) -> Sign:
    """What signs as `algorithm` says, with the key of that name unless another is given."""
    digest = HASHES.get(algorithm[2:], hashes.SHA256)()
    if algorithm.startswith("HS"):
        return lambda data: hmac.new(key or SECRET, data, hashlib.new(digest.name).name).digest()
    key = key or private_key(key_name(algorithm))
    if algorithm.startswith("RS"):
        return lambda data: key.sign(data, padding.PKCS1v15(), digest)
    if algorithm.startswith("PS"):
        return lambda data: key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if algorithm.startswith("ES"):
        size = (key.key_size + 7) // 8
        return lambda data: b"".join(
            number.to_bytes(size, "big") for number in decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        )
    return key.sign


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(part: Any) -> str:
    """A segment: bytes and text as they are, anything else as JSON."""
    if isinstance(part, bytes):
        return b64(part)
    return b64((part if isinstance(part, str) else json.dumps(part)).encode())


def make(header: Any, payload: Any, sign: Sign) -> str:
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{b64(sign(signed.encode()))}"


def claims(**changed: Any) -> dict[str, Any]:
    """Claims of a good token; None takes one out."""
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": NOW - 10, "exp": NOW + 600, **changed}
    return {name: value for name, value in made.items() if value is not None}


def token(algorithm: str = "RS256", header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A good token but for what is changed."""
    return make({"alg": algorithm, "typ": "JWT", **(header or {})}, claims(**changed), signing(algorithm))


def spec(**changed: Any) -> Jwt:
    """What a configuration says of the issuer of such tokens."""
    said: dict[str, Any] = {
        "issuers": (ISSUER,),
        "audiences": (AUDIENCE,),
        "algorithms": ("RS256",),
        "secret": "",
        "keys": (),
        "jwks": None,
        "leeway": 30.0,
        "required": ("exp",),
        "types": ("jwt", "at+jwt"),
        "sources": (Credential("header", "Authorization"),),
        **changed,
    }
    return Jwt(**said)


class NoKeys:
    """A source whose keys cannot be had."""

    epoch = 0

    def find(self, kid, algorithm):
        raise GatewayError(IDENTITY_UNAVAILABLE)
