"""Context of all processes of one gateway: made in the master before the first fork, inherited by workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from gateway.cache.runtime import CacheRuntime
from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.external_checks import whole
from gateway.config.fork_reader import ReadResult
from gateway.config.model import Document
from gateway.config.reload import first_document, publish_first
from gateway.config.resources import RuntimeResources
from gateway.config.store import Pause, Store
from gateway.contracts import Plan
from gateway.observability.access_log import AccessLogs
from gateway.observability.audit import counters as audited
from gateway.observability.audit.denials import DenialLog
from gateway.observability.audit.log import Audit
from gateway.observability.metrics.meter import MetricsRegions, room_for
from gateway.observability.metrics.meter import regions as meter_regions
from gateway.observability.metrics.worker_stats import REGION as VITALS
from gateway.observability.metrics.worker_stats import VitalsRegion
from gateway.observability.tracing import ring as traces
from gateway.observability.tracing.policy import Traces
from gateway.observability.tracing.ring import REGION as TRACES
from gateway.ratelimit.bucket_table import REGION as LIMITS
from gateway.ratelimit.bucket_table import buckets_of, region_size
from gateway.ratelimit.keys import hash_secret
from gateway.ratelimit.runtime import RateLimitRuntime
from gateway.server.memory import MemoryBudget, shares, usable_memory
from gateway.server.tls import contexts
from gateway.state import RuntimeDir, SharedMemory, SharedMemoryError
from gateway.state.open_store import open_store
from gateway.upstream.client import InternalClient
from gateway.upstream.discovery.registry import DiscoveryRegistry
from gateway.upstream.greenlets import GreenletPool
from gateway.upstream.mirror import MirrorQueues
from gateway.upstream.pool.registry import Pools
from gateway.upstream.resilience.adaptive_limit import AdaptiveLimit
from gateway.upstream.target_state import TargetStateTable

if TYPE_CHECKING:
    from gateway.auth.runtime import AuthRuntime
    from gateway.observability.collector.process import CollectorProcess
    from gateway.policies.idempotency.answers import Answers

CONFIG = "GATEWAY_CONFIG"


class ServerContext:
    """One gateway, as one of its processes sees it."""

    def __init__(self, config: str, document: Document, read_ns: int | None = None) -> None:
        """Compile `document` and make, or take over (USR2), what all processes share.

        `read_ns` is when the reading of it began (wall clock). Raises ConfigError, PageError, OSError.
        """
        self.config = config
        self.draining, self.workers = False, 0  # the master knows later how many there shall be
        self._memory = usable_memory()
        found = shares(document.server, self._memory)
        self._registry: AuthRuntime | None = None
        self._answers: Answers | None = None
        self.observer: CollectorProcess | None = None  # in the master alone
        self.has_borrowed_sockets = False  # they are somebody else's (systemd), and stay open without us
        series = room_for(document)
        regions = {
            "traffic": TargetStateTable.size(),
            LIMITS: region_size(document.server.limit_keys),
            TRACES: traces.region_size(),
            VITALS: VitalsRegion.size(),
            audited.REGION: audited.region_size(),
            **meter_regions(series),
        }
        self.page = SharedMemory.from_env(os.environ) or SharedMemory.create(regions)
        self.traffic = TargetStateTable(self.page.region("traffic"))
        self.buckets = buckets_of(self.page, document.server.limit_keys)
        self.meter = MetricsRegions.of(self.page, series)
        self.pools = Pools()
        self.logs = AccessLogs()
        self.sources = DiscoveryRegistry(self._targets_changed)
        self.calls = InternalClient(self.pools)
        self.lanes = MirrorQueues()
        self.limiters: WeakValueDictionary[str, AdaptiveLimit] = WeakValueDictionary()
        self.hands = GreenletPool()
        self.store = Store(self._compile)
        self.contexts = contexts(document)
        self.runtime = RuntimeDir.from_env(os.environ) or RuntimeDir.create()
        self.room = self.runtime.agree("room", found.store)  # bytes; the master before this one has chosen them (USR2)
        self.audit = Audit(self.runtime.path, counts=audited.AuditCounts.of(self.page))
        self.denials = DenialLog(self.audit)
        self.traces = Traces(self.runtime.path, traces.Counts(self.page.region(TRACES)))
        try:
            self.limiting = RateLimitRuntime(self.buckets, hash_secret(self.runtime.path), document.store)
            self.caching = CacheRuntime(
                open_store(document.store, self.runtime.folder("cache"), self.room), found.cache
            )
            with self.store.changing():
                plan = self.store.compile(document)
                self.store.swap(plan, document, publish_first(document, self.page, self.runtime.path, read_ns))
        except BaseException:
            self.runtime.release()
            raise
        self.sources.follow(plan.follows)
        self.audit.configure(document.audit)
        self.store.on_swap(self._swapped)

    def _compile(self, document: Document, pause: Pause | None = None) -> Plan:
        """The plan; a document whose certificates cannot be used is refused as a whole."""
        contexts(document)
        registry = self._registry_of(document) if document.providers else None
        keeps = any(route.idempotency is not None for route in document.routes)
        resources = RuntimeResources(
            self.pools,
            self.logs,
            self.sources,
            self.lanes,
            self.hands,
            traffic=self.traffic,
            limiters=self.limiters,
            registry=registry,
            limiting=self.limiting,
            caching=self.caching,
            calls=self.calls,
            meter=self.meter if document.metrics.is_on else None,
            answers=self._answers_of(document) if keeps else None,
            traces=self.traces,
            denials=self.denials,
        )
        return compile(document, resources, pause)

    def _registry_of(self, document: Document) -> AuthRuntime:
        """What providers stand on: made when the first plan needs it. The store is that of the start."""
        if self._registry is None:
            from gateway.auth.runtime import AuthRuntime

            self._registry = AuthRuntime(open_store(document.store, self.runtime.path, self.room), self.calls)
        return self._registry

    def _answers_of(self, document: Document) -> Answers:
        """Answers that are kept: in memory apart from the rest of the store, which they must not crowd out."""
        if self._answers is None:
            from gateway.policies.idempotency.answers import Answers

            self._answers = Answers(open_store(document.store, self.runtime.folder("answers"), self.room))
        return self._answers

    @property
    def identity(self) -> AuthRuntime:
        """What this process knows of callers, made now if nobody asked before."""
        return self._registry_of(self.store.document)

    def _swapped(self, old: Plan | None, new: Plan, document: Document) -> None:
        """A new plan serves: pools that it does not use are drained, certificates are those that it names."""
        self.sources.follow(new.follows)
        self.pools.retain(new.pool_keys | self.sources.pool_keys() | self.calls.pool_keys())
        self.contexts = contexts(document)
        self.caching.memory.resize(self.shares().cache)
        self.audit.configure(document.audit)

    def shares(self) -> MemoryBudget:
        """How memory is shared out."""
        return shares(self.store.document.server, self._memory, self.workers, self.room)

    def _targets_changed(self) -> None:
        """Targets were found to come or go: the pools of those that went are drained."""
        # A plan that is being made has pools of its own already; its swap drains what is then left over.
        if not self.store.is_changing:
            self.pools.retain(self.store.current.pool_keys | self.sources.pool_keys() | self.calls.pool_keys())

    def bury(self, pid: int) -> None:
        """A worker ended, however it ended: its slot is free and nothing is in flight under it."""
        slot = self.page.slot_left_by(pid)
        if slot is not None:
            self.traffic.forget(slot.index)
            self.meter.forget(slot.index)
            self.page.free_slot(pid)

    def handover_env(self) -> dict[str, str]:
        """What a new master (USR2) must find in its environment."""
        return {**self.page.handover_env(), **self.runtime.handover_env()}

    def give_to(self, uid: int, gid: int) -> None:
        """Workers run as this user (gunicorn's `user` and `group`): the runtime directory is theirs."""
        if (uid, gid) != (os.geteuid(), os.getegid()):
            for path in (self.runtime.path, *self.runtime.path.iterdir()):
                os.chown(path, uid, gid)

    def release(self) -> None:
        """The master ends."""
        self.logs.close()
        self.runtime.release()


_site: ServerContext | None = None


def boot(config: str, read: Callable[[], ReadResult] | None = None) -> ServerContext:
    """Make the site of this process from what `read` gives, else from the file. Raises what Site does."""
    global _site
    os.environ[CONFIG] = os.path.abspath(config)
    _site = ServerContext(config, *(read() if read else (first_document(config), None)))
    return _site


def boot_or_exit(config: str, read: Callable[[], ReadResult]) -> ServerContext:
    """The same for whoever starts it: what is wrong is told in a line each, and ends the process with status 1."""
    try:
        return boot(config, read)
    except (ConfigError, SharedMemoryError) as error:
        sys.exit(str(whole(config, error) if isinstance(error, ConfigError) else error))
    except OSError as error:
        sys.exit(f"gateway: {error.filename or config}: {error.strerror or error}")


def server_context() -> ServerContext:
    """The site of this process: inherited from the master, else made from the file that GATEWAY_CONFIG names."""
    return _site if _site is not None else boot(os.environ.get(CONFIG, "gateway.yaml"))
