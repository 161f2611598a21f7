"""The gunicorn worker: GeventWorker's life and signals, our listeners and connection loop (docs/design.md)."""

from __future__ import annotations

import logging
import os
from functools import partial
from time import monotonic
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from gateway._fast.http1_head import Limits
from gateway._fast.http1_server import Server, Settings
from gateway.auth.background_tasks import BackgroundTasks
from gateway.config.model import Document
from gateway.config.reload import Reloader
from gateway.contracts import Plan
from gateway.control.app import make_admin
from gateway.errors import GatewayError
from gateway.routing.ingress import KINDS_BY_SLUG
from gateway.server.context import ServerContext, server_context
from gateway.server.gc_tuning import tune_gc
from gateway.server.listener import Listener, is_address
from gateway.server.loop_monitor import LoopMonitor
from gateway.server.memory_watchdog import MemoryWatchdog
from gateway.server.settings import whole_seconds
from gateway.server.shutdown import TICK, GracefulShutdown
from gateway.state import WorkerSlot, WorkerState
from gateway.upstream.resilience.health_checker import HealthChecker

log = logging.getLogger("gateway")

ADMIN_CONNECTIONS = 256
#: seconds until another worker checks in the place of one that is gone
CHECKS_LEASE = 1.0
CERTIFICATES_EVERY = 5.0
LET_GO_AT_ONCE = 200


class GatewayWorker(GeventWorker):  # type: ignore[misc]
    """Serves the proxy listeners and the admin listener of one gateway."""

    site: ServerContext
    slot: WorkerSlot
    alive: bool
    _served = 0

    def run(self) -> None:
        """gunicorn's main loop: serve until `alive` is false, then drain."""
        tune_gc()
        self.site = server_context()
        self.slot = self.site.page.claim_slot(os.getpid())
        for counts in (self.site.traffic, self.site.meter, self.site.traces):
            counts.claim(self.slot.index)
        self._pulse = LoopMonitor.of(self.site.page, self.slot.index, TICK)
        self._watch = MemoryWatchdog(self.site.page, self.pid, self.site.shares().worker)
        configured = whole_seconds(self.site.store.document.server.keepalive)
        self._keepalive = None if self.cfg.keepalive == configured else float(self.cfg.keepalive)
        self._settings = _settings(self.site, self._keepalive)
        self.site.store.on_swap(self._swapped)
        self._reopen()  # a log may have been rotated since the master opened it
        self._reloader = Reloader(
            self.site.page, self.slot, self.site.runtime.path, self.site.store, _breathe, audit=self.site.audit
        )
        proxies, admins = self._listeners()
        ending = GracefulShutdown(self.site, self.slot, self.ppid, self.cfg.graceful_timeout, proxies)
        self.site.sources.start()
        self._reloader.boot()
        checker = HealthChecker(lambda: self.site.store.current.checks, self._leads_checks)
        keeper = BackgroundTasks(lambda: self.site.store.current.kept)
        if self.site.store.document.providers:
            self.site.identity.revoked.tick()  # known before the first request, where the store answers
        forever = (
            self._reloader.follow_forever,
            self._reloader.lead_forever,
            checker.run_forever,
            keeper.run_forever,
        )
        loops = [gevent.spawn(loop) for loop in forever]
        for listener in proxies + admins:
            listener.start()
        self.slot.state.store(WorkerState.SERVING)
        try:
            self._serve(proxies, ending)
            admins = ending.keep(admins)
            ending.say_goodbye(partial(self._live, proxies))
            ending.drain(partial(self._tell, proxies))
            ending.let_go(admins)
        finally:
            for listener in admins:
                listener.stop()
            gevent.killall(loops)
            self._pulse.stop()
            self._reloader.resign()
            self.site.sources.stop()
            self.site.logs.close()
            self.site.denials.tell()
            self.site.audit.close()
            self.site.traces.close()
            self.site.traffic.release()
            self.site.meter.release()
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

    def _swapped(self, old: Plan | None, new: Plan, document: Document) -> None:
        """A new plan is in service: the connection loops take its limits with their next request."""
        self._settings = _settings(self.site, self._keepalive)
        self._watch.limit = self.site.shares().worker
        for server in self._servers:
            server.settings = self._settings
        if old is not None:
            gevent.spawn(_let_go, [old])

    def _serve(self, proxies: list[Listener], ending: GracefulShutdown) -> None:
        certificates_at = monotonic() + CERTIFICATES_EVERY
        while self.alive:
            now = monotonic()
            self._live(proxies, now)
            if self._served >= self.max_requests:
                self.slot.wear(now)
                self._watch.wear(now, self._served)
            if self._watch.must_go(now, lambda: self._pulse.private):
                self.alive = False
            if ending.is_orphan:
                self.log.info("worker %s ends: its master is gone", self.pid)
                self.alive = False
            if ending.has_ending_master:
                self.alive = False
            if self.site.contexts is not None and now >= certificates_at:
                certificates_at = now + CERTIFICATES_EVERY
                self.site.contexts.refresh()
            gevent.sleep(TICK)

    def _live(self, proxies: list[Listener], now: float) -> None:
        self._pulse.beat(now)
        self._tell(proxies, now)

    def _tell(self, proxies: list[Listener], now: float) -> None:
        """Tell the master that this worker lives, and everybody what it does."""
        self.tmp.notify()
        self.slot.beat(now)
        self._watch.hold(now)
        self.site.traffic.keep()
        self.slot.connections.store(sum(listener.open for listener in proxies))
        requests = sum(listener.requests for listener in proxies)
        if requests != self._served:
            self.slot.requests.add(requests - self._served)
            self._served = requests

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


def _let_go(plans: list[Plan]) -> None:
    """Let a plan go some time after the swap, in small pieces: ten thousand routes at once hold the hub for 40 ms."""
    gevent.sleep(TICK)
    routes = list(plans.pop().routes)
    while routes:
        del routes[-LET_GO_AT_ONCE:]
        _breathe()


def _settings(site: ServerContext, keepalive: float | None) -> Settings:
    """`keepalive` overrides the configuration's."""
    server = site.store.document.server
    limits = server.limits
    return Settings(
        Limits(limits.request_line, limits.header_size, limits.headers),
        server.keepalive if keepalive is None else keepalive,
        limits.header_timeout,
        limits.body_timeout,
        limits.body,
    )


def _failure(slug: str, detail: str) -> GatewayError:
    return GatewayError(KINDS_BY_SLUG[slug], detail)
