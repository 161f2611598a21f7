"""The gunicorn worker: GeventWorker's life and signals, our listeners and connection loop (docs/design.md)."""

from __future__ import annotations

import logging
import os
from time import monotonic
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from gateway._fast.head import Limits
from gateway._fast.http1 import Server, Settings
from gateway.admin.app import make_admin
from gateway.config.reload import Reloader
from gateway.errors import GatewayError
from gateway.server.ingress import KINDS_BY_SLUG
from gateway.server.listener import Listener, is_address
from gateway.server.site import Site, the_site
from gateway.shared import Slot, WorkerState
from gateway.upstreams.checker import Checker

log = logging.getLogger("gateway")

TICK = 0.05
ADMIN_CONNECTIONS = 256
#: seconds until another worker checks in the place of one that is gone
CHECKS_LEASE = 1.0
CERTIFICATES_EVERY = 5.0
#: what is left of graceful_timeout to end in order, before the master's SIGKILL
MARGIN = 1.0
#: how long a draining worker waits for the next request of an idle connection: it may be on its way, and it is answered
IDLE_PATIENCE = 0.5


class GatewayWorker(GeventWorker):  # type: ignore[misc]
    """Serves the proxy listeners and the admin listener of one gateway."""

    site: Site
    slot: Slot
    alive: bool

    def run(self) -> None:
        """gunicorn's main loop: serve until `alive` is false, then drain."""
        self.site = the_site()
        self.slot = self.site.page.claim_slot(os.getpid())
        self.site.traffic.claim(self.slot.index)
        self._settings = _settings(self.site)
        self.site.store.on_swap(self._swapped)
        self._reopen()  # a log may have been rotated since the master opened it
        self._reloader = Reloader(self.site.page, self.slot, self.site.runtime.path, self.site.store, _breathe)
        proxies, admins = self._listeners()
        self.site.sources.start()
        self._reloader.boot()
        checker = Checker(lambda: self.site.store.current.checks, self._leads_checks)
        forever = (self._reloader.follow_forever, self._reloader.lead_forever, checker.run_forever)
        loops = [gevent.spawn(loop) for loop in forever]
        for listener in proxies + admins:
            listener.start()
        self.slot.state.store(WorkerState.SERVING)
        try:
            self._serve(proxies)
            self._drain(proxies)
        finally:
            for listener in admins:
                listener.stop()
            gevent.killall(loops)
            self._reloader.resign()
            self.site.sources.stop()
            self.site.logs.close()
            self.site.traffic.release()
            self.slot.release()

    def _listeners(self) -> tuple[list[Listener], list[Listener]]:
        """(proxy listeners, admin listeners); the admin app is served on `server.admin` and nowhere else."""
        server = self.site.store.document.server
        is_admin = {sock: is_address(sock, server.admin) for sock in self.sockets}
        share = self.cfg.workers > 1
        proxies = [
            Listener(
                sock,
                Server(self.wsgi, self._settings, _failure),
                self.worker_connections,
                contexts=lambda: self.site.contexts,
                proxy_protocol=server.proxy_protocol,
                share=share,
            )
            for sock in self.sockets
            if not is_admin[sock]
        ]
        app = make_admin(self.site)
        admins = [
            Listener(sock, Server(app, self._settings, _failure), ADMIN_CONNECTIONS, share=share)
            for sock in self.sockets
            if is_admin[sock]
        ]
        self._servers = [listener.server for listener in proxies + admins]
        return proxies, admins

    def _swapped(self, *_: object) -> None:
        """A new plan is in service: the connection loops take its limits with their next request."""
        self._settings = _settings(self.site)
        for server in self._servers:
            server.settings = self._settings

    def _serve(self, proxies: list[Listener]) -> None:
        certificates_at = monotonic() + CERTIFICATES_EVERY
        served = 0
        while self.alive:
            self.notify()
            now = monotonic()
            self.slot.beat(now)
            self.site.traffic.keep()
            self.slot.connections.store(sum(listener.open for listener in proxies))
            requests = sum(listener.server.requests for listener in proxies)
            if requests != served:
                self.slot.requests.add(requests - served)
                served = requests
            if served >= self.max_requests:
                self.log.info("worker %s served %d requests and is replaced", self.pid, served)
                self.alive = False
            if self.site.contexts is not None and now >= certificates_at:
                certificates_at = now + CERTIFICATES_EVERY
                self.site.contexts.refresh()
            gevent.sleep(TICK)

    def _drain(self, proxies: list[Listener]) -> None:
        """Answer what was begun or waits in the backlog, and end before the master's deadline."""
        self.site.draining = True
        self.slot.state.store(WorkerState.DRAINING)
        now = monotonic()
        until = now + max(self.cfg.graceful_timeout - MARGIN, self.cfg.graceful_timeout / 2)
        patient_until = now + min(IDLE_PATIENCE, self.cfg.graceful_timeout / 4)
        for listener in proxies:
            listener.drain(self._is_last)
        while any(listener.open for listener in proxies) and monotonic() < until:
            self.notify()
            if monotonic() >= patient_until:
                for listener in proxies:
                    listener.close_idle()
            gevent.sleep(0.02)
        cut = sum(len(listener.server.connections) for listener in proxies)
        if cut:
            self.log.warning("worker %s cuts %d connections off at its graceful_timeout", self.pid, cut)
        for listener in proxies:
            listener.stop()

    def _is_last(self) -> bool:
        """Whether nobody accepts from the listening sockets any more: the master is ending and no worker serves."""
        page = self.site.page
        if self.site.has_borrowed_sockets or page.draining.load() != self.ppid:
            return False
        return all(worker.state == WorkerState.DRAINING for worker in page.workers())

    def _leads_checks(self) -> bool:
        """Whether this worker makes the health checks for all of the host."""
        page = self.site.page
        return page.try_lead(page.health_leader, os.getpid(), monotonic(), CHECKS_LEASE)

    def handle_usr1(self, sig: int, frame: Any) -> None:
        """Reopen the log files, the access log's too."""
        super().handle_usr1(sig, frame)
        gevent.spawn(self._reopen)

    def _reopen(self) -> None:
        for sentence in self.site.logs.reopen():
            self.log.error("%s", sentence)


def _breathe() -> None:
    """Let waiting requests go on in the middle of a compilation."""
    gevent.sleep(0)


def _settings(site: Site) -> Settings:
    server = site.store.document.server
    limits = server.limits
    return Settings(
        Limits(limits.request_line, limits.header_size, limits.headers),
        server.keepalive,
        limits.header_timeout,
        limits.body_timeout,
        limits.body,
    )


def _failure(slug: str, detail: str) -> GatewayError:
    return GatewayError(KINDS_BY_SLUG[slug], detail)
