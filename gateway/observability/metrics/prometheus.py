"""`GET /metrics`: everything that is counted, for Prometheus (docs/observe.md)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Generic, TypeVar

import falcon

from gateway._fast.token_bucket import Buckets
from gateway.config.model import Document
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.exposition import OPEN_METRICS, TEXT, Family, page, sample
from gateway.observability.metrics.families import ROUTES, TARGETS, UPSTREAMS, route_lines, target_lines, upstream_lines
from gateway.observability.metrics.self_families import (
    limit_families,
    own_families,
    part_families,
    state_families,
    worker_families,
)
from gateway.observability.metrics.snapshot import RouteStats, Snapshot, UpstreamStats

log = logging.getLogger("gateway")

K = TypeVar("K")
V = TypeVar("V", RouteStats, UpstreamStats)


class Lines(Generic[K, V]):
    """The lines of all routes (or the like), kept until the figures of one change: what stands still costs little."""

    def __init__(self, families: Sequence[Family], render: Callable[[K, V], tuple[str, ...]]) -> None:
        self._families = families
        self._render: Callable[[K, V], tuple[str, ...]] = render
        self._kept: dict[K, tuple[V, tuple[str, ...]]] = {}

    def of(self, figures: Mapping[K, V]) -> Iterator[tuple[Family, str]]:
        """Each family with its lines."""
        kept, before = {}, self._kept
        for key, value in figures.items():
            known = before.get(key)
            if known is None or (known[0] is not value and known[0] != value):
                known = value, self._render(key, value)
            kept[key] = known
        self._kept = kept
        columns = zip(*(lines for _, lines in kept.values()), strict=True)
        for family, column in zip(self._families, columns, strict=False):
            yield family, "".join(column)


class Prometheus:
    """The part that answers scrapes."""

    def __init__(self, world: CollectorContext, parts: Sequence[Component], buckets: Buckets) -> None:
        self._world = world
        self._parts = parts
        self._buckets = buckets
        self._routes = Lines(ROUTES, route_lines)
        self._upstreams = Lines(UPSTREAMS, upstream_lines)
        self._targets = Lines(TARGETS, target_lines)
        self._pages: dict[bool, bytes] = {}
        self._scrapes = 0
        self._seconds = 0.0

    def configure(self, document: Document) -> None:
        """Nothing of it depends on the configuration."""

    def tick(self, now: float, figures: Snapshot) -> None:
        """What was told a second ago is old."""
        self._pages.clear()

    def resources(self) -> Mapping[str, object]:
        """What it serves."""
        return {"/metrics": _Metrics(self)}

    def metrics(self) -> Iterable[Sample]:
        """How often it was scraped, and what that took."""
        yield "gateway_observer_scrapes_total", "counter", {}, float(self._scrapes)
        yield "gateway_observer_scrape_seconds_total", "counter", {}, self._seconds

    def close(self) -> None:
        """Nothing is open."""

    def page(self, *, is_open: bool) -> bytes:
        """The answer to a scrape; made at most once a second. `is_open`: as OpenMetrics has it."""
        self._scrapes += 1
        made = self._pages.get(is_open)
        if made is None:
            began = perf_counter()
            made = self._pages[is_open] = page(self._families(), is_open=is_open)
            self._seconds += perf_counter() - began
        return made

    def _families(self) -> Iterator[tuple[Family, str]]:
        world = self._world
        figures, own = world.history.current, world.own.figures
        yield from self._routes.of(figures.routes)
        yield from self._upstreams.of(figures.upstreams)
        yield from self._targets.of(figures.targets)
        yield from state_families(world.looks.rows(figures.targets))
        yield from limit_families(self._buckets)
        yield from worker_families(own)
        yield from own_families(own)
        overflow = Family("gateway_meter_overflow_total", "counter", "Counts that found no series of their own.")
        yield overflow, sample(overflow.name, "", figures.overflow)
        yield from part_families(self._of_parts())

    def _of_parts(self) -> Iterator[Sample]:
        for part in self._parts:
            try:
                yield from list(part.metrics())
            except Exception:
                log.exception("a part of the observer does not tell what it counts: %s", type(part).__name__)


class _Metrics:
    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer a scrape, in the format that is asked for."""
        is_open = "application/openmetrics-text" in req.accept
        resp.content_type = OPEN_METRICS if is_open else TEXT
        resp.data = self._prometheus.page(is_open=is_open)

    on_head = on_get
