"""What an issuer stands between, made by hand: time, a store, what is revoked, an upstream that checks passwords."""

import json

from gateway.auth.model import Credential, Issuer, Login
from gateway.errors import UPSTREAM_REFUSED, GatewayError
from gateway.state.store import StoreUnavailableError
from tests.exchanges import exchange
from tests.oracles.store_oracle import DictStore

CALLS = ("get", "set", "set_if_absent", "compare_and_set", "delete", "scan")


class Clock:
    """Unix time that a test moves."""

    def __init__(self, now=1_790_000_000.0):
        self.now = now

    def __call__(self):
        return self.now

    def ns(self):
        return int(self.now * 1e9)


class FakeStore(DictStore):
    """A store of this process that can be put out of reach, or have something happen before a call."""

    def __init__(self, clock):
        super().__init__(clock.ns)
        self.is_down = False
        self.calls = 0
        self.before = {}

    def __getattribute__(self, name):
        if name in CALLS:
            self.calls += 1
            if self.is_down:
                raise StoreUnavailableError("out of reach")
            before = self.before.pop(name, None)
            if before is not None:
                before()
        return super().__getattribute__(name)


class FakeRevoked:
    """Remembers who was revoked, and for how long."""

    def __init__(self):
        self.found = {}
        self.is_down = False

    def revoke(self, *, provider, jti=None, sub=None, before=None, ttl):
        if self.is_down:
            raise StoreUnavailableError("out of reach")
        self.found[(provider, jti)] = ttl

    def is_revoked(self, provider, claims):
        return (provider, claims.get("jti")) in self.found

    @property
    def names(self):
        return {jti for _, jti in self.found}


class FakeLogin:
    """Http to an upstream that knows alice; `answer` (status, body) replaces what it would say."""

    def __init__(self):
        self.asked = []
        self.claims = {"sub": "alice", "scope": "items:read", "tenant": "acme"}
        self.answer = None
        self.is_down = False

    def request(self, method, url, *, headers=None, body=b"", timeout=5.0):
        self.asked.append((method, url, dict(headers or ()), json.loads(body)))
        if self.is_down:
            raise GatewayError(UPSTREAM_REFUSED)
        if self.answer is not None:
            return self.answer[0], [], self.answer[1]
        good = self.asked[-1][3] == {"username": "alice", "password": "wonder"}
        return (200, [], json.dumps(self.claims).encode()) if good else (401, [], b"no")


class Body:
    """A request body that comes in small pieces."""

    def __init__(self, data):
        self.data = data

    def read(self, size=-1, /):
        piece, self.data = self.data[: min(size, 1000)], self.data[min(size, 1000) :]
        return piece


def issuer(key, **other):
    spec = {
        "issuer": "https://gw.test",
        "audience": "api",
        "algorithm": "ES256",
        "key": str(key),
        "access_ttl": 600.0,
        "refresh_ttl": 86400.0,
        "login": Login("users", "/verify"),
        "leeway": 30.0,
        "sources": (Credential("header", "Authorization"),),
        "path": "/auth",
        "jwks_path": "/.well-known/jwks.json",
    }
    return Issuer(**(spec | other))


def posted(path, body, media_type="application/x-www-form-urlencoded"):
    """An exchange with a body."""
    data = body if isinstance(body, bytes) else body.encode()
    headers = [("Content-Type", media_type)] if media_type else []
    made = exchange("POST", path, headers)
    made.body, made.body_length = (Body(data), len(data)) if data else (None, 0)
    return made
