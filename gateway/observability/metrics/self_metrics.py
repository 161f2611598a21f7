"""Metrics of the gateway itself: its workers' vitals, the age of its configuration, the ends of its certificates."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.model import Document
from gateway.config.publish import PlanDirectory
from gateway.observability.metrics.worker_stats import VitalsRegion, WorkerStats
from gateway.state import SharedMemory, SharedMemoryError, Worker

if TYPE_CHECKING:
    from gateway.server.options import Certificate

log = logging.getLogger("gateway")

CERTIFICATES_EVERY: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """One look. Times are seconds, memory is bytes.

    workers         what the living workers say of themselves, by slot
    vitals          slot -> how the worker does, of those that have told
    config_age      since the configuration that serves was published
    config_refused  mistakes in the files as they were read last; 0 when they serve
    certificates    name -> seconds until it expires, below 0 when it has; nan for one that cannot be read
    connections     that all workers together may have open
    replaced        workers that made way for another since the start, for their memory
    """

    workers: Mapping[int, Worker]
    vitals: Mapping[int, WorkerStats]
    generation: int
    version: str
    config_age: float
    config_refused: int
    certificates: Mapping[str, float]
    connections: int
    replaced: int = 0

    @property
    def loop_lag(self) -> float:
        """The worst of all workers in the last second."""
        return max((each.lag_max for each in self.vitals.values()), default=0.0)

    @property
    def memory(self) -> int:
        """Of the largest worker."""
        return max((each.memory for each in self.vitals.values()), default=0)

    @property
    def open_connections(self) -> int:
        """Of all workers."""
        return sum(each.connections for each in self.workers.values())

    @property
    def certificate_expiry(self) -> float:
        """Of the certificate that expires first; inf without any."""
        return min((left for left in self.certificates.values() if not isnan(left)), default=float("inf"))


class SelfMetrics:
    """Looks once a second, before any part."""

    def __init__(self, page: SharedMemory, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._page = page
        self._published = PlanDirectory(folder)
        self._clock = clock
        try:
            self._vitals: VitalsRegion | None = VitalsRegion.of(page)
        except SharedMemoryError:  # of a master before this version (USR2)
            self._vitals = None
        self._document: Document | None = None
        self._since = clock()
        self._generation = 0
        self._looked = float("-inf")
        self._ends: dict[str, float] = {}
        self.figures = OwnFigures({}, {}, 0, "", 0.0, 0, {}, 0)

    def configure(self, document: Document, generation: int) -> None:
        """The configuration that serves now."""
        since = self._published.since(generation)
        self._since = self._clock() if since is None else since  # NOTE: without its file, it was published just now
        self._document, self._generation = document, generation
        self._looked = float("-inf")

    def tick(self, now: float) -> None:
        """Look again; `now` is wall-clock seconds."""
        document = self._document
        if document is None:
            return
        if not 0 <= now - self._looked < CERTIFICATES_EVERY:
            self._looked = now
            self._ends = certificate_ends(document)
        owners = self._page.owners()
        by_pid = {worker.pid: worker for worker in self._page.workers()}
        workers = {slot: by_pid[pid] for slot, pid in owners.items() if pid in by_pid}
        outcome = self._published.outcome()
        self.figures = OwnFigures(
            workers=workers,
            vitals=self._vitals.read(owners) if self._vitals else {},
            generation=self._generation,
            version=document.version,
            config_age=max(0.0, now - self._since),
            config_refused=len(outcome.complaints) if outcome else 0,
            certificates={name: end - now for name, end in self._ends.items()},
            connections=document.server.connections * max(1, len(workers)),
            replaced=self._page.replaced.load(),
        )


def certificate_ends(document: Document) -> dict[str, float]:
    """When the server's certificates expire (Unix time), by their hosts or "default"; nan for what cannot be read."""
    tls = document.server.tls
    if tls is None:
        return {}
    return {", ".join(each.hosts) or "default": _end(each) for each in (tls.default, *tls.sni)}


def _end(certificate: Certificate) -> float:
    from cryptography import x509  # PERF: takes 9 MB, for configurations that have any

    try:
        first = x509.load_pem_x509_certificates(Path(certificate.cert).read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        log.warning("certificate %s cannot be read for its end: %s", certificate.cert, error)
        return float("nan")
    return first.not_valid_after_utc.timestamp()
