"""A plot of dots: a row for each series, its median and interval along one axis, the figure in words beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perf.page.scale import Scale, fit, short, spread
from perf.page.svg import Markup, join, label, line, tag

WIDTH = 560.0
LEFT, RIGHT, TOP, BOTTOM = 170.0, 150.0, 12.0, 38.0
ROW, HEAD = 19.0, 24.0
MANY = 20.0  # times the smallest, from which on the axis is a logarithm


@dataclass(frozen=True, slots=True)
class Dot:
    """One row: whose, the median, the bounds of its interval, what is written beside it; `kind` is its colour."""

    name: str
    kind: str
    value: float
    low: float
    high: float
    words: str


def plot(title: str, unit: str, groups: Sequence[tuple[str, Sequence[Dot]]]) -> Markup:
    """The drawing as a figure: groups one below another, each with its name above its rows."""
    dots = [dot for _, group in groups for dot in group]
    values = [value for dot in dots for value in (dot.value, dot.low, dot.high)]
    height = TOP + BOTTOM + ROW * len(dots) + HEAD * len(groups)
    log = min(values) > 0 and spread(values) > MANY
    across = fit(values, LEFT, WIDTH - RIGHT, log=log)
    parts = [_frame(unit + (", logarithmic" if log else ""), across, height)]
    y = TOP
    for name, group in groups:
        parts.append(label(0, y + HEAD - 7, name, "group"))
        y += HEAD
        for dot in group:
            parts.append(_row(dot, across, y + ROW / 2))
            y += ROW
    picture = tag("svg", *parts, viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", role="img", aria_label=title)
    return tag("figure", tag("figcaption", title), picture, class_="tall", tabindex="0")


def bar(value: float, low: float, high: float, limit: float, kind: str) -> Markup:
    """A small drawing of what was found beside its limit, which is the upright line."""
    top = max(limit, value, high, 1e-9) * 1.15
    across = Scale(0.0, top, 4.0, 116.0)
    drawn = (
        line(across.at(low), 9, across.at(high), 9, f"whisker {kind}"),
        tag("circle", cx=across.at(value), cy=9.0, r=3.5, class_=f"mark {kind}"),
        line(across.at(limit), 1, across.at(limit), 17, "limit"),
    )
    said = f"{short(value)} [{short(low)}..{short(high)}], limit {short(limit)}"
    return tag(
        "svg", line(4, 9, 116, 9, "grid"), *drawn, viewBox="0 0 120 18", class_="bar", role="img", aria_label=said
    )


def _frame(unit: str, across: Scale, height: float) -> Markup:
    parts = []
    for value in across.ticks(5):
        x = across.at(value)
        parts += [
            line(x, TOP, x, height - BOTTOM, "grid"),
            label(x, height - BOTTOM + 15, short(value), "tick", "middle"),
        ]
    return join(*parts, label((LEFT + WIDTH - RIGHT) / 2, height - 5, unit, "unit", "middle"))


def _row(dot: Dot, across: Scale, y: float) -> Markup:
    x = across.at(dot.value)
    return tag(
        "g",
        tag("title", f"{dot.name}: {dot.words} [{short(dot.low)}..{short(dot.high)}]"),
        label(14, y + 4, dot.name, "row"),
        line(across.at(dot.low), y, across.at(dot.high), y, f"whisker {dot.kind}"),
        tag("circle", cx=x, cy=y, r=4.0, class_=f"mark {dot.kind}"),
        label(WIDTH - RIGHT + 12, y + 4, dot.words, "found"),
    )
