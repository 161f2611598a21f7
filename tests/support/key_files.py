"""Keys as they stand in files."""

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms


def private_pem(key) -> bytes:
    """PKCS #8, without a password."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def public_pem(key) -> bytes:
    """The public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def public_jwk(key, algorithm) -> dict:
    """The public half as a JWK."""
    jwk = get_default_algorithms()[algorithm].to_jwk(key.public_key())
    return json.loads(jwk) if isinstance(jwk, str) else jwk


def ec_key(curve=None):
    """Of P-256 when no curve is given."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def ed_key():
    """Ed25519."""
    return ed25519.Ed25519PrivateKey.generate()


def rsa_key(bits=2048):
    """RSA."""
    return rsa.generate_private_key(65537, bits)
