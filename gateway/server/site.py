"""What the processes of one gateway hold together: made in the master before the first fork, inherited by every worker."""

from __future__ import annotations

import os

from gateway.config.compile import compile
from gateway.config.compile_upstreams import Resources
from gateway.config.model import Document
from gateway.config.reload import first_document, publish_first
from gateway.config.store import Store
from gateway.contracts import Plan
from gateway.observe.access_log import AccessLogs
from gateway.server.tls import Contexts
from gateway.shared import Page, RuntimeDir
from gateway.upstreams.discovery.registry import Sources
from gateway.upstreams.pools import Pools
from gateway.upstreams.state import TrafficRegion

CONFIG = "GATEWAY_CONFIG"


class Site:
    """One gateway, as one of its processes sees it."""

    def __init__(self, config: str, document: Document) -> None:
        """Compile `document` and make, or take over (USR2), what all processes share. Raises ConfigError, PageError, OSError."""
        self.config = config
        self.draining = False
        self.has_borrowed_sockets = False  # they are somebody else's (systemd), and stay open without us
        self.page = Page.from_env(os.environ) or Page.create({"traffic": TrafficRegion.size()})
        self.traffic = TrafficRegion(self.page.region("traffic"))
        self.pools = Pools()
        self.logs = AccessLogs()
        self.sources = Sources(self._targets_changed)
        resources = Resources(self.pools, self.logs, self.sources, traffic=self.traffic)
        self.store = Store(lambda document, pause=None: compile(document, resources, pause))
        self.contexts = Contexts(document.server.tls) if document.server.tls else None
        with self.store.changing():
            plan = self.store.compile(document)
            self.runtime = RuntimeDir.from_env(os.environ) or RuntimeDir.create()
            self.store.swap(plan, document, publish_first(document, self.page, self.runtime.path))
        self.sources.follow(plan.follows)
        self.store.on_swap(self._swapped)

    def _swapped(self, old: Plan | None, new: Plan, document: Document) -> None:
        """A new plan serves: pools that it does not use are drained, certificates are those that it names."""
        self.sources.follow(new.follows)
        self.pools.retain(new.pool_keys | self.sources.pool_keys())
        if document.server.tls is not None:
            self.contexts = Contexts(document.server.tls)

    def _targets_changed(self) -> None:
        """Targets were found to come or go: the pools of those that went are drained."""
        # A plan that is being made has pools of its own already; its swap drains what is then left over.
        if not self.store.is_changing:
            self.pools.retain(self.store.current.pool_keys | self.sources.pool_keys())

    def bury(self, pid: int) -> None:
        """A worker ended, however it ended: its slot is free and nothing is in flight under it."""
        slot = self.page.slot_left_by(pid)
        if slot is not None:
            self.traffic.forget(slot.index)
            self.page.free_slot(pid)

    def handover_env(self) -> dict[str, str]:
        """What a new master (USR2) must find in its environment."""
        return {**self.page.handover_env(), **self.runtime.handover_env()}

    def release(self) -> None:
        """The master ends."""
        self.logs.close()
        self.runtime.release()


_site: Site | None = None


def boot(config: str) -> Site:
    """Make the site of this process from a configuration file. Raises ConfigError with every mistake."""
    global _site
    os.environ[CONFIG] = os.path.abspath(config)
    _site = Site(config, first_document(config))
    return _site


def the_site() -> Site:
    """The site of this process: inherited from the master, else made from the file that GATEWAY_CONFIG names."""
    return _site if _site is not None else boot(os.environ.get(CONFIG, "gateway.yaml"))
