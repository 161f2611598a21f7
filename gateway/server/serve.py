"""`gateway serve`: gunicorn, run from the configuration. conf/gunicorn.conf.py is the same thing by hand."""

from __future__ import annotations

from typing import Any

from gateway.server.gc_tuning import collect_rarely


def main(config: str, overrides: dict[str, Any] | None = None) -> int:
    """Serve until told to end; the exit status."""
    collect_rarely()
    from gateway.config.fork_reader import read_ahead

    read = read_ahead(config)  # before gevent and all the rest is imported, which goes on meanwhile
    from gateway.server.master import run

    return run(config, overrides or {}, read)
