"""The page: of each result the machine, the bars, the plots, and every figure in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from perf.page import dots
from perf.page.figures import bounds, drawings
from perf.page.scale import short
from perf.page.svg import EMPTY, Markup, join, tag
from perf.report import HEADINGS, HIDDEN

STYLE = Path(__file__).with_name("style.css")
#: nothing is fetched and nothing is run
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
NOTE = (
    "A figure is a median over rounds; what is shaded, lined or in brackets is its interval. "
    "Compare only figures of one run."
)
VERDICTS = ("met", "missed", "undecided", "not measured")


def page(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """A document of (address of the raw JSON, result) pairs; figures of different runs are never drawn together."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", "What a request costs"),
        tag("style", Markup(STYLE.read_text())),
    )
    body = (tag("h1", "What a request costs"), tag("p", NOTE, class_="soft"), *(_run(raw, one) for raw, one in results))
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", *body)), lang="en") + "\n"


def _run(raw: str, result: dict[str, Any]) -> Markup:
    bars = [(name, bar) for name, one in result["scenarios"].items() for bar in one["bars"]]
    figures = [join(tag("h3", heading), tag("div", *drawn, class_="figures")) for heading, drawn in drawings(result)]
    return tag(
        "section",
        tag("h2", f"Run of {result['when']}"),
        _machine(result),
        tag("p", "All of it as ", tag("a", "JSON", href=raw), "."),
        _list("Not measured:", result.get("errors", {})),
        _list("Not here:", result.get("absent", {})),
        *([_counts([bar for _, bar in bars]), _bars(bars)] if bars else []),
        *figures,
        *(_peers(name, one["peers"]) for name, one in result["scenarios"].items() if one.get("peers")),
        tag("h3", "All figures"),
        *(_table(name, one["title"], one["series"]) for name, one in result["scenarios"].items()),
        *(_sweep(name, sweep) for name, sweep in result.get("sweeps", {}).items()),
    )


def _machine(result: dict[str, Any]) -> Markup:
    machine, options = result["machine"], result.get("options", {})
    told = {
        "Machine": machine.get("cpu"),
        "Cores": machine.get("cores"),
        "Memory": f"{machine['memory_mb']:,} MB" if "memory_mb" in machine else None,
        "Linux": machine.get("kernel"),
        "Python": machine.get("python"),
        "Commit": machine.get("commit"),
        "Load before the run": machine.get("load_before"),
        "Rounds": f"{options['rounds']} of {options['seconds']} s" if {"rounds", "seconds"} <= options.keys() else None,
        **{name: version for name, version in machine.get("versions", {}).items() if version != "absent"},
    }
    pairs = [tag("div", tag("dt", name), tag("dd", str(value))) for name, value in told.items() if value is not None]
    return tag("dl", *pairs)


def _list(heading: str, reasons: dict[str, str]) -> Markup:
    if not reasons:
        return EMPTY
    lines = (tag("li", f"{name}: {why}") for name, why in reasons.items())
    return join(tag("p", heading, class_="missed"), tag("ul", *lines))


def _counts(bars: Iterable[dict[str, Any]]) -> Markup:
    counts = Counter(bar["verdict"] for bar in bars)
    tiles = [tag("li", tag("b", str(counts[v]), class_=_kind(v)), v) for v in VERDICTS if counts[v]]
    return join(tag("h3", "Bars"), tag("ul", *tiles, class_="counts"))


def _bars(bars: Iterable[tuple[str, dict[str, Any]]]) -> Markup:
    rows = [_row("th", ["Scenario", "Bar", "Beside it", "Found", "Verdict", "Aim"])]
    for name, bar in bars:
        found, picture = "", EMPTY
        if "value" in bar:
            low, high = bounds(bar)
            limit = bar["at_least"] if bar["at_most"] is None else bar["at_most"]
            picture = dots.bar(bar["value"], low, high, limit, _kind(bar["verdict"]))
            found = _estimate(bar)
        aim = "" if bar.get("aim") is None else f"{bar['aim']:g}: {bar.get('aim_verdict', 'undecided')}"
        said = tag("span", bar["verdict"] + (f" ({bar['why']})" if "why" in bar else ""), class_=_kind(bar["verdict"]))
        rows.append(_row("td", [name, bar["bar"], picture, found, said, aim]))
    return tag("div", _scrolled("Bars", rows), class_="bars")


def _peers(name: str, peers: dict[str, dict[str, str]]) -> Markup:
    """What each peer does for what it costs, so that nobody takes unequal work for equal."""
    rows = [_row("th", ["Series", "Token", "Does", "Leaves out"])]
    rows += [_row("td", [who, said["token"], said["does"], said["leaves_out"]]) for who, said in peers.items()]
    table = tag("div", _scrolled(f"peers of {name}", rows), class_="texts")
    return tag("details", tag("summary", f"{name}: what the peers do and leave out"), table)


def _table(name: str, title: str, series: dict[str, Any]) -> Markup:
    figures = [f for f in dict.fromkeys(f for one in series.values() for f in one["median"]) if f not in HIDDEN]
    ratios = list(dict.fromkeys(f for one in series.values() for f in one.get("over_nginx", {})))
    head = ["Series", *(HEADINGS.get(f, f) for f in figures), *(f"{HEADINGS.get(f, f)}, x nginx" for f in ratios)]
    rows = [_row("th", head)]
    for label, one in series.items():
        cells = [_estimate(one["median"].get(f)) for f in figures]
        rows.append(_row("td", [label, *cells, *(_estimate(one.get("over_nginx", {}).get(f)) for f in ratios)]))
    return tag("details", tag("summary", f"{name}: {title}"), _scrolled(name, rows))


def _sweep(name: str, sweep: dict[str, Any]) -> Markup:
    series = {f"{who} at {at['at']}": one for at in sweep["points"] for who, one in at["series"].items()}
    return _table(name, f"along {sweep['axis']}", series)


def _scrolled(name: str, rows: Sequence[Markup]) -> Markup:
    """A table that a narrow screen, or a key, moves sideways."""
    return tag("div", tag("table", *rows), class_="wide", tabindex="0", role="region", aria_label=f"Table: {name}")


def _row(kind: str, cells: Sequence[str]) -> Markup:
    return tag("tr", *(tag(kind, cell) for cell in cells))


def _estimate(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    value = f"{found['value']:,.4g}" if abs(found["value"]) < 1e4 else f"{found['value']:,.0f}"
    low, high = bounds(found)
    return value if low == high == found["value"] else f"{value} [{short(low)}..{short(high)}]"


def _kind(verdict: str) -> str:
    return verdict.replace(" ", "-")
