"""`gateway serve`: gunicorn, run from the configuration. conf/gunicorn.conf.py is the same thing by hand."""

from __future__ import annotations

from typing import Any

from gateway.server.gc_tuning import tune_gc


def main(config: str, overrides: dict[str, Any] | None = None) -> int:
    """Serve until told to end; the exit status."""
    tune_gc()
    from gateway.config.fork_reader import start_reading

    read = start_reading(config)  # before gevent and all the rest is imported, which goes on meanwhile
    from gateway.server.master import run

    return run(config, overrides or {}, read)
