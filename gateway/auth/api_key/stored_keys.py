"""API keys in the store: made and revoked while the gateway runs, kept as SHA-256 digests.

`apikey:<provider>:<digest>` holds JSON.  What names a key among people is the beginning of its digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.auth.model import Scalar
from gateway.state.store import Store

PREFIX: Final = "gwk_"
ID_LENGTH: Final = 16
KEYS_MAX: Final = 10_000
"""Keys of one provider that are listed; there may be more."""

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as it is stored; times are Unix seconds, `expires` None = it does not."""

    provider: str
    digest: str
    name: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    created: float = 0.0
    expires: float | None = None

    @property
    def id(self) -> str:
        """What names it."""
        return self.digest[:ID_LENGTH]


def new_key() -> str:
    """A key of 256 random bits, which a scanner for leaked secrets can recognise."""
    return PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def digest_of(key: str) -> str:
    """What is stored of a key: its SHA-256 in hex. No salt and no slow hash: nobody guesses 256 random bits."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


class StoredKeys:
    """The keys of all providers in one store. Every method raises StoreError when that is in trouble."""

    __slots__ = ("_clock", "_store")

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def create(
        self,
        provider: str,
        name: str,
        *,
        roles: tuple[str, ...] = (),
        scopes: tuple[str, ...] = (),
        metadata: Mapping[str, Scalar] | None = None,
        ttl: float | None = None,
    ) -> tuple[str, StoredKey]:
        """(the key, which is never seen again, what is kept of it). `ttl` is seconds, None = without end."""
        key, now = new_key(), self._clock()
        expires = None if ttl is None else now + ttl
        made = StoredKey(provider, digest_of(key), name, roles, scopes, dict(metadata or {}), now, expires)
        self._store.set(_place(provider, made.digest), _text(made), ttl)
        return key, made

    def find(self, provider: str, digest: str) -> StoredKey | None:
        """The key with a digest; None when there is none that is still good."""
        text = self._store.get(_place(provider, digest))
        found = None if text is None else _read(provider, digest, text)
        return None if found is None or is_over(found, self._clock()) else found

    def of(self, provider: str) -> Iterator[StoredKey]:
        """All keys of a provider, in no order."""
        start = _place(provider, "")
        for number, place in enumerate(self._store.scan(start)):
            if number == KEYS_MAX:
                return
            found = self.find(provider, place[len(start) :].decode("ascii", "replace"))
            if found is not None:
                yield found

    def revoke(self, provider: str, key_id: str) -> bool:
        """Remove the key that an id names, in effect within a second; whether there was one."""
        if not _ID.fullmatch(key_id):
            return False
        places = list(self._store.scan(_place(provider, key_id)))
        return sum(self._store.delete(place) for place in places) > 0


def is_over(key: StoredKey, now: float) -> bool:
    """Whether a key's time is up."""
    return key.expires is not None and key.expires <= now


def _place(provider: str, digest: str) -> bytes:
    return f"apikey:{provider}:{digest}".encode()


def _text(key: StoredKey) -> bytes:
    told: dict[str, Any] = {
        "name": key.name,
        "roles": key.roles,
        "scopes": key.scopes,
        "metadata": dict(key.metadata),
        "created": key.created,
        "expires": key.expires,
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _read(provider: str, digest: str, text: bytes) -> StoredKey:
    told = json.loads(text)
    roles, scopes = tuple(told["roles"]), tuple(told["scopes"])
    return StoredKey(provider, digest, told["name"], roles, scopes, told["metadata"], told["created"], told["expires"])
