"""From the upstreams of a Document to what fetches: the part of `compile` that knows the room of the upstreams."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import monotonic_ns
from typing import Any, NamedTuple, Protocol

from msgspec import structs

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.resources import RuntimeResources
from gateway.contracts import Fetch
from gateway.upstream.activation import Activator
from gateway.upstream.activation_hook import ActivationHook
from gateway.upstream.activation_options import Activate, Wake
from gateway.upstream.attempts import AttemptPolicy, RetryingUpstream
from gateway.upstream.balance import balancers as balance
from gateway.upstream.client import InternalClient
from gateway.upstream.compile_pools import endpoint_key, key_of, server_name, tls_of
from gateway.upstream.discovery.options import Discovery
from gateway.upstream.discovery.source import Discovered, DiscoverySubscription, Source
from gateway.upstream.http import HttpUpstream
from gateway.upstream.options import Upstream
from gateway.upstream.pool.pool import TLS_SCHEMES, Address, PoolSettings
from gateway.upstream.pool.registry import PoolKey, TLSSettings
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience import hedge, outlier, retry
from gateway.upstream.resilience import retry_budget as budget
from gateway.upstream.resilience.adaptive_limit import AdaptiveLimit
from gateway.upstream.resilience.concurrency_limit import ConcurrencyLimit
from gateway.upstream.resilience.health_checker import CheckedTarget
from gateway.upstream.resilience.options import Overload, OwnRetry
from gateway.upstream.resilience.shared_circuit import SharedCircuitBreaker
from gateway.upstream.target_state import WINDOW
from gateway.upstream.targets import Target, TargetFilters, TargetSet
from gateway.upstream.traced import TracedUpstream


class CompiledUpstream(NamedTuple):
    """An upstream, ready to fetch; `total` in seconds; `other` makes the same with other rules for further tries."""

    fetch: Fetch
    total: float
    other: Callable[[OwnRetry], Fetch] | None = None

    def with_retry(self, own: OwnRetry) -> Fetch:
        """The way to ask it by rules of one's own; all that is known of it, and all that bounds it, is one."""
        assert self.other is not None, "what splits over upstreams has no tries"
        return self.other(own)


class UpstreamLayer(Protocol):
    """What a request passes on its way to the tries: a gate, who waits for discovery, who wakes the upstream."""

    @property
    def fetch(self) -> Fetch:
        """This layer and all behind it."""

    def before(self, fetch: Fetch) -> Fetch:
        """The layer in front of `fetch`."""


class UpstreamBuilder:
    """Builds upstreams, and keeps what the plan must name: `keys` of pools and `follows` of discovery."""

    def __init__(
        self,
        resources: RuntimeResources,
        complain: Callable[[str, str, str], None],
        overload: Overload | None = None,
        is_traced: bool = False,
    ) -> None:
        """`complain` is called with (where, path, message); `overload` is for upstreams that say nothing of it."""
        self._overload = overload
        self._is_traced = is_traced
        self.keys: list[PoolKey] = []
        self.follows: list[DiscoverySubscription] = []
        self.checks: list[CheckedTarget] = []
        self.attempts: list[RetryingUpstream] = []
        self._resources = resources
        self.reflections = resources.reflections
        self._complain = complain

    def build(self, spec: Upstream) -> CompiledUpstream | None:
        """An upstream with all that it asks for; None and a complaint when its certificates cannot be used."""
        try:
            tls = tls_of(spec)
        except (OSError, ssl.SSLError) as error:
            self._complain(spec.where, f"upstreams.{spec.name}.tls", f"the certificates cannot be used: {error}")
            return None
        pool = PoolSettings(spec.pool.max_connections, spec.pool.idle)
        fleet = self._fleet(spec)
        attempts = self._attempts(spec, fleet)
        gate = self._gate(spec, attempts)
        stages: list[UpstreamLayer] = [] if gate is None else [gate]
        fetch: Fetch = attempts.fetch if gate is None else gate.fetch
        if spec.discovery is None:
            fleet.replace(self._written(spec, pool, tls))
        else:
            source = self._found(spec, fleet, spec.discovery, pool, tls)
            stages.append(Discovered(fetch, source, spec.timeout.connect))
            fetch = stages[-1].fetch
        total = spec.timeout.total
        if spec.activate is not None:
            stages.append(self._activator(spec, spec.activate, fetch, fleet))
            fetch, total = stages[-1].fetch, total + spec.activate.hold
        return CompiledUpstream(fetch, total, partial(_with_retry, attempts, tuple(stages), spec))

    def _activator(self, spec: Upstream, rules: Activate, fetch: Fetch, fleet: TargetSet) -> Activator:
        def addresses() -> list[Address]:
            return [target.pool.address for target in fleet.targets]

        wake = ActivationHook(
            spec.name,
            rules.wake.method,
            rules.wake.url,
            self._asks(rules.wake),
            self._is_due(spec.name, rules.wake.every),
        )
        return Activator(spec.name, fetch, addresses, wake.call, hold=rules.hold, most=rules.queue)

    def build_single(self, spec: Upstream) -> CompiledUpstream | None:
        """The same without further tries, for copies."""
        return self.build(structs.replace(spec, retry=None, hedge=None))

    def _written(self, spec: Upstream, pool: PoolSettings, tls: TLSSettings) -> list[Target]:
        keys = [key_of(target.scheme, target.host, target.port, pool, tls, target.socket) for target in spec.targets]
        self.keys += keys
        pairs = zip(keys, spec.targets, strict=True)
        return [_target(self._resources, spec, key, each.weight, each.zone, each.region) for key, each in pairs]

    def _found(
        self, spec: Upstream, fleet: TargetSet, discovery: Discovery, pool: PoolSettings, tls: TLSSettings
    ) -> Source:
        """Let a fleet follow what is found; its pools are not the plan's to name."""
        if discovery.scheme in TLS_SCHEMES and not tls.server_name:
            tls = replace(tls, server_name=server_name(discovery))
        key = partial(endpoint_key, discovery.scheme, pool, tls)
        source = self._resources.sources.get(discovery)
        # NOTE: not a method: it would hold all that is compiled, which goes by reference counts alone.
        target = partial(_target, self._resources, spec)
        follow = DiscoverySubscription(source, fleet, key, lambda endpoint: target(key(endpoint), endpoint.weight))
        self.follows.append(follow)
        return source

    def _fleet(self, spec: Upstream) -> TargetSet:
        guards = TargetFilters(
            is_checked=spec.health is not None,
            outlier=outlier.OutlierPolicy.of(spec.outlier) if spec.outlier else None,
            panic=spec.panic,
        )
        fleet = TargetSet(spec.name, balance.make(spec.balance, spec.name), (), guards)
        if spec.health is not None and all(each.fleet.name != spec.name for each in self.checks):
            self.checks.append(CheckedTarget(fleet, health.HealthCheckPolicy.of(spec.health), spec.health.path))
        return fleet

    def _asks(self, rules: Wake) -> InternalClient | None:
        return None if (calls := self._resources.calls) is None else calls.with_tls(insecure=rules.insecure)

    def _is_due(self, name: str, every: float) -> Callable[[], bool]:
        """Whether it is time again, by a bucket that all workers of the host share."""
        limiting, nanoseconds = self._resources.limiting, round(every * 1e9)
        number = limiting.keys.number(f"activate\0{name}\0")
        return lambda: limiting.buckets.take(number, nanoseconds, nanoseconds, 1, monotonic_ns()) == 0

    def _attempts(self, spec: Upstream, fleet: TargetSet) -> RetryingUpstream:
        """overload (its gate) -> circuit -> tries -> one exchange; what is not asked for is not there."""
        times = spec.timeout
        kind = _grpc() if spec.is_grpc else HttpUpstream
        http = kind(spec.name, connect=times.connect, read=times.read, total=times.total, idle=times.idle)
        if self._is_traced:
            http = TracedUpstream(http)
        state = self._resources.traffic.upstream(spec.name, window_ms=_window(spec), budget_ms=budget.WINDOW)
        again = retry.RetryPolicy.of(spec.retry) if spec.retry else None
        beside = hedge.HedgePolicy.of(spec.hedge) if spec.hedge else None
        circuit = (
            SharedCircuitBreaker(spec.name, rules, state.breaker, state.window) if (rules := _breaker(spec)) else None
        )
        attempts = RetryingUpstream(http, fleet, state, AttemptPolicy(again, beside), circuit)
        if all(each.name != spec.name for each in self.attempts):
            self.attempts.append(attempts)
        return attempts

    def _gate(self, spec: Upstream, attempts: RetryingUpstream) -> ConcurrencyLimit | None:
        if (limit := spec.overload or self._overload) is None:
            return None
        attempts.limit = limit.max_concurrency or self._resources.limiters.setdefault(spec.name, AdaptiveLimit())
        return ConcurrencyLimit(spec.name, attempts.fetch, attempts.state, attempts.limit, limit.queue)


class UpstreamCompiler(Compiler):
    """The upstreams of one plan, by name; None is one whose certificates cannot be used."""

    def __init__(self, context: CompileContext) -> None:
        document = context.document
        self.builder = UpstreamBuilder(
            context.resources, context.report, document.server.overload, document.tracing is not None
        )
        self.upstreams = {upstream.name: self.builder.build(upstream) for upstream in document.upstreams}

    def plan(self) -> dict[str, tuple[Any, ...] | frozenset[Any]]:
        """What of the pools, of discovery and of checks the plan names."""
        made = self.builder
        return {
            "pool_keys": frozenset(made.keys),
            "follows": tuple(made.follows),
            "checks": tuple(made.checks),
            "attempts": tuple(made.attempts),
        }


def _target(
    on: RuntimeResources, spec: Upstream, key: PoolKey, weight: int, zone: str = "", region: str = ""
) -> Target:
    address = str(key.address)
    state = on.traffic.target(spec.name, address, window_ms=_window(spec))
    call = None if on.meter is None else on.meter.call(spec.name, address)
    return Target(address, on.pools.get(key), state, weight, _breaker(spec), (zone, region), call)


def _with_retry(attempts: RetryingUpstream, stages: tuple[UpstreamLayer, ...], spec: Upstream, own: OwnRetry) -> Fetch:
    """Other tries behind the very same stages, of which the first is passed last."""
    rules = own.over(spec.retry)
    fetch: Fetch = attempts.with_retry(retry.RetryPolicy.of(rules) if rules else None).fetch
    for stage in stages:
        fetch = stage.before(fetch)
    return fetch


def _grpc() -> type[HttpUpstream]:
    from gateway.upstream.grpc.upstream import GrpcUpstream  # PERF: and an extra, for configurations that have any

    return GrpcUpstream


def _breaker(spec: Upstream) -> breaker.CircuitBreakerPolicy | None:
    return breaker.CircuitBreakerPolicy.of(spec.circuit_breaker, spec.timeout.total) if spec.circuit_breaker else None


def _window(spec: Upstream) -> int:
    """Milliseconds over which requests and failures are counted."""
    return round(spec.circuit_breaker.window * 1000) if spec.circuit_breaker else WINDOW
