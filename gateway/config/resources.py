"""Objects of a process that a plan is built on, and that outlive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from gateway.features import load, members

if TYPE_CHECKING:
    from gateway.auth.runtime import AuthRuntime
    from gateway.cache.runtime import CacheRuntime
    from gateway.observability.access_log import AccessLogs
    from gateway.observability.audit.denials import DenialLog
    from gateway.observability.metrics.meter import MetricsRegions
    from gateway.observability.tracing.policy import Traces
    from gateway.policies.idempotency.answers import Answers
    from gateway.ratelimit.runtime import RateLimitRuntime
    from gateway.upstream.client import InternalClient
    from gateway.upstream.discovery.registry import DiscoveryRegistry
    from gateway.upstream.greenlets import GreenletPool
    from gateway.upstream.mirror import MirrorQueues
    from gateway.upstream.pool.registry import Pools
    from gateway.upstream.resilience.adaptive_limit import AdaptiveLimit
    from gateway.upstream.target_state import TargetStateTable


def _own(name: str) -> Callable[[], Any]:
    """What its feature makes for a plan that serves nobody."""
    return lambda: load(members("runtime")[name])()  # noqa: PLW0108 - looked up when a plan is made, not now


@dataclass(frozen=True, slots=True)
class RuntimeResources:
    """What of the process a plan is built on. Without `logs` (offline) no log is opened."""

    pools: Pools = field(default_factory=_own("pools"))
    logs: AccessLogs | None = None
    sources: DiscoveryRegistry = field(default_factory=_own("sources"))
    lanes: MirrorQueues = field(default_factory=_own("lanes"))
    hands: GreenletPool = field(default_factory=_own("hands"))
    traffic: TargetStateTable = field(default_factory=_own("traffic"))
    #: None when the configuration has no `auth`, or serves nobody
    registry: AuthRuntime | None = None
    limiting: RateLimitRuntime = field(default_factory=_own("limiting"))
    caching: CacheRuntime = field(default_factory=_own("caching"))
    #: what upstreams said of themselves by reflection, for as long as a plan has it
    reflections: WeakValueDictionary[Any, Any] = field(default_factory=WeakValueDictionary)
    #: by upstream, what was found out of what it can take, for as long as a plan has it
    limiters: WeakValueDictionary[str, AdaptiveLimit] = field(default_factory=WeakValueDictionary)
    #: None when it serves nobody
    calls: InternalClient | None = None
    #: None when no route keeps answers, or the plan serves nobody
    answers: Answers | None = None
    #: None when nothing is counted, or the plan serves nobody
    meter: MetricsRegions | None = None
    #: None when it serves nobody
    traces: Traces | None = None
    #: None when it serves nobody
    denials: DenialLog | None = None
