"""Callers known by an API key: consumers that the configuration names, and those whose keys are in the store.

SECURITY: keys are looked up by their SHA-256.  How long a look-up takes may tell something of digests that exist, but
who does not know a key of 256 random bits cannot aim at a digest, and a digest gives no key.  What is found is
compared once more, in constant time.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from gateway.auth.api_key.stored_keys import StoredKey, StoredKeys, digest_of, is_over
from gateway.auth.caller import Caller
from gateway.auth.claim_mapper import ClaimMapper
from gateway.auth.model import ApiKey, Consumer, Credential
from gateway.errors import IDENTITY_UNAVAILABLE, INVALID_TOKEN, GatewayError
from gateway.exchange import Exchange
from gateway.state.store import StoreError

FRESH: Final = 1.0
"""Seconds that a worker believes what the store said of a key: so soon is a revoked one refused."""

REMEMBERED: Final = 4096
"""Stored keys that a worker remembers."""

CHALLENGE: Final = (("WWW-Authenticate", 'ApiKey realm="gateway"'),)


class ApiKeys:
    """One provider of API keys. `stored` None = the store holds none."""

    __slots__ = ("_enrich", "_source", "_stored", "_written", "name", "scheme")

    def __init__(
        self,
        name: str,
        spec: ApiKey,
        enrich: ClaimMapper,
        stored: StoredApiKeys | None,
    ) -> None:
        self.name = name
        self.scheme = "ApiKey"
        self._source = spec.source
        self._stored = stored
        self._written = MappingProxyType(
            {
                consumer.digest: (consumer.digest, _caller(enrich, consumer))
                for consumer in spec.consumers
                if consumer.digest
            }
        )

    def identify(self, exchange: Exchange) -> Caller | None:
        """The consumer; None without a key. Raises GatewayError INVALID_TOKEN or IDENTITY_UNAVAILABLE."""
        key = given_key(exchange, self._source)
        if key is None:
            return None
        digest = digest_of(key)
        written = self._written.get(digest)
        if written is not None and hmac.compare_digest(written[0], digest):
            return written[1]
        found = None if self._stored is None else self._stored.find(digest)
        if found is None:
            raise GatewayError(INVALID_TOKEN, headers=CHALLENGE, cause="the API key is not known")
        return found


class StoredApiKeys:
    """The consumers of one provider whose keys are in the store, as one worker knows them.

    `on_failure` says what holds while the store is in trouble: with "deny" nobody is known, else whoever was known.
    """

    __slots__ = ("_clock", "_consumers", "_enrich", "_known", "_on_failure", "_provider", "_stored")

    def __init__(
        self,
        provider: str,
        spec: ApiKey,
        enrich: ClaimMapper,
        stored: StoredKeys,
        *,
        on_failure: str = "deny",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._consumers = {consumer.name: consumer for consumer in spec.consumers if not consumer.digest}
        self._enrich = enrich
        self._stored = stored
        self._on_failure = on_failure
        self._clock = clock
        #: by digest: (when the store said so, the key, its caller), the one used last at the end
        self._known: OrderedDict[str, tuple[float, StoredKey, Caller]] = OrderedDict()

    def find(self, digest: str) -> Caller | None:
        """The consumer whose key has this digest; None = the key is not good. Raises IDENTITY_UNAVAILABLE."""
        now = self._clock()
        known = self._known.get(digest)
        if known is not None and 0 <= now - known[0] < FRESH and not is_over(known[1], now):
            return known[2]
        try:
            key = self._stored.find(self._provider, digest)
        except StoreError as error:
            if self._on_failure != "deny" and known is not None and not is_over(known[1], now):
                return known[2]
            raise GatewayError(IDENTITY_UNAVAILABLE, "The API key cannot be checked now.", cause=error) from None
        if key is None or not hmac.compare_digest(key.digest, digest):
            self._known.pop(digest, None)
            return None
        caller = known[2] if known is not None and known[1] == key else self._caller(key)
        self._known[digest] = (now, key, caller)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return caller

    def _caller(self, key: StoredKey) -> Caller:
        """With what the configuration says of the consumer's keys."""
        said = self._consumers.get(key.name)
        if said is not None:
            roles, scopes = (*said.roles, *key.roles), (*said.scopes, *key.scopes)
            consumer = Consumer(key.name, key.digest, roles, scopes, (*said.metadata, *key.metadata.items()))
        else:
            consumer = Consumer(key.name, key.digest, key.roles, key.scopes, tuple(key.metadata.items()))
        return _caller(self._enrich, consumer, float("inf") if key.expires is None else key.expires)


def given_key(exchange: Exchange, source: Credential) -> str | None:
    """The key that a request carries at a place; None without one. Several become one that nobody has.

    In Authorization it follows "ApiKey" or "Bearer"; a bearer token that looks like a JWT is somebody else's.
    """
    if source.place == "cookie":
        pairs = (pair.partition("=") for pair in (exchange.header("cookie") or "").replace(", ", ";").split(";"))
        return ", ".join(value.strip() for name, _, value in pairs if name.strip() == source.name) or None
    if source.place == "query":
        return (
            ", ".join(value for name, value in parse_qsl(exchange.query, errors="replace") if name == source.name)
            or None
        )
    name = source.name.lower()
    value = exchange.header(name)
    if not value or name != "authorization":
        return value or None
    scheme, _, key = value.partition(" ")
    key = key.strip()
    is_key = scheme.lower() == "apikey" or (scheme.lower() == "bearer" and key.count(".") != 2)
    return (key or None) if is_key else None


def _caller(enrich: ClaimMapper, consumer: Consumer, until: float = float("inf")) -> Caller:
    claims = {**dict(consumer.metadata), "sub": consumer.name}
    return enrich.caller(consumer.name, claims, until=until, scopes=consumer.scopes, roles=consumer.roles)
