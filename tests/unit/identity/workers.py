"""What tests of shared identity state need: a store that may be down, an issuer that may too."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from typing import Any

from gateway.errors import UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Headers
from gateway.state.memory_store import MemoryStore
from gateway.state.store import StoreUnavailableError


class Switched:
    """A store that can be switched off; counts what it is asked."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.is_down = False
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        if self.is_down:
            raise StoreUnavailableError("switched off")
        return getattr(self._store, name)


def jwk_set(*kids: str) -> bytes:
    """A JWK set with an Ed25519 key for each name."""
    keys = []
    for kid in kids:
        x = base64.urlsafe_b64encode(hashlib.sha256(kid.encode()).digest()).rstrip(b"=").decode()
        keys.append({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x})
    return json.dumps({"keys": keys}).encode()


class Issuer:
    """The `Http` of an issuer that publishes keys, fails when told to, and counts."""

    def __init__(self, *kids: str) -> None:
        self.body = jwk_set(*kids)
        self.status = 200
        self.etag = ""
        self.is_down = False
        self.asked = 0
        self.headers: list[Headers] = []
        self.gate = threading.Event()
        self.gate.set()

    def publish(self, *kids: str) -> None:
        self.body = jwk_set(*kids)

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        self.asked += 1
        self.headers.append(headers or [])
        assert self.gate.wait(10)
        if self.is_down:
            raise GatewayError(UPSTREAM_REFUSED)
        if self.etag and ("If-None-Match", self.etag) in (headers or []):
            return 304, [], b""
        return self.status, [("ETag", self.etag)] if self.etag else [], self.body
