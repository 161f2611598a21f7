"""The pictures and tables of docs/scaling.md, from docs/measured/scaling.json: the same bytes for the same figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from perf.page.lines import HEIGHT, WIDTH, Axis, Line, Point, drawing
from perf.page.scale import short
from perf.page.svg import Markup, join, label, line, tag
from perf.simulation import words
from perf.sizing import STYLE

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "measured" / "scaling.json"
CHECKED = ROOT / "docs" / "measured" / "2026-11-27-simulation.md"
FOLDER = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "scaling.md"
BLOCK = r"(?<=<!-- {} -->\n).*?(?=<!-- /{} -->)"
TICKS = 6
MANY = 60  # points of a line
Found = dict[str, Any]


def keep(found: list[Found]) -> None:
    """Write figures, pictures and tables."""
    FIGURES.write_text(json.dumps({each["name"]: each for each in found}, indent=None, separators=(",", ":")) + "\n")
    kept = read()
    for name, text in pictures(kept).items():
        (FOLDER / name).write_text(text)
    PAGE.write_text(filled(PAGE.read_text(), kept))


def read() -> dict[str, Found]:
    """What is kept, by scenario."""
    found: dict[str, Found] = json.loads(FIGURES.read_text())
    return found


def filled(page: str, found: dict[str, Found]) -> str:
    """The page with its tables."""
    for name, each in found.items():
        made = words.table(each) + "\n"
        page = re.sub(BLOCK.format(name, name), made.replace("\\", r"\\"), page, flags=re.S)
    return page


def pictures(found: dict[str, Found]) -> dict[str, str]:
    """{file name: SVG}."""
    made: dict[str, str] = {}
    for name, each in found.items():
        if each["kind"] == "scaling":
            made[f"scaling-{name}-pods.svg"] = _over_time(each, "pods", {"wanted": "replicas", "ready": "ready"})
            made[f"scaling-{name}-requests.svg"] = _over_time(
                each, "requests/s", {"asked": "rate", "served": "served", "refused": "shed", "lost": "lost"}
            )
        else:
            title, unit, axis, lines = KINDS[each["kind"]](each)
            made[f"scaling-{name}.svg"] = _picture(title, unit, axis, lines)
    return made


def _over_time(found: Found, unit: str, figures: dict[str, str]) -> str:
    moments = found["moments"]
    end = moments[-1]["time"]
    hours = end > 20_000
    unit_of_time = 3600 if hours else 1
    named = tuple((end * part / TICKS, f"{end * part / TICKS / unit_of_time:.0f}") for part in range(TICKS + 1))
    lines = [
        Line(name, f"c{number}", tuple(_point(m["time"], m[key]) for m in moments))
        for number, (name, key) in enumerate(figures.items())
        if any(m[key] for m in moments)
    ]
    return _picture(found["title"], unit, Axis("hours" if hours else "seconds", named, log=False), lines)


def _capacity(found: Found) -> tuple[str, str, Axis, list[Line]]:
    rows = found["rows"]
    places = sorted({row["per_minute"] for row in rows})
    lines = [
        Line(name, f"c{number}", tuple(_point(r["per_minute"], r["settled"]) for r in rows if r["line"] == name))
        for number, name in enumerate(dict.fromkeys(row["line"] for row in rows))
    ]
    return found["title"], "pods", Axis("requests a minute", tuple((x, short(x)) for x in places)), lines


def _redis(found: Found) -> tuple[str, str, Axis, list[Line]]:
    rows = found["rows"]
    places = sorted({row["rate"] for row in rows})
    lines = [
        Line(mode, f"c{number}", tuple(_point(r["rate"], 100 * r["busy"]) for r in rows if r["mode"] == mode))
        for number, mode in enumerate(dict.fromkeys(row["mode"] for row in rows))
    ]
    named = tuple((x, short(round(x, -3) if x > 1e5 else x)) for x in places)
    return found["title"], "% of the Redis's core", Axis("requests a second", named), lines


def _leases(found: Found) -> tuple[str, str, Axis, list[Line]]:
    rows = found["rows"]
    bound = sorted({(row["hosts"], row["bound"]) for row in rows})
    lines = []
    for number, pressure in enumerate(dict.fromkeys(row["pressure"] for row in rows)):
        points = tuple(_point(r["hosts"], r["over"]) for r in rows if r["pressure"] == pressure)
        lines.append(Line(f"{pressure:g} x asked", f"c{number}", points))
    lines.append(Line("a lease each", f"c{len(lines)}", tuple(_point(*each) for each in bound)))
    return found["title"], "beyond the limit", Axis("hosts", tuple((x, f"{x}") for x, _ in bound)), lines


KINDS = {"capacity": _capacity, "redis": _redis, "leases": _leases}


def _point(x: float, y: float) -> Point:
    return Point(float(x), float(y), float(y), float(y))


def _picture(title: str, unit: str, axis: Axis, lines: list[Line]) -> str:
    """A file of its own with a legend below."""
    legend: list[Markup] = []
    for number, each in enumerate(lines):
        x, y = 12.0 + 118.0 * number, HEIGHT + 14
        legend += [line(x, y - 4, x + 18, y - 4, f"line {each.kind}"), label(x + 23, y, each.name, "tick")]
    box = f"0 0 {WIDTH:.0f} {HEIGHT + 24:.0f}"
    drawn = drawing(unit, axis, lines)
    if any(len(each.points) > MANY for each in lines):  # a mark on each would hide the line
        drawn = Markup(re.sub(r"<g><title>.*?</g>", "", drawn))
    inside = join(tag("title", title), tag("style", Markup(STYLE)), drawn, *legend)
    return tag("svg", inside, xmlns="http://www.w3.org/2000/svg", viewBox=box, role="img", aria_label=title) + "\n"
