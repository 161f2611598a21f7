"""The audit log, as /metrics tells of it: lines that are in it and lines that are lost (docs/audit.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.config.model import Document
from gateway.observability.audit.counters import LOST, AuditCounts
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.snapshot import Snapshot


class Audited:
    """Reads what the processes that write it have counted; without `audit` it tells nothing."""

    def __init__(self, world: CollectorContext) -> None:
        self._counts = AuditCounts.of(world.page)
        self._is_on = False

    def configure(self, document: Document) -> None:
        """Whether there is an audit log."""
        self._is_on = document.audit is not None

    def tick(self, now: float, figures: Snapshot) -> None:
        """Nothing happens by time."""

    def resources(self) -> Mapping[str, object]:
        """It serves nothing."""
        return {}

    def metrics(self) -> Iterable[Sample]:
        """Lines that were written, those that were lost, and failures to write."""
        if not self._is_on:
            return
        totals = self._counts.totals()
        yield "gateway_audit_lines_total", "counter", {}, float(totals["written"])
        for reason in LOST:
            yield "gateway_audit_lines_lost_total", "counter", {"reason": reason}, float(totals[reason])
        yield "gateway_audit_write_failures_total", "counter", {}, float(totals["failures"])

    def close(self) -> None:
        """Nothing is open."""


def components(world: CollectorContext, others: Sequence[Component]) -> list[Component]:
    """What the collector runs of it."""
    return [Audited(world)]
