"""Two results side by side: what got better, what got worse, what cannot be told apart.

Between machines only ratios to nginx of the same run mean something, and memory; on one machine other figures do too.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from perf import machine
from perf.report import paired, peer_of
from perf.stats import compare, mann_whitney

RATIOS = ("cpu_us", "cpu_s_per_gb", "p99_ms", "seconds")  # compared as ratios to nginx
ANYWHERE = ("rss_mb", "pss_mb", "grown_mb")  # mean the same on every machine
LEAST = {"p99_ms": 0.20, "seconds": 0.10}  # smallest change worth a word; 3 % for the others


def differences(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """One line for each series and figure of ours that both results hold."""
    same = machine.is_same(now["machine"], before["machine"])
    lines = []
    for name in now["scenarios"].keys() & before["scenarios"].keys():
        a, b = _rounds(now, name), _rounds(before, name)
        for series in [s for s in a if s in b and s.partition("@")[0] not in ("nginx", "direct")]:
            lines += _of_series(name, series, a, b, same)
    return sorted(lines)


def worse(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Those of the differences that are for the worse."""
    return [line for line in differences(now, before) if line.endswith("  worse")]


def _rounds(result: dict[str, Any], name: str) -> dict[str, list[dict[str, float]]]:
    return {series: found["rounds"] for series, found in result["scenarios"][name]["series"].items()}


def _of_series(name: str, series: str, a: dict[str, Any], b: dict[str, Any], same: bool) -> list[str]:
    lines = []
    peer = peer_of(series, [s for s in a if s in b])
    for figure in a[series][0].keys() & b[series][0].keys():
        if figure in RATIOS and peer:
            new, old = paired(a, figure, series, over=peer), paired(b, figure, series, over=peer)
            label = f"{figure} / {peer}"
        elif figure in ANYWHERE or (same and figure in RATIOS):
            new, old, label = paired(a, figure, series), paired(b, figure, series), figure
        else:
            continue
        if new and old:
            lines.append(f"{name:12s} {series:20s} {label:24s} {_words(new, old, LEAST.get(figure, 0.03))}")
    return lines


def _words(new: list[float], old: list[float], least: float) -> str:
    change = {"lower": "better", "higher": "worse"}.get(compare(new, old, least=least), "no difference")
    percent = f"{(median(new) / median(old) - 1) * 100:+.1f} %" if median(old) else "-"
    return f"{median(old):10.4g} -> {median(new):10.4g}  {percent:>9s}  p={mann_whitney(new, old)[1]:.4f}  {change}"


def text(now: dict[str, Any], before: dict[str, Any]) -> str:
    """The comparison for people."""
    same = machine.is_same(now["machine"], before["machine"])
    head = "the same kind of machine" if same else "different machines: ratios to nginx and memory only"
    lines = differences(now, before) or ["nothing that both results hold"]
    title = f"compared with {before['when']} ({before['machine'].get('commit')}), {head}"
    return "\n  ".join([title, *lines])
