"""HTTP server of the collector, on a socket in the runtime directory that only this gateway's user can reach.

SECURITY: who may ask was decided by the admin listener (gateway/admin/access.py), which passes requests on to here.
(tests/e2e/test_observer.py)
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import falcon
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from gateway.admin.access import Methods
from gateway.admin.problems import add_handlers
from gateway.observability.collector.component import Component

log = logging.getLogger("gateway")

SOCKET: Final = "observer.sock"
CONNECTIONS: Final = 128


def make_app(parts: Iterable[Component]) -> falcon.App[Any, Any]:
    """All resources of all parts."""
    app = falcon.App(middleware=[Methods()])
    app.resp_options.default_media_type = None  # type: ignore[assignment]  # else what has no body gets a type
    add_handlers(app)
    for part in parts:
        for path, resource in part.resources().items():
            app.add_route(path, resource)
    return app


class PeerCheck:
    """The socket. Of two observers (USR2) the one whose socket has the name observes; the other one waits for it."""

    def __init__(self, folder: Path, app: falcon.App[Any, Any]) -> None:
        self._path = folder / SOCKET
        self._app = app
        self._server: WSGIServer | None = None
        self._mine: tuple[int, int] | None = None

    def take(self) -> None:
        """Have the name, whoever had it before."""
        made = self._path.with_name(f"observer-{os.getpid()}.sock")
        made.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(made))
        made.chmod(0o600)
        listener.listen(CONNECTIONS)
        listener.setblocking(False)
        self._mine = _which(made)
        made.rename(self._path)
        self.close_server()
        self._server = WSGIServer(listener, self._app, log=None, error_log=log, spawn=Pool(CONNECTIONS))
        self._server.start()

    def is_mine(self) -> bool:
        """Whether this process observes; takes over from one that is gone."""
        now = _which(self._path)
        if self._mine is not None and now == self._mine:
            return True
        if now is None or not self._is_answered():
            self.take()
            return True
        return False

    def close(self) -> None:
        """Serve no more, and leave the name to another."""
        if self._mine is not None and _which(self._path) == self._mine:
            self._path.unlink(missing_ok=True)
        self.close_server()

    def close_server(self) -> None:
        """Cut off whoever still asks."""
        if self._server is not None:
            self._server.stop(timeout=0.1)
            self._server = None

    def _is_answered(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0.2)
            try:
                probe.connect(str(self._path))
            except OSError:
                return False
        return True


def _which(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
