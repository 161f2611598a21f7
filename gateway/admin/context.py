"""What the admin listener needs of the process that it stands in."""

from __future__ import annotations

from typing import Protocol

from gateway.admin.identity import Identity
from gateway.cache.runtime import Caching
from gateway.config.store import Store
from gateway.observability.audit.denials import Denials
from gateway.observability.audit.log import Audit
from gateway.ratelimit.runtime import Limiting
from gateway.state import Page, RuntimeDir


class Site(Protocol):
    """One gateway, as one of its workers sees it."""

    @property
    def store(self) -> Store:
        """The plan of this worker."""

    @property
    def page(self) -> Page:
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
    def limiting(self) -> Limiting:
        """What its limits stand on."""

    @property
    def caching(self) -> Caching:
        """What its caches stand on."""

    @property
    def audit(self) -> Audit:
        """Where changes are told."""

    @property
    def denials(self) -> Denials:
        """Where it is told who was denied access."""
