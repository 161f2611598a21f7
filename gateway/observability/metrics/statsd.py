"""Figures for a statsd daemon: every `observability.statsd.every`, what happened since the last time."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import gevent
from gevent import socket

from gateway.config.model import Document
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.arithmetic import all_routes, difference
from gateway.observability.metrics.options import Statsd as Spec
from gateway.observability.metrics.snapshot import Histogram, RouteStats, Snapshot, UpstreamStats
from gateway.observability.metrics.statsd_client import Client

log = logging.getLogger("gateway")

#: seconds between two look-ups of the daemon's name
RESOLVE_EVERY: Final = 30.0
AGAIN_AFTER: Final = 5.0
QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
#: values of one timer in one flush
TIMED: Final = 10


class Statsd:
    """The part that sends them; without `observability.statsd` it does nothing."""

    def __init__(self, world: CollectorContext, parts: Sequence[Component]) -> None:
        self._world = world
        self._parts = parts
        self._spec: Spec | None = None
        self._client: Client | None = None
        self._before: Snapshot | None = None
        self._due = 0.0
        self._resolver: gevent.Greenlet[..., None] | None = None
        self._sent = self._dropped = 0

    def configure(self, document: Document) -> None:
        """Begin, end, or go on to another daemon."""
        if document.statsd == self._spec:
            return
        self._end()
        self._spec = spec = document.statsd
        if spec is None:
            return
        self._client = Client(spec.prefix, tags=spec.tags)
        self._before, self._due = None, 0.0
        # NOTE: in a greenlet, for a name server may take its time; until it answers what would be sent is dropped.
        self._resolver = gevent.spawn(_resolve_forever, spec, self._client)

    def tick(self, now: float, figures: Snapshot) -> None:
        """Send, if it is time to."""
        client, spec = self._client, self._spec
        if client is None or spec is None or (now < self._due and self._due - now <= spec.every):
            return
        self._due = now + spec.every - 0.1
        before, self._before = self._before, figures
        if before is not None:
            self._tell(client, figures, difference(figures, before))
            client.flush()

    def resources(self) -> Mapping[str, object]:
        """It serves nothing."""
        return {}

    def metrics(self) -> Iterable[Sample]:
        """Packets that went, and those that did not."""
        client = self._client
        yield "gateway_statsd_packets_total", "counter", {}, float(self._sent + (client.sent if client else 0))
        yield "gateway_statsd_dropped_total", "counter", {}, float(self._dropped + (client.dropped if client else 0))

    def close(self) -> None:
        """Let go of the daemon."""
        self._end()

    def _end(self) -> None:
        if self._resolver is not None:
            self._resolver.kill(block=False)
            self._resolver = None
        if self._client is not None:
            self._sent += self._client.sent
            self._dropped += self._client.dropped
            self._client.close()
            self._client = None

    def _tell(self, client: Client, figures: Snapshot, came: Snapshot) -> None:
        _route(client, "requests", {}, all_routes(came.routes.values()))
        client.gauge(client.name("requests", "active"), sum(each.in_flight for each in figures.routes.values()))
        for name, route in came.routes.items():
            _route(client, "route", {"route": name or "unmatched"}, route)
        for name, route in figures.routes.items():
            if name in came.routes or route.in_flight:
                client.gauge(client.name("route", "active", route=name or "unmatched"), route.in_flight)
        for name, calls in came.upstreams.items():
            _calls(client, "upstream", {"upstream": name}, calls)
        for (name, address), calls in came.targets.items():
            _calls(client, "target", {"upstream": name, "target": address}, calls)
        self._tell_of_gateway(client)
        for part in self._parts:
            for name, kind, labels, value in part.metrics():
                if kind == "gauge" and math.isfinite(value):
                    client.gauge(client.name("observer", name.removeprefix("gateway_"), **labels), _short(value))
        _tell_timers(client, came)  # the last, for where a flush is too long its end is dropped

    def _tell_of_gateway(self, client: Client) -> None:
        own = self._world.own.figures
        client.gauge(client.name("workers", "count"), len(own.workers))
        client.gauge(client.name("config", "age"), round(own.config_age))
        client.gauge(client.name("config", "mistakes"), own.config_refused)
        for slot, worker in own.workers.items():
            client.gauge(client.name("worker", "connections", worker=str(slot)), worker.connections)
        for slot, vitals in own.vitals.items():
            at = str(slot)
            client.gauge(client.name("worker", "memory", worker=at), vitals.memory)
            client.gauge(client.name("worker", "open_fds", worker=at), vitals.descriptors)
            client.gauge(client.name("worker", "loop_lag_ms", worker=at), _short(vitals.lag_max * 1000))
        for name, left in own.certificates.items():
            if math.isfinite(left):
                client.gauge(client.name("certificate", "expiry", certificate=name), round(left))


def _route(client: Client, group: str, labels: Mapping[str, str], route: RouteStats) -> None:
    for (method, status), count in route.requests.items():
        client.incr(client.name(group, "requests", **labels, method=method, status_class=status), count)
    for slug, count in route.errors.items():
        client.incr(client.name(group, "errors", **labels, type=slug), count)
    for outcome, count in route.outcomes.items():
        client.incr(client.name(group, "outcomes", **labels, outcome=outcome), count)
    if route.sent:
        client.incr(client.name(group, "sent_bytes", **labels), route.sent)
    _durations(client, group, "duration", labels, route.duration)
    _durations(client, group, "upstream_time", labels, route.upstream_time)
    _durations(client, group, "gateway_time", labels, route.gateway_time)


def _calls(client: Client, group: str, labels: Mapping[str, str], calls: UpstreamStats) -> None:
    for status, count in calls.answers.items():
        client.incr(client.name(group, "answers", **labels, status_class=status), count)
    for slug, count in calls.failures.items():
        client.incr(client.name(group, "failures", **labels, type=slug), count)
    for what, count in (("retries", calls.retries), ("hedges", calls.hedges)):
        if count:
            client.incr(client.name(group, what, **labels), count)
    client.gauge(client.name(group, "active", **labels), calls.in_flight)
    _durations(client, group, "duration", labels, calls.duration)


def _durations(client: Client, group: str, what: str, labels: Mapping[str, str], durations: Histogram) -> None:
    """Quantiles of the interval as gauges, milliseconds."""
    if durations.count:
        for name, share in QUANTILES:
            client.gauge(client.name(group, f"{what}.{name}", **labels), _short(durations.quantile(share) * 1000))


def _tell_timers(client: Client, came: Snapshot) -> None:
    _timer(client, "requests", {}, all_routes(came.routes.values()).duration)
    for name, route in came.routes.items():
        _timer(client, "route", {"route": name or "unmatched"}, route.duration)
    for name, calls in came.upstreams.items():
        _timer(client, "upstream", {"upstream": name}, calls.duration)


def _timer(client: Client, group: str, labels: Mapping[str, str], durations: Histogram) -> None:
    """The interval as a few values, evenly spread over its ranks, each of which stands for as many requests.

    NOTE: a line for each request would be traffic of its own; gauges alone could not be put together over hosts.
    """
    count = durations.count
    values = min(count, TIMED)
    for number in range(values):
        name = client.name(group, "duration", **labels)
        client.duration(name, durations.quantile((number + 0.5) / values), values / count)


def _short(value: float) -> float:
    return round(value, 3)


def _resolve_forever(spec: Spec, client: Client) -> None:
    """Keep a client at the address of its daemon; where it has several, at one that does not refuse."""
    known: object = None
    is_told = False
    while True:
        is_new = False
        try:
            answers = socket.getaddrinfo(spec.host, spec.port, type=socket.SOCK_DGRAM)
            found = [(family, address) for family, _, _, _, address in answers]
            at = found.index(known) if known in found else len(found) - 1
            if known not in found or (client.is_refused and len(found) > 1):
                client.connect(*found[(at + 1) % len(found)])
                known, is_new = found[(at + 1) % len(found)], True
            is_told = False
        except OSError as error:  # the address that is known stays
            if not is_told:
                log.warning("statsd at %s is not found: %s", spec.host, error)
            is_told = True
        gevent.sleep(AGAIN_AFTER if is_told or is_new or client.is_refused else RESOLVE_EVERY)
