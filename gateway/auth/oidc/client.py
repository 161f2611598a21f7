"""A client of an OpenID provider: authorization code with PKCE, and refresh tokens (OpenID Connect Core, RFC 7636).

oauthlib makes and reads the messages; they travel over the gateway's own pools.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from gateway.auth.caller import Http
from gateway.auth.jwt.strict_json import json_object
from gateway.auth.model import Jwks, Oidc
from gateway.auth.oidc.id_token import CachedKeys, IdTokens
from gateway.auth.oidc.metadata import Metadata, ProviderMetadata
from gateway.auth.session.refresh import RefreshedTokens, RefusedError
from gateway.auth.session.store import Tokens
from gateway.errors import IDENTITY_UNAVAILABLE, INVALID_TOKEN, GatewayError
from gateway.exchange import Headers

TIMEOUT: Final = 5.0  # seconds
TOKEN_MAX: Final = 16 << 10  # characters
LIFE_MAX: Final = 10 * 366 * 86400.0  # seconds
VERIFIER: Final = 64  # characters, of the 43 to 128 that RFC 7636 allows
_AGAIN: Final = frozenset((408, 425, 429))  # statuses below 500 that say nothing of the grant


class AuthorizationRequest(NamedTuple):
    """What must be remembered of a login that is under way; no part of it but `nonce` leaves the gateway before."""

    nonce: str
    verifier: str
    redirect_uri: str


class OpenIdClient:
    """One client at one provider; a `Refresher`, and to be ticked."""

    __slots__ = ("__weakref__", "_clock", "_http", "_id_tokens", "_metadata", "_spec")

    def __init__(
        self, spec: Oidc, http: Http, keys_at: Callable[[Jwks], CachedKeys], clock: Callable[[], float] = time.time
    ) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._metadata = Metadata(spec, http, clock)
        self._id_tokens = IdTokens(spec, keys_at, clock)

    def tick(self) -> None:
        """Keep what is known of the provider fresh. Never raises."""
        self._metadata.tick()
        self._id_tokens.tick()

    def ask(self, redirect_uri: str, state: str) -> tuple[str, AuthorizationRequest]:
        """Where to send a browser that shall log in, and what to remember of it. Raises IDENTITY_UNAVAILABLE."""
        client = WebApplicationClient(self._spec.client_id)
        asked = AuthorizationRequest(secrets.token_urlsafe(32), client.create_code_verifier(VERIFIER), redirect_uri)
        parameters = {
            "response_type": "code",
            "client_id": self._spec.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._spec.scopes),
            "state": state,
            "nonce": asked.nonce,
            "code_challenge": client.create_code_challenge(asked.verifier, "S256"),
            "code_challenge_method": "S256",
        }
        if "offline_access" in self._spec.scopes:
            parameters["prompt"] = "consent"  # without it no refresh token (OpenID Connect Core section 11)
        return add_params_to_uri(self._metadata.current().authorization, list(parameters.items())), asked

    def is_answerer(self, issuer: str) -> bool:
        """Whether an answer to the browser is this provider's; `issuer` is what it says, "" = nothing (RFC 9207)."""
        provider = self._metadata.current()
        return issuer == provider.issuer if issuer else not provider.says_issuer

    def redeem(self, code: str, asked: AuthorizationRequest) -> tuple[Tokens, dict[str, Any]]:
        """The tokens for a code, and the claims of who logged in.

        Raises RefusedError for a code that is not good, GatewayError INVALID_TOKEN for an ID token that is not, and
        IDENTITY_UNAVAILABLE when neither can be found out now.
        """
        provider, client = self._metadata.current(), WebApplicationClient(self._spec.client_id)
        body = client.prepare_request_body(
            code=code,
            redirect_uri=asked.redirect_uri,
            code_verifier=asked.verifier,
            include_client_id=not self._spec.client_secret,
        )
        answer = self._call(provider, client, body)
        tokens = self._tokens(answer, None)
        claims = self._id_tokens.verify(tokens.id_token, tokens.access, provider)
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not compare_digest(nonce.encode("utf-8", "replace"), asked.nonce.encode()):
            raise GatewayError(INVALID_TOKEN, cause="the ID token is not the answer to this login")
        return tokens, claims

    def refresh(self, tokens: Tokens, subject: str) -> RefreshedTokens:
        """See Refresher. A new refresh token replaces the old one, a new ID token the claims (Core section 12.2)."""
        provider = self._metadata.current()
        client = WebApplicationClient(self._spec.client_id, refresh_token=tokens.refresh)
        identified = {} if self._spec.client_secret else {"client_id": self._spec.client_id}
        answer = self._call(provider, client, client.prepare_refresh_body(**identified))
        renewed = self._tokens(answer, tokens)
        if not answer.get("id_token"):
            return RefreshedTokens(renewed, None)
        try:
            claims = self._id_tokens.verify(renewed.id_token, renewed.access, provider)
        except GatewayError as error:
            if error.kind is INVALID_TOKEN:
                raise RefusedError("its new ID token is not good") from error
            return RefreshedTokens(renewed, None)  # the keys are out of reach: who it is has been known before
        if claims["sub"] != subject:
            raise RefusedError("its new ID token is somebody else's")
        return RefreshedTokens(renewed, claims)

    def logout_url(self, id_token: str) -> str | None:
        """Where the browser ends its session with the provider (RP-Initiated Logout); None when there is no such place.

        Raises IDENTITY_UNAVAILABLE.
        """
        address = self._metadata.current().end_session
        hint = [("id_token_hint", id_token)] if id_token else []
        return add_params_to_uri(address, [*hint, ("client_id", self._spec.client_id)]) if address else None

    def _call(self, provider: ProviderMetadata, client: WebApplicationClient, body: str) -> dict[str, Any]:
        """What the token endpoint answers."""
        headers: Headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        ]
        if self._spec.client_secret:
            headers.append(("Authorization", basic(self._spec.client_id, self._spec.client_secret)))
        try:
            status, _, answer = self._http.request(
                "POST", provider.token, headers=headers, body=body.encode(), timeout=TIMEOUT
            )
        except GatewayError as error:
            raise _unavailable(error) from error
        if status >= 500 or status in _AGAIN:
            raise _unavailable(f"status {status}")
        if status != 200:
            raise RefusedError(f"the token endpoint answers {status} {_error_code(answer)}")
        try:
            said = json_object(answer).get("expires_in")
            # oauthlib takes 0 for "does not say"
            return {**client.parse_request_body_response(answer.decode()), **({"expires_in": 0} if said == 0 else {})}
        except (OAuth2Error, ValueError, TypeError, AttributeError) as error:
            raise _unavailable("the token endpoint's answer cannot be read") from error

    def _tokens(self, answer: dict[str, Any], before: Tokens | None) -> Tokens:
        """The tokens of an answer; what a refresh does not give anew stays as it was."""
        seconds, scopes = answer.get("expires_in"), answer.get("scope")
        if str(answer.get("token_type", "")).lower() != "bearer":
            raise _unavailable("the access token is not a bearer token")
        given = [answer.get(name, "") for name in ("access_token", "refresh_token", "id_token")]
        if not all(isinstance(text, str) and len(text) <= TOKEN_MAX for text in given) or not _is_token(given[0]):
            raise _unavailable("a token is none, or too long")
        if isinstance(seconds, int | float) and not 0 < seconds < LIFE_MAX:
            raise _unavailable("the access token has no time to live")
        now = self._clock()
        return Tokens(
            access=given[0],
            since=now,
            until=now + seconds if isinstance(seconds, int | float) else None,
            refresh=given[1] or (before.refresh if before else ""),
            id_token=given[2] or (before.id_token if before else ""),
            scopes=tuple(scopes) if scopes else (before.scopes if before else self._spec.scopes),
        )


def basic(name: str, password: str) -> str:
    """The Authorization value of a client (RFC 6749 section 2.3.1: both parts are form-encoded first)."""
    return "Basic " + b64encode(f"{quote_plus(name)}:{quote_plus(password)}".encode()).decode()


def _is_token(text: str) -> bool:
    """SECURITY: what goes into a header of the upstream holds nothing that could end it (RFC 6750 section 2.1)."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _error_code(answer: bytes) -> str:
    """The `error` of an answer, for the log."""
    try:
        code = str(json_object(answer).get("error", ""))
    except ValueError:
        return ""
    return code if len(code) <= 40 and code.isascii() and code.isprintable() else ""


def _unavailable(cause: BaseException | str) -> GatewayError:
    return GatewayError(IDENTITY_UNAVAILABLE, "The login provider cannot be asked now.", cause=cause)
