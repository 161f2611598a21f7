"""An issuer of tokens that publishes its keys over HTTP, counts who asks, and can be down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import jwt

from tests.support.key_files import ec_key, public_jwk
from tests.support.threaded import ThreadedServer


class TokenIssuer:
    """Signs with its newest key; `published` holds the keys that it tells of, by key id."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._lock = threading.Lock()
        self.asked = 0
        self._is_down = False
        self.published: dict[str, Any] = {}
        self.rotate()
        self._server = ThreadedServer(self._handler())
        self.url = f"http://127.0.0.1:{self._server.port}/keys"
        self._server.begin()

    @property
    def is_down(self) -> bool:
        """Whether it answers 503; who is counted after it was set is answered so."""
        return self._is_down

    @is_down.setter
    def is_down(self, is_down: bool) -> None:
        with self._lock:
            self._is_down = is_down

    def rotate(self) -> None:
        """A fresh key; those before it are published on."""
        fresh = f"key-{len(self.published)}"
        self.published = {**self.published, fresh: ec_key()}
        self._newest = fresh

    def token(self, **claims: Any) -> str:
        """A token with the newest key; a claim that is None is left out."""
        now = int(time.time())
        whole = {"iss": self.issuer, "aud": "items-api", "sub": "alice", "iat": now, "exp": now + 600} | claims
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(whole, self.published[self._newest], "ES256", headers={"kid": self._newest})

    def close(self) -> None:
        """Stop listening."""
        self._server.end()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with issuer._lock:
                    issuer.asked += 1
                    is_down, published = issuer._is_down, issuer.published
                keys = [public_jwk(key, "ES256") | {"kid": kid} for kid, key in published.items()]
                body = b"out of order" if is_down else json.dumps({"keys": keys}).encode()
                self.send_response(503 if is_down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def token_issuer(issuer: str) -> Iterator[TokenIssuer]:
    """One that is there for the length of a block."""
    made = TokenIssuer(issuer)
    try:
        yield made
    finally:
        made.close()
