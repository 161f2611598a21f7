"""The metrics of the gateway itself: its workers, its configuration, its limits, and how targets are."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from time import monotonic_ns
from typing import Any, Final

from gateway import __version__
from gateway._fast.token_bucket import Buckets
from gateway.observability.collector.component import Sample
from gateway.observability.metrics.exposition import Family, Kind, labels, sample
from gateway.observability.metrics.self_metrics import OwnFigures
from gateway.observability.metrics.worker_stats import LAGS, WorkerStats

#: states of a target in which it takes requests
_UP: Final = frozenset({"serving", "starting slowly"})

#: metrics of workers: name, kind, help, and the attribute of what is known of a worker
_Known = tuple[tuple[str, Kind, str, str], ...]
_OF_WORKERS: Final[_Known] = (
    ("gateway_worker_connections", "gauge", "Open connections of clients.", "connections"),
    ("gateway_worker_requests_total", "counter", "Requests that came.", "requests"),
    ("gateway_worker_start_time_seconds", "gauge", "When it started, Unix time.", "started"),
    ("gateway_worker_config_generation", "gauge", "The configuration that it runs.", "generation"),
)
_OF_VITALS: Final[_Known] = (
    ("gateway_worker_loop_lag_max_seconds", "gauge", "The worst lag of the event loop in the last second.", "lag_max"),
    ("gateway_worker_gc_pause_max_seconds", "gauge", "The longest pause for the garbage collector.", "gc_max"),
    ("gateway_worker_memory_bytes", "gauge", "Resident memory.", "memory"),
    ("gateway_worker_private_memory_bytes", "gauge", "The part of it that is neither of files nor shared.", "private"),
    ("gateway_worker_open_fds", "gauge", "Open file descriptors.", "descriptors"),
    ("gateway_worker_max_fds", "gauge", "File descriptors that may be open.", "descriptors_limit"),
    ("gateway_worker_cpu_seconds_total", "counter", "Processor time, user and system.", "cpu"),
    (
        "gateway_worker_gc_pause_seconds_total",
        "counter",
        "Time that the worker stood still for the garbage collector.",
        "gc_seconds",
    ),
)


def own_families(own: OwnFigures) -> Iterator[tuple[Family, str]]:
    """The gateway's configuration, certificates and build."""
    build = labels(version=__version__, python=platform.python_version())
    yield Family("gateway_build_info", "gauge", "What runs."), sample("gateway_build_info", build, 1)
    plan = labels(version=own.version)
    yield Family("gateway_config_info", "gauge", "What is configured."), sample("gateway_config_info", plan, 1)
    for name, words, value in (
        ("gateway_config_age_seconds", "Since the configuration that serves was published.", own.config_age),
        ("gateway_config_generation", "Configurations published since the start.", own.generation),
        (
            "gateway_config_mistakes",
            "Mistakes in the files as they were read last; 0 when they serve.",
            own.config_refused,
        ),
        ("gateway_workers", "Workers that live.", len(own.workers)),
        ("gateway_connections_max", "Connections that all workers together may have open.", own.connections),
    ):
        yield Family(name, "gauge", words), sample(name, "", value)
    name, words = "gateway_workers_replaced_total", "Workers that made way for another, for their memory."
    yield Family(name, "counter", words), sample(name, "", own.replaced)
    name = "gateway_certificate_expiry_seconds"
    lines = "".join(sample(name, labels(certificate=each), left) for each, left in own.certificates.items())
    yield Family(name, "gauge", "Until a server certificate expires; NaN for one that cannot be read."), lines


def worker_families(own: OwnFigures) -> Iterator[tuple[Family, str]]:
    """Workers by their slot, which outlives a worker: its counters begin again with the next one."""
    inner = {slot: labels(worker=str(slot)) for slot in {*own.workers, *own.vitals}}
    for known, told in ((own.workers, _OF_WORKERS), (own.vitals, _OF_VITALS)):
        for name, kind, words, attribute in told:
            rows = (sample(name, inner[slot], getattr(each, attribute)) for slot, each in known.items())
            yield Family(name, kind, words), "".join(rows)
    name = "gateway_worker_gc_collections_total"
    lines = "".join(
        sample(name, f'{inner[slot]},generation="{generation}"', count)
        for slot, each in own.vitals.items()
        for generation, count in enumerate(each.gc)
    )
    yield Family(name, "counter", "Collections of garbage."), lines
    name = "gateway_worker_loop_lag_seconds"
    lines = "".join(_lag(name, inner[slot], each) for slot, each in own.vitals.items())
    yield Family(name, "histogram", "How late the event loop comes back to what is due."), lines


def _lag(name: str, inner: str, vitals: WorkerStats) -> str:
    lines, total = [], 0
    for edge, count in zip(LAGS, vitals.lags, strict=False):
        total += count
        lines.append(f'{name}_bucket{{{inner},le="{edge!r}"}} {total}\n')
    total += vitals.lags[-1]
    lines.append(f'{name}_bucket{{{inner},le="+Inf"}} {total}\n')
    lines.append(f"{name}_sum{{{inner}}} {vitals.lag_sum!r}\n{name}_count{{{inner}}} {total}\n")
    return "".join(lines)


def limit_families(buckets: Buckets) -> Iterator[tuple[Family, str]]:
    """The table of the buckets of rate limits."""
    rows: tuple[tuple[str, Kind, str, int], ...] = (
        ("gateway_limit_buckets", "gauge", "Buckets of rate limits that owe something.", buckets.owing(monotonic_ns())),
        ("gateway_limit_buckets_max", "gauge", "Buckets that there is room for.", buckets.capacity),
        ("gateway_limit_buckets_overflowed_total", "counter", "Keys that found no bucket.", buckets.overflowed),
    )
    for name, kind, words, value in rows:
        yield Family(name, kind, words), sample(name, "", value)


def state_families(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[Family, str]]:
    """How upstreams and targets are, of what the admin API tells of them."""
    up, circuits, panics = [], [], []
    for row in rows:
        inner = labels(upstream=row["name"])
        panics.append(sample("gateway_upstream_panic", inner, int(row["in_panic"])))
        if row["circuit"] is not None:
            circuits.append(sample("gateway_upstream_circuit_open", inner, int(row["circuit"]["state"] != "closed")))
        for target in row["targets"]:
            pair = labels(upstream=row["name"], target=target["address"])
            up.append(sample("gateway_target_up", pair, int(target["state"] in _UP)))
    yield Family("gateway_target_up", "gauge", "Whether a target takes requests."), "".join(up)
    words = "Whether an upstream's circuit is open or half-open."
    yield Family("gateway_upstream_circuit_open", "gauge", words), "".join(circuits)
    words = "Whether targets are used against which something speaks, for too few are well."
    yield Family("gateway_upstream_panic", "gauge", words), "".join(panics)


def part_families(samples: Iterable[Sample]) -> Iterator[tuple[Family, str]]:
    """What the parts of the observer count of themselves."""
    found: dict[str, tuple[Kind, list[str]]] = {}
    for name, kind, pairs, value in samples:
        inner = labels(**pairs)
        found.setdefault(name, (kind, []))[1].append(sample(name, inner, value))
    for name, (kind, lines) in found.items():
        words = f"{name.removeprefix('gateway_').replace('_', ' ')} (docs/observe.md)."
        yield Family(name, kind, words), "".join(lines)
