"""A component of the collector, and the context it gets. components.py lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.config.model import Document
from gateway.observability.collector.history import History
from gateway.observability.metrics.exposition import Kind
from gateway.observability.metrics.self_metrics import SelfMetrics
from gateway.observability.metrics.snapshot import Snapshot
from gateway.state import SharedMemory
from gateway.state.memory_store import CAPACITY
from gateway.upstream.status import UpstreamStatus

#: (name, "counter" or "gauge", labels, value)
Sample = tuple[str, Kind, Mapping[str, str], float]


class Component(Protocol):
    """One thing that the observer does with what the workers counted.

    All methods but `resources` are called by the one loop and none may wait: slow work goes into greenlets with bounded
    queues. What one raises is logged, and the others go on.
    """

    def configure(self, document: Document) -> None:
        """Take a configuration: once before the first tick, and whenever another one is published."""

    def tick(self, now: float, figures: Snapshot) -> None:
        """Once a second: `now` is wall-clock seconds. The history knows these figures already."""

    def resources(self) -> Mapping[str, object]:
        """The Falcon resources that it serves, by path; asked once, before the first `configure`."""

    def metrics(self) -> Iterable[Sample]:
        """What it counts of itself, for /metrics and statsd."""

    def close(self) -> None:
        """The observer ends; what it still has to send may take half a second."""


@dataclass(frozen=True, slots=True)
class CollectorContext:
    """What parts stand on. Nothing of it changes but by itself: each second, before any part's tick."""

    page: SharedMemory
    #: the runtime directory, private to this gateway
    folder: Path
    #: how upstreams and their targets are, as the admin API tells it
    looks: UpstreamStatus
    #: what happened in the last seconds, hours and days
    history: History
    #: how the gateway itself does: workers' vitals, age of the configuration, certificates
    own: SelfMetrics
    #: bytes of a store that lies in memory
    room: int = CAPACITY
