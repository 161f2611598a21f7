"""Exporters of the collector: statsd and Prometheus, which tell what all components count."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.observability.collector.component import CollectorContext, Component
from gateway.observability.metrics.prometheus import Prometheus
from gateway.observability.metrics.statsd import Statsd
from gateway.ratelimit.bucket_table import buckets_of


def components(world: CollectorContext, others: Sequence[Component]) -> list[Component]:
    """What the collector runs of it; `others` grows by what comes after, and is told of whole."""
    return [Statsd(world, others), Prometheus(world, others, buckets_of(world.page))]
