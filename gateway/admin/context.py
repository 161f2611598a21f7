"""The interface between the admin listener and the process around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.admin.identity import Identity
from gateway.config.store import Store
from gateway.state import RuntimeDir, SharedMemory

if TYPE_CHECKING:
    from gateway.cache.runtime import CacheRuntime
    from gateway.observability.audit.denials import DenialLog
    from gateway.observability.audit.log import Audit
    from gateway.ratelimit.runtime import RateLimitRuntime


class Site(Protocol):
    """One gateway, as one of its workers sees it."""

    @property
    def store(self) -> Store:
        """The plan of this worker."""

    @property
    def page(self) -> SharedMemory:
        """What it shares with the other workers."""

    @property
    def runtime(self) -> RuntimeDir:
        """Where the outcome of a reload is told."""

    @property
    def draining(self) -> bool:
        """Whether this worker is on its way out."""

    @property
    def identity(self) -> Identity:
        """What it knows of callers."""

    @property
    def limiting(self) -> RateLimitRuntime:
        """What its limits stand on."""

    @property
    def caching(self) -> CacheRuntime:
        """What its caches stand on."""

    @property
    def audit(self) -> Audit:
        """Where changes are told."""

    @property
    def denials(self) -> DenialLog:
        """Where it is told who was denied access."""
