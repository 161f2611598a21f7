"""What the processes of one gateway hold together: made in the master before the first fork, inherited by every worker."""

from __future__ import annotations

import os

from gateway.config.compile import Resources, compile
from gateway.config.model import Document
from gateway.config.reload import first_document, publish_first
from gateway.config.store import Store
from gateway.contracts import Plan
from gateway.observe.access_log import AccessLogs
from gateway.server.tls import Contexts
from gateway.shared import Page, RuntimeDir
from gateway.upstreams.pools import Pools

CONFIG = "GATEWAY_CONFIG"


class Site:
    """One gateway, as one of its processes sees it."""

    def __init__(self, config: str, document: Document) -> None:
        """Compile `document` and make, or take over (USR2), what all processes share. Raises ConfigError, PageError, OSError."""
        self.config = config
        self.draining = False
        self.has_borrowed_sockets = False  # they are somebody else's (systemd), and stay open without us
        self.pools = Pools()
        self.logs = AccessLogs()
        self.store = Store(lambda document, pause=None: compile(document, Resources(self.pools, self.logs), pause))
        self.contexts = Contexts(document.server.tls) if document.server.tls else None
        with self.store.changing():
            plan = self.store.compile(document)
            self.page = Page.from_env(os.environ) or Page.create()
            self.runtime = RuntimeDir.from_env(os.environ) or RuntimeDir.create()
            self.store.swap(plan, document, publish_first(document, self.page, self.runtime.path))
        self.store.on_swap(self._swapped)

    def _swapped(self, old: Plan | None, new: Plan, document: Document) -> None:
        """A new plan serves: pools that it does not use are drained, certificates are those that it names."""
        self.pools.retain(new.pool_keys)
        if document.server.tls is not None:
            self.contexts = Contexts(document.server.tls)

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
