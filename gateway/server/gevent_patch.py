"""gevent's patches of the standard library, at a price that does not grow with what else is installed."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from gevent import monkey


def patch_all() -> None:
    """Patch all that gevent patches, before anything imports sockets.

    PERF: gevent asks at each of 25 steps which packages listen to it, and each time reads what all of them declare:
    with 60 packages that is half of its time. Here they are read once (`perf run cold-start`).
    """
    found, ask = metadata.entry_points(), metadata.entry_points

    def known(**which: Any) -> Any:
        return found.select(**which)

    metadata.entry_points = known
    try:
        monkey.patch_all()
    finally:
        metadata.entry_points = ask
