"""A worker that has grown too large makes way for another: the master's part.

NOTE: the master looks at the page once a second, for a worker may have no right to send it a signal (`user`).
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

from gateway.state import SharedMemory

log = logging.getLogger("gateway")


def allow_replacement(server: Any, page: SharedMemory) -> None:
    """While a worker of `server`, gunicorn's Arbiter, makes way for another, have it keep one more than it should."""
    manage = server.manage_workers

    def manage_workers() -> None:
        if not server.num_workers or page.leader(page.replacing, monotonic()) not in server.WORKERS:
            manage()
            return
        server.num_workers += 1
        try:
            manage()
        finally:
            server.num_workers -= 1

    server.manage_workers = manage_workers
