"""The registry of pools: it outlives a configuration, so a reload keeps the connections to unchanged targets."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import gevent

from gateway.upstream.pool.pool import TLS_SCHEMES, Address, PlainPool, PoolSettings, TargetPool, TLSPool


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """TLS towards a target; empty strings are "not written". `digest` stands for the content of the files named."""

    ca: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""
    insecure: bool = False
    digest: str = ""

    @classmethod
    def read(cls, ca: str, client_cert: str, client_key: str, server_name: str, insecure: bool) -> TLSSettings:
        """Settings with their digest, so that renewed certificates make a new pool. Raises OSError, ssl.SSLError."""
        digest = hashlib.sha256()
        for name in (ca, client_cert, client_key):
            digest.update(Path(name).read_bytes() if name else b"")
            digest.update(b"\0")
        made = cls(ca, client_cert, client_key, server_name, insecure, digest.hexdigest())
        if ca or client_cert:
            made.context()
        return made

    def context(self) -> ssl.SSLContext:
        """A context that verifies, unless `insecure`; takes some 10 ms. Raises OSError, ssl.SSLError."""
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_cert:
            context.load_cert_chain(self.client_cert, self.client_key or None)
        return context


@dataclass(frozen=True, slots=True)
class PoolKey:
    """What makes two targets share their connections."""

    address: Address
    settings: PoolSettings = field(default_factory=PoolSettings)
    tls: TLSSettings = field(default_factory=TLSSettings)


class Pools:
    """The pools of a worker by what makes them different."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._pools: dict[PoolKey, TargetPool] = {}
        self._contexts: dict[TLSSettings, ssl.SSLContext] = {}
        self._clock = clock
        self._reaper: gevent.Greenlet[[], None] | None = None

    def __len__(self) -> int:
        return len(self._pools)

    def get(self, key: PoolKey) -> TargetPool:
        """The pool of `key`, made when it is asked for the first time; touches no network."""
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._make(key)
            pool.opened = self._start_reaper
        return pool

    def _make(self, key: PoolKey) -> TargetPool:
        if key.address.scheme not in TLS_SCHEMES:
            return PlainPool(key.address, key.settings)
        if key.address.scheme == "grpcs":
            return TLSPool(key.address, key.settings, for_http2(key.tls.context()), key.tls.server_name)
        context = self._contexts.get(key.tls)
        if context is None:
            context = self._contexts[key.tls] = key.tls.context()
        return TLSPool(key.address, key.settings, context, key.tls.server_name)

    def retain(self, keys: Iterable[PoolKey]) -> None:
        """Keep the pools of `keys` and drain all others: to be called after the swap to a plan that uses `keys`."""
        kept = set(keys)
        for key in [key for key in self._pools if key not in kept]:
            self._pools.pop(key).drain()
        used = {key.tls for key in kept if key.address.scheme == "https"}
        self._contexts = {tls: context for tls, context in self._contexts.items() if tls in used}

    def reap(self) -> int:
        """Close connections that were idle for too long; gives how many idle ones are left."""
        now = self._clock()
        return sum(pool.close_older(now - pool.idle) for pool in list(self._pools.values()))

    def _start_reaper(self) -> None:
        # Lazily, so that it runs in the worker and not in the process that forked it; it ends when nothing is open.
        if self._reaper is None or self._reaper.dead:
            self._reaper = gevent.spawn(self._keep_reaping)

    def _keep_reaping(self) -> None:
        while True:
            gevent.sleep(max(0.05, min(5.0, min((pool.idle for pool in self._pools.values()), default=1.0) / 4)))
            if not self.reap() and not any(pool.pool.out for pool in self._pools.values()):
                return


def for_http2(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, which offers h2 alone (RFC 9113 section 3.2)."""
    context.set_alpn_protocols(["h2"])
    # NOTE: urllib3 sets its own list on every context before a handshake.
    context.set_alpn_protocols = lambda alpn_protocols: None  # type: ignore[method-assign]
    return context
