"""Signals of the master, where gunicorn's own meaning does not fit (docs/operations.md)."""

from __future__ import annotations

import logging
import signal
from typing import Any

from gateway.config.reload import request_reload
from gateway.server.context import ServerContext
from gateway.server.memory_master import allow_replacement

log = logging.getLogger("gateway")


def take_over(server: Any, site: ServerContext) -> None:
    """Put our handlers in the place of those of `server`, gunicorn's Arbiter."""
    reap = server.handle_chld
    handle_usr1 = server.handle_usr1
    handle_term, handle_int, handle_quit = server.handle_term, server.handle_int, server.handle_quit
    site.page.draining.compare_and_set(server.pid, 0)  # of a master before us that had our pid
    server.handle_hup = lambda: _hup(server, site)
    server.handle_term = lambda: _end(server, site, handle_term)
    server.handle_int = lambda: _end(server, site, handle_int)
    server.handle_quit = lambda: _end(server, site, handle_quit)
    server.handle_winch = lambda: _winch(server)
    server.handle_chld = server.handle_cld = lambda: _child_ended(server, site, reap)
    server.handle_usr1 = lambda: _reopen(site, handle_usr1)
    allow_replacement(server, site.page)


def _hup(server: Any, site: ServerContext) -> None:
    """Have the leading worker read the configuration, and all of them swap.  After WINCH, bring the workers back."""
    _bring_back(server)
    log.info("SIGHUP: reading the configuration again")
    request_reload(site.page)


def _end(server: Any, site: ServerContext, handle: Any) -> None:
    """End as gunicorn does, and leave word of it.

    A worker that has just been forked loses the signal that gunicorn sends it once, and the last worker to accept
    closes the sockets for good.
    """
    site.page.draining.store(server.pid)
    handle()


def _winch(server: Any) -> None:
    """After USR2: end this master's workers in order and keep the master, so that the upgrade can be taken back.

    A terminal sends WINCH whenever its window is resized, so without a newer master it means nothing.
    """
    if server.reexec_pid:
        log.info("SIGWINCH: the workers of this master end, those of master %d serve", server.reexec_pid)
        server.num_workers = 0
        server.kill_workers(signal.SIGTERM)


def _reopen(site: ServerContext, handle: Any) -> None:
    """Reopen the logs of all processes."""
    handle()
    if site.observer is not None:
        site.observer.reopen()


def _child_ended(server: Any, site: ServerContext, reap: Any) -> None:
    """Reap; when the newer master has failed after WINCH, serve again."""
    upgraded = server.reexec_pid
    reap()
    if site.observer is not None:
        site.observer.child_ended()
    if upgraded and not server.reexec_pid:
        log.info("the newer master has ended")
        _bring_back(server)


def _bring_back(server: Any) -> None:
    if server.num_workers == 0:
        server.num_workers = server.cfg.workers
