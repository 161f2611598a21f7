"""From rounds to findings: medians with intervals, ratios, bars; as a table and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from perf.measure import Rounds
from perf.scenario import Bar, Scenario
from perf.stats import Estimate, estimate, verdict

MAIN = {
    "load": "cpu_us",
    "latency": "p99_ms",
    "cold-start": "seconds",
    "idle-memory": "rss_mb",
    "conn-memory": "kb_each",
    "stream": "grown_mb",
}
HEADINGS = {
    "cpu_us": "CPU us/req",
    "cpu_s_per_gb": "CPU s/GB",
    "cpu_s": "CPU s",
    "rps": "req/s",
    "p50_ms": "p50 ms",
    "p90_ms": "p90 ms",
    "p99_ms": "p99 ms",
    "p999_ms": "p99.9 ms",
    "max_ms": "max ms",
    "late_p99_ms": "sent late p99 ms",
    "rss_mb": "RSS MB",
    "pss_mb": "PSS MB",
    "grown_mb": "grown MB",
    "kb_each": "KB each",
    "peak_mb": "peak MB",
    "open_p50_ms": "paced p50 ms",
    "open_p99_ms": "paced p99 ms",
    "open_p999_ms": "paced p99.9 ms",
    "slowest_swap_s": "slowest swap s",
}
RATIOS = ("cpu_us", "cpu_s_per_gb", "p99_ms", "seconds")  # what is given as a ratio to nginx
HIDDEN = {"rate", "sent", "answered"}
COUNTS = {"failed", "swaps"}  # added up over the rounds


def peer_of(series: str, among: list[str]) -> str | None:
    """The nginx series that a series is set beside: the one of its variant, else the only one there is."""
    same = "@".join(["nginx", *series.split("@")[1:]])
    peers = [name for name in among if name.partition("@")[0] == "nginx"]
    return same if same in peers else peers[0] if len(peers) == 1 else None


def paired(rounds: Rounds, figure: str, of: str, over: str = "", minus: str = "") -> list[float] | None:
    """The figure of a series in each round, alone or set against another series of that round; None if not measured."""
    if not all(rounds.get(name) and figure in rounds[name][0] for name in (of, over, minus) if name):
        return None
    mine = [r[figure] for r in rounds[of]]
    if minus:
        mine = [a - b[figure] for a, b in zip(mine, rounds[minus], strict=True)]
    if over:
        mine = [a / b[figure] if b[figure] else math.inf for a, b in zip(mine, rounds[over], strict=True)]
    return mine


def judge(bar: Bar, rounds: Rounds) -> dict[str, Any]:
    """A bar with what was found and the verdict: met, missed, undecided, or not measured."""
    said: dict[str, Any] = {"bar": words(bar), "at_most": bar.at_most, "at_least": bar.at_least, "aim": bar.aim}
    values = paired(rounds, bar.figure, bar.of, bar.over, bar.minus)
    if values is None:
        return said | {"verdict": "not measured"}
    found = estimate(values)
    if bar.always:
        found = Estimate(found.value, min(values), max(values), 1.0, len(values))
    failed = sum(r.get("failed", 0) for name in (bar.of, bar.over, bar.minus) if name for r in rounds[name])
    said |= _plain(found)
    if failed and bar.figure != "failed":
        return said | {"verdict": "undecided", "why": f"{failed:g} requests failed"}
    # NOTE: a bar that must hold always is missed by a single round; only the bound that speaks against it counts.
    if bar.always:
        worst = found.high if bar.at_most is not None else found.low
        found = Estimate(worst, worst, worst, 1.0, len(values))
    aim = {} if bar.aim is None else {"aim_verdict": verdict(found, **_limits(bar, bar.aim))}
    return said | {"verdict": verdict(found, bar.at_most, bar.at_least)} | aim


def _limits(bar: Bar, value: float) -> dict[str, float]:
    return {"at_most": value} if bar.at_most is not None else {"at_least": value}


def words(bar: Bar) -> str:
    """The bar in words, as `cpu_us gateway / nginx <= 3`."""
    subject = f"{bar.of} - {bar.minus}" if bar.minus else bar.of
    if bar.over:
        subject = f"({subject}) / {bar.over}" if bar.minus else f"{subject} / {bar.over}"
    limit = f"<= {bar.at_most:g}" if bar.at_most is not None else f">= {bar.at_least:g}"
    return f"{bar.figure} {subject} {limit}{' in every round' if bar.always else ''}"


def finding(scenario: Scenario, rounds: Rounds) -> dict[str, Any]:
    """All that is kept of a measured scenario, the raw rounds too, so that later runs can be tested against it."""
    series = {}
    for name, rows in rounds.items():
        medians = {figure: estimate([r[figure] for r in rows]) for figure in rows[0]}
        series[name] = {
            "median": {figure: _plain(e) for figure, e in medians.items()},
            "over_nginx": _over_nginx(name, rounds),
            "rounds": rows,
        }
    bars = [judge(bar, rounds) for bar in scenario.bars]
    return {"title": scenario.title, "kind": scenario.kind, "series": series, "bars": bars}


def _over_nginx(series: str, rounds: Rounds) -> dict[str, Any]:
    peer = peer_of(series, [name for name in rounds if name != series])
    ratios = {figure: paired(rounds, figure, series, over=peer) for figure in RATIOS} if peer else {}
    return {figure: _plain(estimate(values)) for figure, values in ratios.items() if values}


def _plain(found: Estimate) -> dict[str, float | None]:
    bounds = {"low": found.low, "high": found.high, "coverage": found.coverage}
    return {"value": found.value} | {k: (v if math.isfinite(v) else None) for k, v in bounds.items()}


def text(name: str, found: dict[str, Any]) -> str:
    """The finding as a table of its series and a line for each bar."""
    series: dict[str, Any] = found["series"]
    figures = [f for f in dict.fromkeys(f for s in series.values() for f in s["median"]) if f not in HIDDEN]
    head = ["series"] + [HEADINGS.get(f, f) for f in figures] + ["x nginx"]
    rows = [head]
    for label, one in series.items():
        rows.append([label, *(_cell(one, f, f == MAIN.get(found["kind"])) for f in figures), _ratio(found, one)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        row[0].ljust(widths[0]) + "".join(f"  {c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    return "\n  ".join([f"{name}: {found['title']}", *map(str.rstrip, lines), *map(bar_line, found["bars"])])


def short(title: str, result: dict[str, Any]) -> str:
    """A whole result in one table: of each series the figure to steer by, and how the bars stand."""
    rows = [["scenario", "series", "", "median", "x nginx"]]
    swept = {
        f"{name.partition(' by ')[0]}, {sweep['axis']} {point['at']:,}": {"kind": "load", "series": point["series"]}
        for name, sweep in result.get("sweeps", {}).items()
        for point in sweep["points"]
    }
    for name, found in (result["scenarios"] | swept).items():
        for label, one in found["series"].items():
            figure = next((f for f in (MAIN.get(found["kind"], ""), "failed") if f in one["median"]), "")
            cell = _cell(one, figure, figure not in COUNTS) if figure else "-"
            rows.append([name, label, HEADINGS.get(figure, figure), cell, _ratio(found, one)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{name}: NOT MEASURED: {why}" for name, why in result.get("errors", {}).items()]
    bars = [bar for found in result["scenarios"].values() for bar in found["bars"]]
    lines += [bar_line(bar) for bar in bars if bar["verdict"] != "met"]
    lines.append(f"bars: {counted(bar['verdict'] for bar in bars)}")
    return "\n  ".join([title, *lines])


def counted(verdicts: Iterable[str]) -> str:
    """How many of each, the most frequent first."""
    return ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).most_common()) or "none"


def bar_line(bar: dict[str, Any]) -> str:
    """One bar: verdict, words, what was found."""
    line = f"{bar['verdict'].upper():12s} {bar['bar']}"
    if "value" in bar:
        line += f": {number(bar['value'])} {_interval(bar['low'], bar['high'])}"
    if "aim_verdict" in bar:
        line += f"; aim {bar['aim']:g}: {bar['aim_verdict']}"
    return line + (f" ({bar['why']})" if "why" in bar else "")


def _cell(series: dict[str, Any], figure: str, with_interval: bool) -> str:
    found = series["median"].get(figure)
    if found is None:
        return "-"
    if figure in COUNTS:
        return f"{sum(r[figure] for r in series['rounds']):g}"
    return number(found["value"]) + (f" {_interval(found['low'], found['high'])}" if with_interval else "")


def _ratio(found: dict[str, Any], series: dict[str, Any]) -> str:
    figure = "cpu_s_per_gb" if "cpu_s_per_gb" in series["over_nginx"] else MAIN.get(found["kind"], "")
    ratio = series["over_nginx"].get(figure)
    return f"{number(ratio['value'])} {_interval(ratio['low'], ratio['high'])}" if ratio else ""


def number(value: float) -> str:
    """Some three digits of a figure."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "[too few rounds]"
    return f"[{number(low)}..{number(high)}]"
