"""Runtime state of providers, which outlives a plan: the store, remote keys, tokens that were verified before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary

from gateway._fast.authorization import TokenCache
from gateway.auth.api_key.stored_keys import StoredKeys
from gateway.auth.caller import Http
from gateway.auth.revocation_list import RevocationList
from gateway.state import Store, StoreError

if TYPE_CHECKING:
    from gateway.auth.jwt.jwks import RemoteJwks
    from gateway.auth.model import Jwks, Oidc, Provider
    from gateway.auth.oidc.client import OpenIdClient

#: tokens that a worker remembers of each provider
TOKENS: Final = 16_384
SWEEP_EVERY: Final = 5.0  # seconds
SWEPT: Final = 2_000  # entries at once, by each worker


class Https(Protocol):
    """Http over the gateway's pools."""

    def with_tls(self, ca: str = "", insecure: bool = False) -> Http:
        """The same with the authorities of a file, "" = the system's; `insecure` allows plain http."""
        ...


class AuthRuntime:
    """One for each process. What it hands out lives as long as a plan uses it, so that a reload forgets nothing."""

    def __init__(self, store: Store, https: Https, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.revoked = RevocationList(store, clock)
        self.stored_keys = StoredKeys(store, clock)
        self.clock = clock
        self._https = https
        self._swept_at = 0.0
        self._keys: WeakValueDictionary[Jwks, RemoteJwks] = WeakValueDictionary()
        self._clients: WeakValueDictionary[Oidc, OpenIdClient] = WeakValueDictionary()
        self._caches: WeakValueDictionary[Provider, TokenCache] = WeakValueDictionary()

    def tick(self) -> None:
        """Give back the room of what has ended in the store, a little at a time; see Kept."""
        now = self.clock()
        if abs(now - self._swept_at) >= SWEEP_EVERY:
            self._swept_at = now
            with suppress(StoreError):  # who needs the store says so
                self.store.sweep(SWEPT)

    def keys(self, spec: Jwks) -> RemoteJwks:
        """The keys at an address. Raises OSError for authorities that cannot be read."""
        from gateway.auth.jwt.jwks import RemoteJwks

        found = self._keys.get(spec)
        if found is None:
            http = self._https.with_tls(spec.ca, spec.insecure)
            found = self._keys[spec] = RemoteJwks(spec, self.store, http, self.clock)
        return found

    def client(self, spec: Oidc) -> OpenIdClient:
        """Who speaks to an OpenID provider. Raises OSError for authorities that cannot be read."""
        from gateway.auth.oidc.client import OpenIdClient

        found = self._clients.get(spec)
        if found is None:
            http = self._https.with_tls(spec.ca, spec.insecure)
            found = self._clients[spec] = OpenIdClient(spec, http, self.keys, self.clock)
        return found

    def cache(self, spec: Provider) -> TokenCache:
        """The tokens of a provider as it is written: what is written otherwise verifies them anew."""
        found = self._caches.get(spec)
        if found is None:
            found = self._caches[spec] = TokenCache(TOKENS)
        return found
