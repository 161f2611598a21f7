"""Components of the collector, in the order of their ticks: what features registered (features.py)."""

from __future__ import annotations

from gateway.features import hooks
from gateway.observability.collector.component import CollectorContext, Component


def make(world: CollectorContext) -> list[Component]:
    """Every component, made once for the life of the process; one that the configuration turns off does nothing.

    NOTE: imported here, so that the master and the workers never hold them.
    """
    found: list[Component] = []
    for _, components in hooks("collector"):
        found += components(world, found)
    return found
