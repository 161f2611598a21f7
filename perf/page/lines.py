"""A plot of lines: a median at each place, with its interval as a band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perf.page.scale import Scale, fit, short, spread
from perf.page.svg import Markup, join, label, line, tag

WIDTH, HEIGHT = 480.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 26.0, 44.0
BANDS = 5  # lines, above which their bands would hide one another
MANY = 20.0  # times the smallest, from which on a vertical axis is a logarithm


@dataclass(frozen=True, slots=True)
class Point:
    """A median and its interval; without one the bounds are the median."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """What one subject costs along the axis; `kind` is its colour."""

    name: str
    kind: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """What runs along the bottom: words, the values that are named, whether a logarithm."""

    words: str
    named: tuple[tuple[float, str], ...]
    log: bool = True


def plot(title: str, unit: str, axis: Axis, lines: Sequence[Line]) -> Markup:
    """The drawing with its legend, as a figure."""
    drawn = drawing(unit, axis, lines)
    picture = tag("svg", drawn, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", role="img", aria_label=title)
    legend = tag("ul", *(tag("li", tag("i", class_=each.kind), each.name) for each in lines), class_="legend")
    return tag("figure", tag("figcaption", title), picture, legend)


def drawing(unit: str, axis: Axis, lines: Sequence[Line]) -> Markup:
    """What is inside of the picture, WIDTH by HEIGHT."""
    places = [point.x for each in lines for point in each.points] + [value for value, _ in axis.named]
    heights = [value for each in lines for point in each.points for value in (point.y, point.low, point.high)]
    across = Scale(min(places), max(places), LEFT, WIDTH - RIGHT, axis.log and min(places) > 0)
    up = fit(heights, HEIGHT - BOTTOM, TOP, log=spread(heights) > MANY and min(heights) > 0)
    return join(
        _frame(unit, axis, across, up),
        *(_band(each, across, up) for each in lines if len(lines) <= BANDS),
        *(_line(each, unit, axis, across, up) for each in lines),
    )


def _frame(unit: str, axis: Axis, across: Scale, up: Scale) -> Markup:
    parts = [label(LEFT - 8, TOP - 11, unit, "unit", "start" if len(unit) > 8 else "end")]
    for value in up.ticks():
        y = up.at(value)
        parts += [line(LEFT, y, WIDTH - RIGHT, y, "grid"), label(LEFT - 8, y + 4, short(value), "tick", "end")]
    for value, words in axis.named:
        x = across.at(value)
        parts += [line(x, TOP, x, HEIGHT - BOTTOM, "grid"), label(x, HEIGHT - BOTTOM + 17, words, "tick", "middle")]
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 7, axis.words, "unit", "middle"))
    return join(*parts)


def _band(each: Line, across: Scale, up: Scale) -> Markup:
    there = [(across.at(p.x), up.at(p.high)) for p in each.points]
    back = [(across.at(p.x), up.at(p.low)) for p in reversed(each.points)]
    return tag("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in there + back), class_=f"band {each.kind}")


def _line(each: Line, unit: str, axis: Axis, across: Scale, up: Scale) -> Markup:
    path = "".join(f"{'L' if n else 'M'}{across.at(p.x):.1f} {up.at(p.y):.1f}" for n, p in enumerate(each.points))
    marks = [_mark(each, p, unit, axis, across, up) for p in each.points]
    return join(tag("path", d=path, class_=f"line {each.kind}"), *marks)


def _mark(each: Line, point: Point, unit: str, axis: Axis, across: Scale, up: Scale) -> Markup:
    x, y = across.at(point.x), up.at(point.y)
    where = next((words for value, words in axis.named if math.isclose(value, point.x)), short(point.x))
    found = f"{short(point.y)} [{short(point.low)}..{short(point.high)}] {unit}"
    said = f"{each.name}, {axis.words} {where}: {found}"
    # what is pointed at is larger than what is seen
    return tag("g", tag("title", said), tag("circle", cx=x, cy=y, r=9.0, class_="near"),
               tag("circle", cx=x, cy=y, r=3.0, class_=f"mark {each.kind}"))  # fmt: skip
