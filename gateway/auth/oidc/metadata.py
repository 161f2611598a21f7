"""Discovery document of an OpenID provider, in memory and fetched anew each hour."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from gevent.lock import BoundedSemaphore

from gateway.auth.caller import Http
from gateway.auth.jwt.strict_json import json_object
from gateway.auth.model import Oidc
from gateway.errors import IDENTITY_UNAVAILABLE, GatewayError

log = logging.getLogger("gateway")

REFRESH: Final = 3600.0  # seconds
PAUSE: Final = 5.0  # seconds between tries while the provider does not answer
#: SECURITY: never HS*, whose key would be the client secret, and never "none", whatever the provider offers.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class ProviderMetadata(NamedTuple):
    """The addresses and habits of a provider; `end_session` "" = it has none."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    end_session: str
    algorithms: tuple[str, ...]
    #: whether its answers to the browser always say who gave them (RFC 9207)
    says_issuer: bool


class Metadata:
    """The document of one provider, as this worker knows it."""

    __slots__ = ("_again", "_clock", "_http", "_known", "_lock", "_spec", "_until")

    def __init__(self, spec: Oidc, http: Http, clock: Callable[[], float] = time.time) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._known: ProviderMetadata | None = None
        self._until = self._again = 0.0
        self._lock = BoundedSemaphore(1)

    def current(self) -> ProviderMetadata:
        """What is known, asked for first if nothing is. Raises GatewayError IDENTITY_UNAVAILABLE."""
        known = self._known
        if known is None:
            with self._lock:
                known = self._known or self._ask()
        return known

    def tick(self) -> None:
        """Ask anew when an hour has passed; what is known serves on while the provider is down. Never raises."""
        now = self._clock()
        if self._known is None or 0 < self._until - now <= REFRESH or self._is_paused(now):
            return
        try:
            self._ask()
        except GatewayError as error:
            log.warning("the discovery document of %s cannot be read anew: %s", self._spec.issuer, error.cause)

    def _ask(self) -> ProviderMetadata:
        now = self._clock()
        if self._is_paused(now):
            raise _unavailable("it failed a moment ago")
        self._again = now + PAUSE
        url = self._spec.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            status, _, body = self._http.request("GET", url, headers=[("Accept", "application/json")])
            self._known = parse_metadata(body if status == 200 else b"", self._spec)
        except (GatewayError, ValueError) as error:
            raise _unavailable(error) from error
        self._until, self._again = self._clock() + REFRESH, 0.0
        return self._known

    def _is_paused(self, now: float) -> bool:
        """Whether it failed a moment ago; a clock that was set back makes no moment long."""
        return 0 < self._again - now <= PAUSE


def parse_metadata(body: bytes, spec: Oidc) -> ProviderMetadata:
    """The document, checked (OpenID Connect Discovery section 4.3). Raises ValueError."""
    document = json_object(body)
    issuer = _text(document, "issuer")
    if issuer.rstrip("/") != spec.issuer.rstrip("/"):
        raise ValueError("the document is another issuer's")
    offered = document.get("id_token_signing_alg_values_supported") or ["RS256"]
    algorithms = tuple(name for name in ALGORITHMS if isinstance(offered, list) and name in offered)
    if not algorithms:
        raise ValueError("no signature algorithm of the provider can be used")
    return ProviderMetadata(
        issuer,
        _address(document, "authorization_endpoint", spec.insecure),
        _address(document, "token_endpoint", spec.insecure),
        _address(document, "jwks_uri", spec.insecure),
        _address(document, "end_session_endpoint", spec.insecure) if document.get("end_session_endpoint") else "",
        algorithms,
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(document: dict[str, Any], name: str, is_insecure: bool) -> str:
    url = _text(document, name)
    parts = urlsplit(url)
    if not parts.hostname or parts.fragment or parts.scheme not in (("https", "http") if is_insecure else ("https",)):
        raise ValueError(f"{name} is no address that may be used")
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise ValueError(f"{name} holds what no address does")
    return url


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} is missing")


def _unavailable(cause: BaseException | str) -> GatewayError:
    return GatewayError(IDENTITY_UNAVAILABLE, "The login provider cannot be asked now.", cause=cause)
