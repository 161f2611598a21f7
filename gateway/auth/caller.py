"""The caller of a request, and the interface of authenticators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.exchange import Exchange, Headers


class Caller:
    """A caller that a provider vouches for; shared by all requests with the same credential, so never changed.

    `subject` names the caller within the provider, `scopes` and `roles` hold what the configuration's roles add to
    those of the claims.  `until` is when the credential ends, Unix time in seconds (inf = it does not).
    `forward` are the headers for the upstream, ready to send; those of `headers()` include what `signer` signs.
    """

    __slots__ = ("claims", "forward", "provider", "roles", "scopes", "signed", "signer", "subject", "until")

    def __init__(
        self,
        provider: str,
        subject: str,
        claims: Mapping[str, Any],
        *,
        scopes: frozenset[str] = frozenset(),
        roles: frozenset[str] = frozenset(),
        until: float = float("inf"),
        forward: Headers | None = None,
    ) -> None:
        self.provider = provider
        self.subject = subject
        self.claims = claims
        self.scopes = scopes
        self.roles = roles
        self.until = until
        self.forward: tuple[tuple[str, str], ...] = tuple(forward or ())
        self.signer: Signer | None = None
        #: what `signer` keeps here: the field that it made, and when to make it anew (Unix seconds)
        self.signed: tuple[tuple[str, str], float] | None = None

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers for the upstream of one request."""
        return self.forward if self.signer is None else (*self.forward, self.signer.field(self))


class Signer(Protocol):
    """What vouches for a caller to the upstream, with a signature."""

    def field(self, caller: Caller) -> tuple[str, str]:
        """A header field for one request."""
        ...


class Authenticator(Protocol):
    """One provider, ready to look at requests; shared by all routes that use it."""

    name: str
    #: what WWW-Authenticate says of it (RFC 9110 section 11.6.1) without parameters, such as "Bearer"; "" = nothing
    scheme: str

    def identify(self, exchange: Exchange) -> Caller | None:
        """The caller; None when the request carries no credential of this kind.

        Raises GatewayError: INVALID_TOKEN (401) for a credential that is not good, IDENTITY_UNAVAILABLE (503) when
        that cannot be found out now.
        """
        ...


class Http(Protocol):
    """How the identity room talks to others: one request, one whole answer, over the gateway's own pools."""

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        """(status, headers, body). Raises GatewayError when there is no answer, or one larger than 1 MB."""
        ...
