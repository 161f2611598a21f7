"""The gunicorn master of `gateway serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

# Before anything imports sockets: the master preloads what its workers run.
from gateway.server.gevent_patch import patch_all

patch_all()

from gunicorn.app.base import BaseApplication  # noqa: E402
from gunicorn.arbiter import Arbiter  # noqa: E402
from gunicorn.errors import HaltServer  # noqa: E402

from gateway.config.fork_reader import ReadResult  # noqa: E402
from gateway.server import bind_check as listening  # noqa: E402
from gateway.server.context import ServerContext, boot_or_exit  # noqa: E402
from gateway.server.settings import gunicorn_settings  # noqa: E402


class Application(BaseApplication):  # type: ignore[misc]
    """gunicorn's application: settings from the configuration, the app from gateway.server.wsgi."""

    def __init__(self, site: ServerContext, overrides: dict[str, Any]) -> None:
        self._site = site
        self._overrides = overrides
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's seam: set every setting by its own name."""
        for name, value in gunicorn_settings(self._site.store.document, self._overrides).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """gunicorn's seam: the WSGI application."""
        from gateway.server.wsgi import application

        return application


def run(config: str, overrides: dict[str, Any], read: Callable[[], ReadResult]) -> int:
    """Serve until a signal ends the process; the exit status of what went wrong before, told in a line."""
    site = boot_or_exit(config, read)
    server = site.store.document.server
    trouble = listening.problem([*overrides.get("bind", server.bind), server.admin])
    if trouble:
        site.release()
        return _exit_with(trouble)
    os.environ.setdefault("SERVER_SOFTWARE", "gateway")
    try:
        # NOTE: gunicorn ends the process itself; HaltServer is its way to say that a worker cannot boot.
        Arbiter(Application(site, overrides)).run()
    except HaltServer as halt:
        site.release()
        return _exit_with(halt.reason)
    return 0


def _exit_with(words: str) -> int:
    print(f"gateway: {words}", file=sys.stderr)
    return 1
