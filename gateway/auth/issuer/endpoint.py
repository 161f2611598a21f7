"""The gateway's own tokens: a token endpoint in OAuth 2.0's shapes (RFC 6749, 7009) and the keys that verify them.

Clients are public: none is registered, so none has a secret, and credentials of a client that come along are ignored.
What may be got with a token is what the login says, whatever `scope` a client asks for; the answer tells it.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.auth.caller import Http
from gateway.auth.endpoint import Endpoint
from gateway.auth.issuer import pages
from gateway.auth.issuer.pages import OAuthError
from gateway.auth.issuer.refresh_tokens import Grant, InvalidGrant, RefreshTokens, Revoker, is_refresh_token
from gateway.auth.jwt.signing import ACCESS_TYPE, Signer
from gateway.auth.model import Issuer, Jwt
from gateway.auth.oidc.password import LoginRefused, PasswordLogin
from gateway.errors import INVALID_TOKEN, UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange, Response
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

KEYS_MAX_AGE: Final = 300  # seconds that others may keep the published keys
CLAIMS_MAX: Final = 4096  # bytes of JSON; what is much longer fits into no request's header
RESERVED: Final = frozenset(("iss", "aud", "exp", "iat", "nbf", "jti", "typ"))
"""What the gateway says of a token, and a login may not."""

Verify = Callable[[str], Mapping[str, Any]]
Answer = Callable[[Exchange, dict[str, str]], Any]


def verified_as(spec: Issuer) -> Jwt:
    """How the access tokens of an issuer are verified."""
    return Jwt(
        issuers=(spec.issuer,),
        audiences=(spec.audience,) if spec.audience else (),
        algorithms=(spec.algorithm,),
        secret="",
        keys=(),
        jwks=None,
        leeway=spec.leeway,
        required=("exp", "sub", "jti"),
        types=(ACCESS_TYPE,),
        sources=spec.sources,
    )


def families_of(
    name: str, spec: Issuer, store: Store, revoker: Revoker, clock: Callable[[], float] = time.time
) -> RefreshTokens:
    """The refresh tokens of an issuer."""
    longest = math.ceil(spec.access_ttl) + spec.leeway
    return RefreshTokens(name, store, revoker, ttl=spec.refresh_ttl, access_ttl=longest, clock=clock)


class TokenIssuer:
    """The endpoints of one issuer. `verify` gives the claims of one of its access tokens or raises GatewayError.

    `http` reaches the login's upstream by path; without a login nobody gets a token here, and keys are published.
    """

    def __init__(
        self,
        name: str,
        spec: Issuer,
        families: RefreshTokens,
        *,
        signer: Signer,
        verify: Verify,
        http: Http | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._spec = spec
        self._families = families
        self._signer = signer
        self._verify = verify
        self._clock = clock
        self._ttl = math.ceil(spec.access_ttl)
        self._login = None if spec.login is None or http is None else PasswordLogin(spec.login, http)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What is served on `bind`."""
        path = self._spec.path.rstrip("/")
        keys = Endpoint(f"{self._name}-keys", ("GET", "HEAD"), self._spec.jwks_path, self._keys)
        revoke = Endpoint(f"{self._name}-revoke", ("POST",), f"{path}/revoke", self._page(self.revoke))
        if self._login is None:
            return keys, revoke
        token = Endpoint(f"{self._name}-token", ("POST",), f"{path}/token", self._page(self.token))
        refresh = Endpoint(f"{self._name}-refresh", ("POST",), f"{path}/refresh", self._page(self.refresh))
        return token, refresh, revoke, keys

    def token(self, exchange: Exchange, form: dict[str, str]) -> dict[str, Any]:
        """POST {path}/token: for a password or a refresh token."""
        grant_type = form.get("grant_type") or ("password" if "username" in form else "")
        if grant_type == "refresh_token":
            return self.refresh(exchange, form)
        if not grant_type:
            raise pages.invalid_request("`grant_type` is missing.")
        if grant_type != "password" or self._login is None:
            raise OAuthError("unsupported_grant_type", "`grant_type` is password or refresh_token.")
        if "username" not in form or "password" not in form:
            raise pages.invalid_request("`username` and `password` are needed.")
        try:
            claims = self._login.claims(exchange, form["username"], form["password"])
        except LoginRefused:
            raise pages.invalid_grant("The user name or the password is wrong.") from None
        return self._issue(self._families.start(self._token_claims(claims)))

    def refresh(self, exchange: Exchange, form: dict[str, str]) -> dict[str, Any]:
        """POST {path}/refresh: the next pair of tokens."""
        if form.get("grant_type", "refresh_token") != "refresh_token":
            raise OAuthError("unsupported_grant_type", "`grant_type` is refresh_token here.")
        if "refresh_token" not in form:
            raise pages.invalid_request("`refresh_token` is missing.")
        try:
            grant = self._families.use(form["refresh_token"])
        except InvalidGrant:
            raise pages.invalid_grant("The refresh token is not valid.") from None
        return self._issue(grant)

    def revoke(self, exchange: Exchange, form: dict[str, str]) -> None:
        """POST {path}/revoke: a refresh token with all that came of its login, or one access token (RFC 7009).

        What is no token (any more) is revoked already, so that there is nothing to complain of.
        """
        token = form.get("token")
        if token is None:
            raise pages.invalid_request("`token` is missing.")
        if is_refresh_token(token):
            self._families.end(token)
            return
        try:
            jti = self._verify(token).get("jti")
        except GatewayError as error:
            if error.kind is not INVALID_TOKEN:
                raise
            return
        if isinstance(jti, str):
            self._families.revoke_access(jti)

    def _issue(self, grant: Grant) -> dict[str, Any]:
        """The answer with an access token of a grant."""
        spec, now = self._spec, int(self._clock())
        own: dict[str, Any] = {
            "iss": spec.issuer,
            "iat": now,
            "exp": now + self._ttl,
            "jti": grant.jti,
        }
        if spec.audience:
            own["aud"] = spec.audience
        body = {
            "access_token": self._signer.sign({**grant.claims, **own}),
            "token_type": "Bearer",
            "expires_in": self._ttl,
            "refresh_token": grant.token,
        }
        if grant.claims.get("scope"):
            body["scope"] = grant.claims["scope"]
        return body

    def _token_claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """What of a login goes into its tokens."""
        told = {name: value for name, value in claims.items() if name not in RESERVED}
        scope = told.get("scope")
        if isinstance(scope, list) and all(isinstance(each, str) for each in scope):
            told["scope"] = " ".join(scope)
        told.setdefault("auth_time", int(self._clock()))
        if len(json.dumps(told)) > CLAIMS_MAX:
            log.error("provider %s: a login answered with more than %d bytes of claims", self._name, CLAIMS_MAX)
            raise pages.bad_login("The login says more than a token can hold.")
        return told

    def _page(self, respond: Answer) -> Callable[[Exchange], Response]:
        """An endpoint whose errors are in OAuth's words."""

        def fetch(exchange: Exchange) -> Response:
            try:
                return pages.answer(respond(exchange, pages.read_parameters(exchange)))
            except OAuthError as error:
                return pages.refuse(exchange, error)
            except StoreError as error:
                log.error("provider %s: the store failed: %s", self._name, error)
                return pages.refuse(exchange, pages.unavailable("What the gateway must remember is out of reach."))
            except GatewayError as error:
                if error.kind is UPSTREAM_BAD_ANSWER:
                    return pages.refuse(exchange, pages.bad_login(error.detail))
                if error.kind.source == "client":  # the body that did not arrive
                    raise
                return pages.refuse(exchange, pages.unavailable(error.detail))

        return fetch

    def _keys(self, exchange: Exchange) -> Response:
        """GET {jwks_path}"""
        return pages.published(exchange, self._signer.jwks, KEYS_MAX_AGE)
