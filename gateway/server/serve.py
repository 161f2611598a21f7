"""`gateway serve`: gunicorn, run from the configuration. conf/gunicorn.conf.py is the same thing by hand."""

from __future__ import annotations

import os
import sys
from typing import Any

# Before anything imports sockets: the master preloads what its workers run.
from gevent import monkey

monkey.patch_all()

from gunicorn.app.base import BaseApplication  # noqa: E402
from gunicorn.errors import HaltServer  # noqa: E402

from gateway import listening  # noqa: E402
from gateway.config.document import ConfigError  # noqa: E402
from gateway.server.settings import gunicorn_settings  # noqa: E402
from gateway.server.site import Site, boot  # noqa: E402


class Application(BaseApplication):  # type: ignore[misc]
    """gunicorn's application: settings from the configuration, the app from gateway.server.wsgi."""

    def __init__(self, site: Site, overrides: dict[str, Any]) -> None:
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


def main(config: str, overrides: dict[str, Any] | None = None) -> int:
    """Serve until told to end. What is wrong before the first worker starts is told in a line each, status 1."""
    overrides = overrides or {}
    try:
        site = boot(config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"gateway: {error.filename or config}: {error.strerror or error}", file=sys.stderr)
        return 1
    server = site.store.document.server
    trouble = listening.problem([*overrides.get("bind", server.bind), server.admin])
    if trouble:
        print(f"gateway: {trouble}", file=sys.stderr)
        site.release()
        return 1
    try:
        # NOTE: gunicorn runs until a signal and ends the process itself; HaltServer is its way to say that a worker cannot boot.
        _run(Application(site, overrides))
    except HaltServer as halt:
        print(f"gateway: {halt.reason}", file=sys.stderr)
        return 1
    return 0


def _run(application: Application) -> None:
    from gunicorn.arbiter import Arbiter

    os.environ.setdefault("SERVER_SOFTWARE", "gateway")
    Arbiter(application).run()
