"""A user name and a password, checked by an upstream: they go there as JSON, and its 200 answers with the claims."""

from __future__ import annotations

import json
import logging
from typing import Any, Final, NoReturn

from gateway.auth.caller import Http
from gateway.auth.model import Login
from gateway.errors import IDENTITY_UNAVAILABLE, UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange, Headers

log = logging.getLogger("gateway")

TIMEOUT: Final = 10.0  # seconds; a password hash that is worth its name takes some
SUBJECT_MAX: Final = 255
REFUSALS: Final = frozenset((400, 401, 403, 404))


class LoginRefused(Exception):
    """The user name or the password is wrong. It has no words: which of them it is helps an attacker."""


class PasswordLogin:
    """Asks one path of one upstream; `http` reaches that upstream by path."""

    __slots__ = ("_http", "_path", "_upstream")

    def __init__(self, spec: Login, http: Http) -> None:
        self._upstream = spec.upstream
        self._path = spec.path
        self._http = http

    def claims(self, exchange: Exchange, username: str, password: str) -> dict[str, Any]:
        """The claims of who has this name and password, `sub` among them.

        Raises LoginRefused; GatewayError IDENTITY_UNAVAILABLE when the upstream does not say, UPSTREAM_BAD_ANSWER when
        its 200 says nothing that can be used.
        """
        body = json.dumps({"username": username, "password": password}).encode()
        headers: Headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        if exchange.client:
            headers.append(("X-Forwarded-For", exchange.client))
        try:
            status, _, answer = self._http.request("POST", self._path, headers=headers, body=body, timeout=TIMEOUT)
        except GatewayError as error:
            log.warning("the login at upstream %s failed: %s", self._upstream, error)
            raise GatewayError(IDENTITY_UNAVAILABLE, "Who checks the password does not answer.", cause=error) from None
        if status in REFUSALS:
            raise LoginRefused
        if status != 200:
            log.warning("the login at upstream %s answered %d", self._upstream, status)
            raise GatewayError(IDENTITY_UNAVAILABLE, "Who checks the password cannot do so now.")
        return self._read(answer)

    def _read(self, answer: bytes) -> dict[str, Any]:
        try:
            claims = json.loads(answer, parse_constant=_no_number)
        except (ValueError, RecursionError):
            claims = None
        subject = claims.get("sub") if isinstance(claims, dict) else None
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX or not subject.isprintable():
            log.error("the login at upstream %s answered 200 without JSON whose `sub` is a text", self._upstream)
            raise GatewayError(UPSTREAM_BAD_ANSWER, "Who checks the password does not say whose it is.")
        assert isinstance(claims, dict)
        return claims


def _no_number(text: str) -> NoReturn:
    """NaN and Infinity are not JSON, and no verifier would read a token with them."""
    raise ValueError(text)
