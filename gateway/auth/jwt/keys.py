"""Keys read from PEM, JWK and JWK sets (RFC 7517), found by key id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.auth.jwt.jwk import Key, fingerprint, parse_jwk, public_key, secret_key
from gateway.auth.jwt.strict_json import json_object

__all__ = ["Key", "KeySource", "StaticKeys", "candidates", "parse_keys", "secret_key"]

TEXT_MAX: Final = 1 << 20  # characters
KEYS_MAX: Final = 100

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.S)


class KeySource(Protocol):
    """Where keys come from."""

    @property
    def epoch(self) -> int:
        """Another number once the keys are others: what was checked with the old ones is to be checked again."""

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that a signature may have been made with, the likeliest first; may wait for them.

        Raises GatewayError IDENTITY_UNAVAILABLE when they cannot be had now.
        """


class StaticKeys:
    """Keys that stay as they are. Equal keys have one epoch, in one process: a reload that reads them again is none."""

    __slots__ = ("_keys", "epoch")

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)
        self.epoch = hash(tuple((key.kid, key.algorithms, fingerprint(key)) for key in self._keys))

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """See KeySource."""
        return candidates(self._keys, kid, algorithm)

    def check(self, algorithms: Iterable[str]) -> None:
        """Raise ValueError with words unless some key fits one of the algorithms."""
        fitting = frozenset().union(*(key.algorithms for key in self._keys))
        if fitting.isdisjoint(algorithms):
            can = ", ".join(sorted(fitting)) or "nothing"
            raise ValueError(f"the keys fit {can}, and none of the algorithms {', '.join(sorted(algorithms))}")


def candidates(keys: Sequence[Key], kid: str | None, algorithm: str) -> tuple[Key, ...]:
    """Those of `keys` that may have made a signature: of that kid, else without one; any for a token without kid."""
    fitting = [key for key in keys if algorithm in key.algorithms]
    if kid is not None:
        return tuple([key for key in fitting if key.kid == kid] or [key for key in fitting if key.kid is None])
    return tuple([key for key in fitting if key.kid is None] or fitting)


def parse_keys(text: str | bytes) -> tuple[Key, ...]:
    """The keys of a text: PEM public keys and certificates, a JWK, or a JWK set. ValueError with words.

    Of a certificate only the key is used, not its dates and names; of a private JWK only the public part.
    """
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if len(text) > TEXT_MAX:
        raise ValueError(f"keys have at most {TEXT_MAX:,} characters")
    keys = _from_json(text) if text.lstrip()[:1] == "{" else _from_pem(text)
    if len(keys) > KEYS_MAX:
        raise ValueError(f"there are {len(keys)} keys, at most {KEYS_MAX} are allowed")
    return keys


def _from_pem(text: str) -> tuple[Key, ...]:
    keys = []
    for found in _PEM.finditer(text):
        label = found[1]
        if label == "EC PARAMETERS":  # what `openssl ecparam -genkey` writes before the key
            continue
        if label.endswith("PRIVATE KEY"):
            raise ValueError("there is a private key where public keys belong")
        if label not in ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"):
            raise ValueError(f"there is a {label.lower()} where public keys belong")
        pem = found[0].encode()
        try:
            public: Any = (
                x509.load_pem_x509_certificate(pem).public_key() if label == "CERTIFICATE" else load_pem_public_key(pem)
            )
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError(f"there is a {label.lower()} that cannot be read") from None
        keys.append(public_key(None, public))
    if not keys:
        raise ValueError("there is no PEM public key or certificate, no JWK and no JWK set")
    return tuple(keys)


def _from_json(text: str) -> tuple[Key, ...]:
    try:
        value = json_object(text)
    except ValueError as error:
        raise ValueError(f"the JWK cannot be read: {error}") from None
    if "keys" not in value:
        return (parse_jwk(value),)
    members = value["keys"]
    if not isinstance(members, list) or not members:
        raise ValueError("the JWK set has no keys")
    if len(members) > KEYS_MAX:
        raise ValueError(f"the JWK set has {len(members)} keys, at most {KEYS_MAX} are allowed")
    keys, faults = [], []
    for member in members:
        try:
            keys.append(parse_jwk(member))
        except ValueError as error:  # what is not understood is passed over (RFC 7517 section 5)
            faults.append(str(error))
    if not keys:
        raise ValueError(f"the JWK set has no key that can be used: {faults[0]}")
    return tuple(keys)
