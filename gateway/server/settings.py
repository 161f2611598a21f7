"""The configuration in gunicorn's own names: what `gateway serve` and conf/gunicorn.conf.py both hand to gunicorn."""

from __future__ import annotations

import logging
import resource
from math import ceil
from typing import Any

from gateway import __version__
from gateway.config.model import Document
from gateway.server import signals
from gateway.server.context import server_context
from gateway.server.machine import usable_cores
from gateway.server.options import Server

log = logging.getLogger("gateway")

#: descriptors of a worker besides its connections: logs, store, page, watchers
SPARE = 256


def whole_seconds(seconds: float) -> int:
    """As gunicorn counts."""
    return max(1, int(seconds))


def gunicorn_settings(document: Document, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """gunicorn's settings for a configuration; every one of them may be overridden by gunicorn's own name."""
    server = document.server
    settings: dict[str, Any] = {
        "bind": list(server.bind),
        "workers": server.workers or min(usable_cores(), 256),  # slots of the page
        "worker_class": "gateway.server.worker.GatewayWorker",
        "worker_connections": server.connections,
        "keepalive": whole_seconds(server.keepalive),
        "graceful_timeout": whole_seconds(server.graceful_timeout) + ceil(server.drain_delay),
        "timeout": 30,
        "backlog": 2048,
        "preload_app": True,
        "control_socket_disable": True,
        "proc_name": "gateway",
        "on_starting": on_starting,
        "when_ready": when_ready,
        "pre_exec": pre_exec,
        "child_exit": child_exit,
        "on_exit": on_exit,
    }
    return settings | (overrides or {})


def raise_descriptor_limit(server: Server, document: Document) -> None:
    """Raise RLIMIT_NOFILE to what a worker can need, or say which limit is short."""
    pooled = sum(upstream.pool.max_connections * len(upstream.targets) for upstream in document.upstreams)
    # A stream of HTTP/2 has a pair of sockets inside (gateway/server/http2).
    pairs = 2 * server.connections if server.tls is not None and server.tls.http2 else 0
    need = server.connections + pairs + min(pooled, server.connections * 2) + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= need:
        return
    wanted = need if hard == resource.RLIM_INFINITY else min(need, hard)
    try:
        if wanted < need:
            resource.setrlimit(resource.RLIMIT_NOFILE, (need, need))
            return
    except (OSError, ValueError):
        pass  # only root may raise the hard limit: what is there has to do
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < need:
        log.warning(
            "a worker may need %d file descriptors and gets %d: raise the limit (ulimit -n, LimitNOFILE=) "
            "or lower server.connections",
            need,
            wanted,
        )


def leave_no_core() -> None:
    """No process of the gateway leaves its memory in a file when it crashes; who has to see one raises the soft limit.

    SECURITY: all that was ever a secret of the configuration is in that memory (test_no_process_leaves_a_core). The
    limit is 1 rather than 0, which a program that cores are piped to would not be held to (core(5)).
    """
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))


# Hooks, by gunicorn's names. What lives longer than a worker is handled by the master here.


def on_starting(server: Any) -> None:
    """Before the sockets are opened: the admin address joins them, and the master's signals get our meaning."""
    site = server_context()
    _log_like(server.log.error_log)
    document = site.store.document
    leave_no_core()
    raise_descriptor_limit(document.server, document)
    site.workers = server.cfg.workers
    site.caching.memory.resize(site.shares().cache)
    site.give_to(server.cfg.uid, server.cfg.gid)
    # NOTE: here and not among the settings, where gunicorn's own --bind would replace it.
    server.cfg.set("bind", [*server.cfg.settings["bind"].get(), document.server.admin])
    signals.take_over(server, site)
    site.audit.begin(version=document.version, gateway=__version__, file=document.file)
    site.audit.give_to(server.cfg.uid, server.cfg.gid)


def _log_like(theirs: logging.Logger) -> None:
    """One log for both: what the gateway says goes where gunicorn's errorlog, loglevel and logconfig send it."""
    log.handlers = theirs.handlers
    log.setLevel(theirs.level)
    log.propagate = theirs.propagate


def when_ready(server: Any) -> None:
    """Say where it listens; the sockets are open now."""
    site = server_context()
    site.has_borrowed_sockets = server.systemd
    admin = site.store.document.server.admin
    proxies = [address for address in server.cfg.settings["bind"].get() if address != admin]
    log.info("gateway listens on %s, admin on %s, plan %s", ", ".join(proxies), admin, site.store.document.version)
    workers, found = site.workers, site.shares()
    log.info("%s", found.words(workers))
    if not found.worker and site.store.document.server.worker_memory is None:
        words = "%d MB are little for %d workers: give more, or run fewer, else the kernel may end one (OOM)"
        log.warning(words, found.limit >> 20, workers)
    if site.store.document.is_observed:
        from gateway.observability.collector.process import CollectorProcess

        site.observer = CollectorProcess(server, site)
        site.observer.start()


def pre_exec(server: Any) -> None:
    """USR2: the new master gets the page and the runtime directory (os.environ is not passed on, env_orig is)."""
    server.cfg.env_orig.update(server_context().handover_env())


def child_exit(server: Any, worker: Any) -> None:
    """A worker ended, however it ended."""
    server_context().bury(worker.pid)


def on_exit(server: Any) -> None:
    """The master ends: the private directory goes unless another master (USR2) uses it."""
    site = server_context()
    if site.observer is not None:
        site.observer.stop()
    site.audit.say_now("gateway.stop", "done")
    site.release()
