"""A JWK set as it was fetched, and as all workers keep it in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from gateway.auth.jwt.keys import Key, parse_keys
from gateway.auth.jwt.strict_json import json_object
from gateway.exchange import Headers

#: bytes of the largest JWK set
SET_MAX: Final = 256 << 10
_ETAG_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class JwkSet:
    """The keys of an issuer; `fetched_at` is when it last said so, Unix time by the clock of whoever asked."""

    fetched_at: float
    etag: str
    text: str
    keys: tuple[Key, ...]
    #: as it is in the store
    raw: bytes

    def again(self, now: float) -> JwkSet:
        """The same, heard anew."""
        return JwkSet(now, self.etag, self.text, self.keys, _raw(now, self.etag, self.text))

    @classmethod
    def fetched(cls, now: float, headers: Headers, body: bytes) -> JwkSet:
        """What an issuer answered. ValueError with words when that is no JWK set with a key that can be used.

        SECURITY: an outage page or an empty set is a failure and not the end of all keys; a set that all the world
        reads holds no secrets, so symmetric keys are passed over.
        """
        if len(body) > SET_MAX:
            raise ValueError(f"the JWK set has more than {SET_MAX >> 10} KB")
        if "keys" not in json_object(body):
            raise ValueError("it is not a JWK set")
        text = body.decode()
        keys = tuple(key for key in parse_keys(text) if key.kty != "oct")
        if not keys:
            raise ValueError("the JWK set has no public key")
        etag = next((value for name, value in headers if name.lower() == "etag"), "")
        if len(etag) > _ETAG_MAX or not etag.isprintable() or not etag.isascii():
            etag = ""
        return cls(now, etag, text, keys, _raw(now, etag, text))

    @classmethod
    def stored(cls, raw: bytes) -> JwkSet:
        """What another worker put into the store. ValueError when it cannot be read."""
        record = json_object(raw)
        fetched_at, etag, text = record.get("fetched_at"), record.get("etag"), record.get("keys")
        if isinstance(fetched_at, float) and isinstance(etag, str) and isinstance(text, str):
            made = cls.fetched(fetched_at, [("ETag", etag)], text.encode())
            return cls(fetched_at, made.etag, text, made.keys, raw)
        raise ValueError("a member is missing")


def _raw(fetched_at: float, etag: str, text: str) -> bytes:
    return json.dumps({"fetched_at": float(fetched_at), "etag": etag, "keys": text}, ensure_ascii=False).encode()
