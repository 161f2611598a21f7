"""What scenarios with `auth` add to a configuration, and the tokens that go with it."""

from __future__ import annotations

import time

import jwt

#: of this folder alone: nothing else believes what is signed with it
SECRET = "perf: a secret of the bench, long enough for HS256"
AUDIENCE, ISSUER = "api", "https://id.example.com/"
LIFETIME = 3600  # seconds

SECTIONS: dict[str, object] = {
    "auth": {
        "staff": {
            "jwt": {
                "issuer": ISSUER,
                "audience": AUDIENCE,
                "algorithms": ["HS256"],
                "secret": SECRET,
            }
        }
    },
    "roles": {"viewer": {"allow": ["items:read"]}, "editor": {"inherits": ["viewer"], "allow": ["items:write"]}},
}
ROUTE: dict[str, object] = {"auth": {"use": ["staff"], "scopes": ["items:read"], "roles": ["viewer"]}}


def token(
    number: int,
    scope: str = "items:read items:write",
    *,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
    lifetime: float = LIFETIME,
) -> str:
    """A token of the `number`-th caller, which is good unless it is told otherwise."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": f"user-{number}",
        "iat": now,
        "exp": now + int(lifetime),
        "jti": f"{number:032x}",
        "scope": scope,
        "roles": ["editor"],
    }
    return jwt.encode(claims, SECRET, algorithm="HS256")
