"""The observer's process, as the master sees it: forked once the sockets are open, forked again when it dies.

It is no worker: gunicorn does not know it, it accepts from no listening socket, and it ends with the master, however
that ends.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gunicorn import util

from gateway.state import process

if TYPE_CHECKING:
    from gateway.server.context import ServerContext

log = logging.getLogger("gateway")

#: seconds until it begins: the workers' start goes before
FIRST: Final = 0.2
#: seconds until one that died is there again: doubled each time, and the first ones again after it lived for LONG
AGAIN: Final = 0.5
AGAIN_MOST: Final = 30.0
LONG: Final = 60.0
#: how long the master waits for its end
PATIENCE: Final = 1.5

#: as `ps -o comm` shows it
NAME: Final = b"gw-observer"

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
#: what concerns the master and its workers, or comes from the terminal that the master stands in
_IGNORED: Final = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTTIN", "SIGTTOU", "SIGUSR2", "SIGWINCH")


class CollectorProcess:
    """The one observer of a master."""

    def __init__(self, server: Any, site: ServerContext) -> None:
        """`server` is gunicorn's Arbiter."""
        self._server = server
        self._site = site
        self._identity = 0
        self._born = 0.0
        self._pause = FIRST
        self._is_ending = False

    @property
    def pid(self) -> int:
        """0 when there is none."""
        return process.pid_of(self._identity) if self._identity else 0

    def start(self) -> None:
        """Fork it."""
        self._born = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _live(self._server, self._site, self._pause)
        try:
            self._identity = process.identity(pid)
        except ProcessLookupError:
            self._identity = 0

    def child_ended(self) -> None:
        """Some child of the master has ended and was reaped: if it is this one, another takes its place."""
        if self._is_ending or not self._identity or process.is_alive(self._identity):
            return
        lived = time.monotonic() - self._born
        self._pause = AGAIN if lived > LONG else min(AGAIN_MOST, max(AGAIN, self._pause * 2))
        log.error("the observer (pid %d) ended, another one begins in %g s", self.pid, self._pause)
        self.start()

    def reopen(self) -> None:
        """After log rotation."""
        self._send(signal.SIGUSR1)

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._is_ending = True
        self._send(signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while self._identity and process.is_alive(self._identity):
            if time.monotonic() > until:
                self._send(signal.SIGKILL)
                break
            time.sleep(0.01)
        self._identity = 0

    def _send(self, number: int) -> None:
        if self._identity and process.is_alive(self._identity):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass


def _live(server: Any, site: ServerContext, pause: float) -> NoReturn:
    """The fork: never comes back, whatever happens."""
    status = 1
    try:
        master = server.pid
        _become_observer(server, site)
        if os.getppid() == master:  # else it died before the kernel was asked to tell
            time.sleep(pause)
            from gateway.observability.collector.loop import run

            run(site, master, server.log.reopen_files)
        status = 0
    except SystemExit:
        status = 0
    except BaseException:
        log.exception("the observer failed")
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                pass
        os._exit(status)


def _become_observer(server: Any, site: ServerContext) -> None:
    """Let go of what is the master's and of what only workers need."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_NAME, NAME, 0, 0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for listener in server.LISTENERS:
        listener.sock.close()
    for worker in server.WORKERS.values():
        worker.tmp.close()
    site.logs.close()
    cfg = server.cfg
    util.set_owner_process(cfg.uid, cfg.gid, initgroups=cfg.initgroups)
    util._setproctitle("observer [gateway]")
    # NOTE: after the change of user, which takes it back (prctl(2)).
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    gc.freeze()
    try:
        os.nice(5)  # requests go before what is told of them
    except OSError:
        pass
