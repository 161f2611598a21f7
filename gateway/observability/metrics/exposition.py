"""Prometheus' text format 0.0.4, and OpenMetrics 1.0 which differs from it in little.

PERF: rendered by hand: the official client builds an object for each sample, which for 10,000 of them takes longer than
all of a scrape does here (perf/micro/bench_exposition.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from gateway.observability.metrics.snapshot import Histogram

Kind = Literal["counter", "gauge", "histogram", "summary"]

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_LABEL: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


class Family(NamedTuple):
    """A metric. The names of counters end in `_total`."""

    name: str
    kind: Kind
    help: str


Edges = tuple[tuple[float, str], ...]


def edges(*seconds: float) -> Edges:
    """The upper edges of a histogram's buckets, and how each is written."""
    return tuple((each, repr(float(each))) for each in seconds)


def labels(**pairs: str) -> str:
    """Labels as they stand within braces."""
    return ",".join([f'{name}="{value.translate(_LABEL)}"' for name, value in pairs.items()])


def number(value: float) -> str:
    """A value as both formats take it."""
    if isinstance(value, int):
        return str(value)
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def sample(name: str, inner: str, value: float) -> str:
    """One line; `inner` are the labels as they stand within braces."""
    return f"{name}{{{inner}}} {number(value)}\n" if inner else f"{name} {number(value)}\n"


def samples(name: str, inner: str, label: str, counts: Mapping[str, int]) -> str:
    """A line for each of `counts`, which differ in one label more."""
    start = f"{name}{{{inner},{label}=" if inner else f"{name}{{{label}="
    return "".join([f'{start}"{key.translate(_LABEL)}"}} {count}\n' for key, count in counts.items()])


def histogram(name: str, inner: str, durations: Histogram, at: Edges) -> str:
    """The lines of a histogram."""
    start = f'{name}_bucket{{{inner},le="' if inner else f'{name}_bucket{{le="'
    below = durations.at_most
    lines = [f'{start}{text}"}} {below(edge)}\n' for edge, text in at]
    lines.append(f'{start}+Inf"}} {durations.count}\n')
    lines.append(summary(name, inner, durations))
    return "".join(lines)


def summary(name: str, inner: str, durations: Histogram) -> str:
    """Sum and count alone."""
    count = durations.count
    return f"{name}_sum{{{inner}}} {durations.sum!r}\n{name}_count{{{inner}}} {count}\n"


def page(families: Iterable[tuple[Family, str]], *, is_open: bool) -> bytes:
    """The whole answer, of each family and its lines; one without lines is left out."""
    pieces = []
    for family, lines in families:
        if lines:
            name = family.name.removesuffix("_total") if is_open and family.kind == "counter" else family.name
            pieces.append(f"# HELP {name} {family.help.translate(_HELP)}\n# TYPE {name} {family.kind}\n{lines}")
    if is_open:
        pieces.append("# EOF\n")
    return "".join(pieces).encode()
