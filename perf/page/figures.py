"""From a result to what is drawn of it: lines over percentiles and over what grows, rows of costs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from perf.page import dots, lines
from perf.page.dots import Dot
from perf.page.lines import Axis, Line, Point
from perf.page.scale import short
from perf.page.svg import Markup

Series = Mapping[str, Any]
COLOURS = {"gateway": 0, "nginx": 1, "direct": 2, "stock": 3}  # others take what is left of KINDS
KINDS = 10
PERCENTILE = re.compile(r"(open_)?p(\d{2,6})_ms")  # `open_` where a load at full speed has its own beside it
GROWING = re.compile(r"([a-z]+)-(\d+)([kmg]?)")
FACTOR = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
AXES = {
    "conns": "connections",
    "connections": "connections",
    "routes": "routes",
    "of": "routes",
    "workers": "workers",
    "body": "bytes of the body",
}
COSTS = {"cpu_us": "CPU per request", "cpu_s_per_gb": "CPU per GB"}
GROWTHS = {**COSTS, "rss_mb": "Memory of a worker"}
UNITS = {"cpu_us": "µs", "cpu_s_per_gb": "s", "rps": "requests/s", "kb_each": "KB"}
MEMORY = {
    "peak_mb": "Most memory under load, of all processes",
    "rss_mb": "Memory of an idle worker (RSS)",
    "kb_each": "Memory of an idle connection",
    "grown_mb": "Growth of memory while bodies stream",
}


def drawings(result: dict[str, Any]) -> Iterator[tuple[str, list[Markup]]]:
    """(heading, figures) of everything in a result that can be drawn."""
    scenarios: dict[str, Any] = result["scenarios"]
    found = {
        "Latency": [figure for name, one in scenarios.items() for figure in latency(name, one["series"])],
        "What a request costs": [costs(scenarios, figure) for figure in COSTS],
        "Growth": [figure for each in _growing(result) for figure in growth(*each)],
        "Memory": [costs(scenarios, figure) for figure in MEMORY],
    }
    for heading, figures in found.items():
        if drawn := [figure for figure in figures if figure]:
            yield heading, drawn


def latency(name: str, series: Series) -> Iterator[Markup]:
    """The percentiles of a scenario that was asked at a fixed rate; many series are drawn by variant."""
    found = {who: points for who, one in series.items() if (points := _percentiles(one))}
    variants = dict.fromkeys(who.partition("@")[2] for who in found)
    if len(found) <= KINDS or len(variants) == 1:
        variants = {"": None}
    for variant in variants if found else ():
        some = {who: points for who, points in found.items() if who.partition("@")[2] == variant or not variant}
        yield _latency(f"{name}, {variant}" if variant else name, _lines(some))


def _latency(name: str, drawn: list[Line]) -> Markup:
    """One plot; the axis gives each nine as much room."""
    last = max(point.x for each in drawn for point in each.points)
    named = tuple((10.0**nines, _percent(nines)) for nines in range(1, 7) if 10.0**nines < last * 1.01)
    return lines.plot(f"Latency percentiles, {name}", "ms", Axis("percentile", ((2.0, "50"), *named)), drawn)


def growth(name: str, axis: str, points: Mapping[float, Series]) -> Iterator[Markup]:
    """What a request, or a worker's memory, costs along an axis; of workers also how many requests are answered."""
    figures = [*GROWTHS, "rps"] if axis == "workers" else list(GROWTHS)
    named = tuple((at, short(at)) for at in sorted(points))
    across = Axis(AXES.get(axis, axis), named, log=axis != "workers")
    for figure in figures:
        found: dict[str, dict[float, Any]] = {}
        for at in sorted(points):
            for series, one in points[at].items():
                if figure in one["median"]:
                    found.setdefault(series, {})[at] = one["median"][figure]
        several = {series: at for series, at in found.items() if len(at) > 1}
        if several:
            drawn = _lines({s: [_point(x, y) for x, y in at.items()] for s, at in several.items()})
            title = f"{GROWTHS.get(figure, 'Throughput')} against {across.words}, {name.partition(' by ')[0]}"
            yield lines.plot(title, UNITS.get(figure, "MB"), across, drawn)


def costs(scenarios: Mapping[str, Any], figure: str) -> Markup | None:
    """One row for each series that has the figure, by scenario, with its ratio to nginx of the same run."""
    groups = []
    for name, one in scenarios.items():
        having = {series: each for series, each in one["series"].items() if figure in each["median"]}
        if having:
            groups.append((name, [_dot(series, each, figure) for series, each in having.items()]))
    if not groups:
        return None
    title = f"{COSTS[figure]}, by scenario and peer" if figure in COSTS else MEMORY.get(figure, figure)
    return dots.plot(title, UNITS.get(figure, "MB"), groups)


def bounds(found: Mapping[str, Any]) -> tuple[float, float]:
    """The interval of a median; without one, as of too few rounds, the median itself."""
    value, low, high = found["value"], found.get("low"), found.get("high")
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return value, value
    return low, high


def _growing(result: dict[str, Any]) -> Iterator[tuple[str, str, dict[float, Series]]]:
    """(name, axis, what was measured at each place of it) of the sweeps, and of scenarios whose variants count up."""
    for name, sweep in result.get("sweeps", {}).items():
        yield name, sweep["axis"], {float(point["at"]): point["series"] for point in sweep["points"]}
    for name, one in result["scenarios"].items():
        read = {series: GROWING.fullmatch(series.partition("@")[2]) for series in one["series"]}
        axes = {match[1] for match in read.values() if match}
        if len(axes) != 1 or not all(read.values()):
            continue
        points: dict[float, dict[str, Any]] = {}
        for series, match in read.items():
            assert match
            at = float(int(match[2]) * FACTOR[match[3]])
            points.setdefault(at, {})[series.partition("@")[0]] = one["series"][series]
        yield name, axes.pop(), points


def _lines(found: Mapping[str, list[Point]]) -> list[Line]:
    """A line for each series, in a colour that no other has while there are any: its subject's when that is free."""
    free = list(range(KINDS))
    drawn = []
    for series, points in found.items():
        free = free or list(range(KINDS))
        wanted = COLOURS.get(series.partition("@")[0], free[-1])
        number = wanted if wanted in free else free[-1]
        free.remove(number)
        drawn.append(Line(series, f"c{number}", tuple(points)))
    return drawn


def _percentiles(one: Mapping[str, Any]) -> list[Point]:
    """Those of a load at a fixed rate; the two that are known of a load at full speed say how long its queue was."""
    read = [(match, at) for figure, at in one["median"].items() if (match := PERCENTILE.fullmatch(figure))]
    paced = any(match[1] for match, _ in read)
    found = [_point(1 / (1 - float(f"0.{match[2]}")), at) for match, at in read if bool(match[1]) == paced]
    return sorted(found, key=lambda point: point.x) if paced or len(found) > 2 else []


def _percent(nines: int) -> str:
    return f"{100 - 100 / 10**nines:.{max(0, nines - 2)}f}"


def _point(x: float, found: Mapping[str, Any]) -> Point:
    return Point(x, found["value"], *bounds(found))


def _dot(series: str, one: Mapping[str, Any], figure: str) -> Dot:
    found = one["median"][figure]
    words = f"{short(found['value'])} {UNITS.get(figure, 'MB')}"
    if (ratio := one.get("over_nginx", {}).get(figure)) and series.partition("@")[0] != "nginx":
        words += f" · {ratio['value']:.2f} x nginx"
    kind = f"c{COLOURS.get(series.partition('@')[0], len(COLOURS))}"
    return Dot(series, kind, found["value"], *bounds(found), words)
