"""An OpenID provider without a process: it answers the calls of `Http`, and misbehaves where a test asks for it."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from gevent.event import Event

from gateway.auth.caller import Caller
from gateway.auth.jwt.jwk import public_key
from gateway.auth.jwt.keys import Key, StaticKeys
from gateway.auth.model import Jwks, Oidc, Session
from gateway.errors import UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Headers

ISSUER = "https://id.test"


def oidc_spec(**changed: Any) -> Oidc:
    """A client of the provider below."""
    known = {
        "issuer": ISSUER,
        "client_id": "web",
        "client_secret": "s3cret:+",
        "scopes": ("openid", "offline_access"),
        "renew_before": 60.0,
        "insecure": False,
        "ca": "",
    }
    return Oidc(**{**known, **changed})


def session_spec(**changed: Any) -> Session:
    """Sessions as they are when nothing else is written."""
    known = {
        "cookie": "gw_session",
        "ttl": 43200.0,
        "idle": 1800.0,
        "same_site": "lax",
        "is_secure": True,
        "csrf_cookie": "gw_csrf",
        "csrf_header": "X-CSRF-Token",
        "login_path": "/auth/login",
        "callback_path": "/auth/callback",
        "logout_path": "/auth/logout",
        "oidc": oidc_spec(),
        "login": None,
    }
    return Session(**{**known, **changed})


class Enrich:
    """Callers without roles."""

    def caller(self, subject: str, claims: Any, *, until: float, scopes: tuple[str, ...] = ()) -> Caller:
        return Caller("browser", subject, claims, until=until, scopes=frozenset(scopes))


class Keys(StaticKeys):
    """The provider's keys, as if they had been fetched."""

    __slots__ = ("__dict__",)

    def __init__(self, key: Key) -> None:
        super().__init__((key,))
        self.ticks = 0

    def tick(self) -> None:
        self.ticks += 1


class FakeProvider:
    """Implements `Http`. `token` is what the token endpoint answers next, made anew for each call if it is callable."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.keys = Keys(public_key(None, self.private.public_key()))
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": ISSUER + "/authorize?tenant=1",
            "token_endpoint": ISSUER + "/token",
            "jwks_uri": ISSUER + "/jwks",
            "end_session_endpoint": ISSUER + "/logout",
            "id_token_signing_alg_values_supported": ["HS256", "ES256", "none"],
        }
        self.calls: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.is_down = False
        self.status, self.refusal = 200, b'{"error": "invalid_grant"}'
        self.gate = Event()
        self.gate.set()
        #: what is asked for at the authorization endpoint, of the browser that `visit`s it
        self.asked: dict[str, str] = {}
        self.extra: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.number = 0

    def keys_at(self, jwks: Jwks) -> Keys:
        """What RemoteKeys is in earnest."""
        assert jwks.url == self.metadata["jwks_uri"]
        return self.keys

    def visit(self, location: str) -> dict[str, str]:
        """What the authorization endpoint is asked."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        return self.asked

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        """See Http."""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.calls.append((url, form, {name.lower(): value for name, value in headers or []}))
        if self.is_down:
            raise GatewayError(UPSTREAM_REFUSED)
        self.gate.wait()
        if url == ISSUER + "/.well-known/openid-configuration":
            return 200, [], json.dumps(self.metadata).encode()
        assert (method, url) == ("POST", ISSUER + "/token")
        if self.status != 200:
            return self.status, [], self.refusal
        return 200, [], json.dumps(self.answer(form)).encode()

    def answer(self, form: dict[str, str]) -> dict[str, Any]:
        """A token answer; a refresh token of its own each time, an ID token for a code."""
        self.number += 1
        answer: dict[str, Any] = {
            "access_token": f"access-{self.number}",
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": f"refresh-{self.number}",
        }
        if form["grant_type"] == "authorization_code":
            digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            assert digest == self.asked["code_challenge"]
            answer["id_token"] = self.id_token(nonce=self.asked["nonce"])
        return {name: value for name, value in {**answer, **self.extra}.items() if value is not None}

    def id_token(self, **claims: Any) -> str:
        """A signed ID token; `self.claims` are laid over everything, None takes one away."""
        now = int(self.clock())
        known = {"iss": ISSUER, "aud": "web", "sub": "ada", "iat": now, "exp": now + 300, **claims, **self.claims}
        held = {name: value for name, value in known.items() if value is not None}
        return jwt.encode(held, self.private, algorithm="ES256")

    def token_calls(self, grant: str) -> list[dict[str, str]]:
        """The forms that the token endpoint got for this grant."""
        return [form for url, form, _ in self.calls if url.endswith("/token") and form["grant_type"] == grant]


def credentials(header: str) -> list[str]:
    """Name and password of a Basic header, still form-encoded."""
    return b64decode(header.removeprefix("Basic ")).decode().split(":")
