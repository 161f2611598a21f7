"""Files of keys: is in them what is needed? Only then `cryptography` and `jwt` are imported."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.config.reader import OptionReader, ScalarNode

LEAST_RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class _BadKeyError(Exception):
    """Why a key cannot be used; never holds any of it."""


def read_private(reader: OptionReader, key: str, algorithm: str) -> str:
    """The absolute name of a file of PEM private keys, the first of which signs with `algorithm`."""
    text = reader.one(key)
    if text is None:
        return ""
    path, data = reader.contents(text)
    if data is not None:
        if os.stat(path).st_mode & 0o004:
            text.warn(f"everybody on this machine may read the private key {text.shown}: chmod 600")
        try:
            _check_private(_text(data), algorithm)
        except _BadKeyError as error:
            text.complain(f"the file {text.shown} {error}")
    return path


def read_public(reader: OptionReader, key: str, algorithms: Sequence[str]) -> tuple[str, ...]:
    """The absolute names of files of public keys that verify some of `algorithms`."""
    return tuple(_public_file(reader, text, algorithms) for text in reader.texts(key))


def _public_file(reader: OptionReader, text: ScalarNode, algorithms: Sequence[str]) -> str:
    path, data = reader.contents(text)
    if data is not None:
        try:
            keys = tuple(_public_keys(text, _text(data)))
            if not any(_fits(key, algorithm) for key in keys for algorithm in algorithms):
                text.complain(f"the file {text.shown} holds no key for {', '.join(algorithms)}")
        except _BadKeyError as error:
            text.complain(f"the file {text.shown} {error}")
    return path


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _check_private(text: str, algorithm: str) -> None:
    """Raises _BadKeyError."""
    keys = []
    for label, block in _blocks(text):
        if label.endswith(("PUBLIC KEY", "CERTIFICATE")):
            raise _BadKeyError("holds a public key where a private one is needed")
        if label.startswith("ENCRYPTED") or "ENCRYPTED" in block:
            raise _BadKeyError("holds a private key that is encrypted; the gateway has no passphrase for it")
        keys.append(_loaded(label, block))
    if not keys:
        raise _BadKeyError("holds no private key in PEM")
    if not _fits(keys[0], algorithm):
        raise _BadKeyError(f"begins with a key that cannot sign with {algorithm}")


def _public_keys(text: ScalarNode, content: str) -> Iterator[Any]:
    """The keys of a file. Raises _BadKeyError."""
    if content.lstrip().startswith("{"):
        yield from _jwks(text, content)
        return
    blocks = _blocks(content)
    if not blocks:
        raise _BadKeyError("holds no key: neither PEM nor JWK")
    for label, block in blocks:
        if label.endswith("PRIVATE KEY"):
            raise _BadKeyError("holds a private key where public ones belong")
        yield _loaded(label, block)


def _blocks(content: str) -> list[tuple[str, str]]:
    """The label and the text of each PEM block that matters."""
    found = [(block[1], block[0]) for block in _BLOCK.finditer(content)]
    return [(label, block) for label, block in found if label != "EC PARAMETERS"]  # as `openssl ecparam` writes


def _loaded(label: str, block: str) -> Any:
    """A key, or a certificate's. Raises _BadKeyError."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    pem = block.encode("latin-1")
    try:
        if label.endswith("PRIVATE KEY"):
            return serialization.load_pem_private_key(pem, None)
        if label.endswith("CERTIFICATE"):
            return x509.load_pem_x509_certificate(pem).public_key()
        return serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _BadKeyError(f"has a {label.lower()} in it that cannot be read") from None


def _jwks(text: ScalarNode, content: str) -> Iterator[Any]:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        raise _BadKeyError("is not JSON") from None
    members = tree.get("keys", [tree])
    for member in members if isinstance(members, list) else [members]:
        if not isinstance(member, dict):
            raise _BadKeyError("is neither a JWK nor a JWK set")
        if member.get("kty") == "oct":
            raise _BadKeyError("holds a shared secret, not a public key; write it as `secret`")
        if "d" in member:
            text.warn(f"the file {text.shown} holds a private key where the public one is enough")
        try:
            yield PyJWK(member).key
        except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            raise _BadKeyError("holds a JWK that cannot be read (RFC 7517, RFC 7518)") from None


def _fits(key: Any, algorithm: str) -> bool:
    """Whether a key, public or private, is one of an algorithm's. Raises _BadKeyError for one that is too short."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        if key.key_size < LEAST_RSA_BITS:
            raise _BadKeyError(f"holds an RSA key of {key.key_size} bits; {LEAST_RSA_BITS} are needed (RFC 7518)")
        return algorithm.startswith(("RS", "PS"))
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return _CURVES.get(key.curve.name) == algorithm
    edwards = (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey, ed448.Ed448PublicKey, ed448.Ed448PrivateKey)
    return isinstance(key, edwards) and algorithm == "EdDSA"
