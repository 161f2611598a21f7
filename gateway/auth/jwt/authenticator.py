"""Callers who bring a signed token: found in the request, verified once, and then known by the token itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import unquote_plus

from gateway._fast.authorization import TokenCache, bearer, is_token68
from gateway._fast.rendezvous_hash import values
from gateway.auth.caller import Caller
from gateway.auth.jwt.verify import Verifier, refused
from gateway.exchange import Exchange

if TYPE_CHECKING:
    from gateway.auth.claim_mapper import ClaimMapper
    from gateway.auth.model import Credential

#: gives the credential of a request, None when it has none there; raises GatewayError for a bad form
Find = Callable[[Exchange], str | None]


class Revocations(Protocol):
    """What was revoked (gateway/auth/revocation_list.py)."""

    @property
    def epoch(self) -> int:
        """Another number once there is more."""

    def is_revoked(self, provider: str, claims: Mapping[str, Any]) -> bool:
        """Whether a token of these claims is; raises GatewayError when that cannot be known."""
        ...


class TokenAuthenticator:
    """One provider of tokens, ready to look at requests (see Authenticator).

    `cache` may be that of an earlier plan.  SECURITY: what it knows counts only as long as the provider as it is
    written, the roles and the keys are the same; all of them are in the number that it is asked with.
    """

    __slots__ = ("_cache", "_clock", "_enrich", "_find", "_header", "_revoked", "_verifier", "name")

    scheme = "Bearer"

    def __init__(
        self,
        name: str,
        sources: Sequence[Credential],
        verifier: Verifier,
        enrich: ClaimMapper,
        cache: TokenCache,
        revoked: Revocations,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._find = find_credential(sources)
        #: the one header field where the token stands, in lower case; None where there are several places
        self._header = sources[0].name.lower() if [each.place for each in sources] == ["header"] else None
        self._verifier = verifier
        self._enrich = enrich
        self._cache = cache
        self._revoked = revoked
        self._clock = clock

    def identify(self, exchange: Exchange) -> Caller | None:
        """The caller of the request's token; see Authenticator."""
        # What changes while the token is looked at has it looked at again: both numbers are read before.
        keys, revoked = self._verifier.epoch ^ self._enrich.epoch, self._revoked.epoch
        caller: Caller | None
        if self._header is not None:
            found = values(exchange.headers, self._header)
            if len(found) == 1:
                # PERF: the whole field is known, so a token that comes again is not even cut out of it.
                caller = self._cache.get(found[0], self._clock(), keys, revoked)
                if caller is not None:
                    return caller
            token = self._find(exchange)
            return None if token is None else self._examine(token, found[0], keys, revoked)
        token = self._find(exchange)
        if token is None:
            return None
        caller = self._cache.get(token, self._clock(), keys, revoked)
        return self._examine(token, token, keys, revoked) if caller is None else caller

    def _examine(self, token: str, known_as: str, keys: int, revoked: int) -> Caller:
        """Verify a token that is not known; of one that is, whether it was revoked since."""
        caller: Caller | None = self._cache.known(known_as, self._clock(), keys)
        if caller is None:
            claims = self._verifier.verify(token)
            caller = self._enrich.caller(claims.get("sub", ""), claims, until=self._verifier.until(claims))
        if self._revoked.is_revoked(self.name, caller.claims):
            self._cache.drop(known_as)
            raise refused("it was revoked")
        self._cache.put(known_as, caller, caller.until, keys, revoked)
        return caller


def find_credential(sources: Sequence[Credential]) -> Find:
    """What finds a token in one of the places where it may stand, and only one (RFC 6750 section 2)."""
    finds = tuple(_PLACES[source.place](source.name) for source in sources)
    if len(finds) == 1:
        return finds[0]

    def find(exchange: Exchange) -> str | None:
        found = [token for each in finds if (token := each(exchange)) is not None]
        if len(found) > 1:
            raise refused("tokens stand in more than one place")
        return found[0] if found else None

    return find


def _in_header(name: str) -> Find:
    """Authorization wants the scheme Bearer and leaves other schemes to others; any other field may do without."""
    lower = name.lower()
    has_schemes = lower == "authorization"

    def find(exchange: Exchange) -> str | None:
        found = values(exchange.headers, lower)
        value = _only(found, "header fields")
        if not value:
            return None
        token = bearer(value)
        if token is None:
            return None if has_schemes else _formed(value)
        return token or _malformed()

    return find


def _in_cookie(name: str) -> Find:
    """RFC 6265 section 5.4."""

    def find(exchange: Exchange) -> str | None:
        pairs = [pair.partition("=") for line in values(exchange.headers, "cookie") for pair in line.split(";")]
        value = _only([value.strip() for key, _, value in pairs if key.strip() == name], "cookies")
        return _formed(value) if value else None

    return find


def _in_query(name: str) -> Find:
    """A parameter, name and value decoded as forms are."""

    def find(exchange: Exchange) -> str | None:
        pairs = [pair.partition("=") for pair in exchange.query.split("&")] if exchange.query else ()
        value = _only([value for key, _, value in pairs if key == name or unquote_plus(key) == name], "parameters")
        return _formed(unquote_plus(value)) if value else None

    return find


_PLACES: Mapping[str, Callable[[str], Find]] = MappingProxyType(
    {"header": _in_header, "cookie": _in_cookie, "query": _in_query}
)


def _only(found: list[str], what: str) -> str | None:
    """The one value. SECURITY: of two, the upstream may read the other."""
    if len(found) > 1:
        raise refused(f"there are two {what} of that name")
    return found[0] if found else None


def _formed(value: str) -> str:
    return value if is_token68(value) else _malformed()


def _malformed() -> NoReturn:
    raise refused("it has not the form of a token")
