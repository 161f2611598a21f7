"""The sources of a worker: they outlive a plan, so a reload knows at once what the plan before it had found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.upstream.discovery.dns import DnsResolver
from gateway.upstream.discovery.kubernetes import EndpointSliceResolver
from gateway.upstream.discovery.options import Discovery, Dns
from gateway.upstream.discovery.source import DiscoverySubscription, Resolver, Source
from gateway.upstream.pool.registry import PoolKey


class DiscoveryRegistry:
    """Sources by what they look for. They begin to look in the worker, after `start`."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called after targets came or went: pools that nobody uses any more can be drained."""
        self._sources: dict[Discovery, Source] = {}
        self._changed = changed
        self._is_running = False

    def get(self, spec: Discovery) -> Source:
        """The source for `spec`, made when it is asked for the first time; touches no network."""
        source = self._sources.get(spec)
        if source is None:
            source = self._sources[spec] = Source(str(spec), _finder(spec), self._changed)
        return source

    def start(self) -> None:
        """Look from now on for what is followed."""
        self._is_running = True
        for source in self._sources.values():
            if source.follows:
                source.start()

    def stop(self) -> None:
        """The worker ends."""
        self._is_running = False
        for source in self._sources.values():
            source.stop()

    def follow(self, follows: Sequence[DiscoverySubscription]) -> None:
        """Serve these and no others: to be called after the swap to a plan that holds them."""
        for spec, source in list(self._sources.items()):
            source.follows = tuple(follow for follow in follows if follow.source is source)
            if not source.follows:
                source.stop()
                del self._sources[spec]
                continue
            source.catch_up()
            if self._is_running:
                source.start()

    def pool_keys(self) -> frozenset[PoolKey]:
        """The pools of all targets that were found."""
        follows = [follow for source in self._sources.values() for follow in source.follows]
        return frozenset(key for follow in follows for key in follow.pool_keys())


def _finder(spec: Discovery) -> Resolver:
    return DnsResolver(spec) if isinstance(spec, Dns) else EndpointSliceResolver(spec)
