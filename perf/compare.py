"""Two results side by side: what got better, what got worse, what cannot be told apart.

Between machines only ratios to nginx of the same run mean something, and memory with the same Python; on one machine
other figures do too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from perf import instructions, machine
from perf.report import number, paired, peer_of
from perf.stats import holm, least_p, mann_whitney

RATIOS = ("cpu_us", "cpu_s_per_gb", "p99_ms", "seconds")  # compared as ratios to nginx
MEMORY = ("rss_mb", "pss_mb", "peak_mb", "grown_mb", "kb_each")  # means the same on every machine with this Python
QUEUES = ("p99_ms",)  # under full speed they tell how long the queue was, and are not compared
LEAST = {"p99_ms": 0.20, "seconds": 0.10}  # smallest change worth a word; 3 % for the others
ALPHA = 0.05  # how often a comparison as a whole may cry wolf
TOO_FEW = "too few rounds"


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of one series in both results: medians, p (None where nothing varies), and what it comes to."""

    scenario: str
    series: str
    figure: str
    before: float
    now: float
    p: float | None
    verdict: str  # better, worse, no difference, or TOO_FEW

    @property
    def cells(self) -> list[str]:
        """As a row of a table."""
        percent = f"{(self.now / self.before - 1) * 100:+.1f} %" if self.before else "-"
        chance = "" if self.p is None else f"p={self.p:.4f}"
        values = f"{number(self.before)} -> {number(self.now)}"
        return [self.scenario, self.series, self.figure, values, percent, chance, self.verdict]


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is tested: the rounds of one figure of one series."""

    scenario: str
    series: str
    figure: str
    now: list[float]
    before: list[float]
    least: float


def changes(now: dict[str, Any], before: dict[str, Any]) -> list[Change]:
    """One for each series and figure of ours that both results hold, corrected for how many they are."""
    pairs = sorted(_pairs(now, before), key=lambda pair: (pair.scenario, pair.series, pair.figure))
    able = [pair for pair in pairs if least_p(len(pair.now), len(pair.before)) <= ALPHA]
    corrected = holm([mann_whitney(pair.now, pair.before)[1] for pair in able])
    chances = {id(pair): p for pair, p in zip(able, corrected, strict=True)}
    judged = [_judged(pair, chances.get(id(pair)), len(able)) for pair in pairs]
    return judged + _failures(now, before) + _instructions(now, before)


def differences(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """The changes as lines of a table."""
    return _table(changes(now, before))


def gate(now: dict[str, Any], before: dict[str, Any]) -> int:
    """0 when nothing is worse, 1 when something is, 2 when nothing could be told, or a scenario was not measured."""
    said = {change.verdict for change in changes(now, before)}
    return 1 if "worse" in said else 0 if said - {TOO_FEW} and not now.get("errors") else 2


def text(now: dict[str, Any], before: dict[str, Any]) -> str:
    """The comparison for people."""
    same = machine.is_same(now["machine"], before["machine"])
    only = "ratios to nginx" + (" and memory" if _same_python(now, before) else "")
    head = "the same kind of machine" if same else f"different machines: {only} only"
    found = changes(now, before)
    title = f"compared with {before['when']} ({before['machine'].get('commit')}), {head}"
    counts = Counter(change.verdict for change in found)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("worse", "better", "no difference", TOO_FEW))
    lost = [f"{name}: NOT MEASURED: {why}" for name, why in now.get("errors", {}).items()]
    return "\n  ".join([title, *_table(found), *lost, summary if found else "nothing that both results hold"])


def _table(found: list[Change]) -> list[str]:
    rows = [change.cells for change in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _pairs(now: dict[str, Any], before: dict[str, Any]) -> list[_Pair]:
    plain = MEMORY if _same_python(now, before) else ()
    plain += RATIOS if machine.is_same(now["machine"], before["machine"]) else ()
    found = []
    for name in now["scenarios"].keys() & before["scenarios"].keys():
        a, b = _rounds(now, name), _rounds(before, name)
        queues = now["scenarios"][name].get("kind", "load") == "load"
        for series in [s for s in a if s in b and s.partition("@")[0] == "gateway"]:
            found += _of_series(name, series, a, b, plain=plain, queues=queues)
    return found


def _same_python(now: dict[str, Any], before: dict[str, Any]) -> bool:
    return bool(now["machine"].get("python") == before["machine"].get("python"))


def _rounds(result: dict[str, Any], name: str) -> dict[str, list[dict[str, float]]]:
    return {series: found["rounds"] for series, found in result["scenarios"][name]["series"].items()}


def _of_series(
    name: str, series: str, a: dict[str, Any], b: dict[str, Any], *, plain: tuple[str, ...], queues: bool
) -> list[_Pair]:
    found = []
    peer = peer_of(series, [s for s in a if s in b])
    for figure in a[series][0].keys() & b[series][0].keys():
        if figure in QUEUES and queues:
            continue
        if figure in RATIOS and peer:
            new, old = paired(a, figure, series, over=peer), paired(b, figure, series, over=peer)
            label = f"{figure} / {peer}"
        elif figure in plain:
            new, old, label = paired(a, figure, series), paired(b, figure, series), figure
        else:
            continue
        if new and old:
            found.append(_Pair(name, series, label, new, old, LEAST.get(figure, 0.03)))
    return found


def _judged(pair: _Pair, p: float | None, family: int) -> Change:
    """Two conditions: Mann-Whitney, and medians further apart than what differs between runs of the same code."""
    new, old = median(pair.now), median(pair.before)
    if p is None or least_p(len(pair.now), len(pair.before)) * family > ALPHA:
        said = TOO_FEW
    elif p > ALPHA or abs(new - old) <= pair.least * abs(old):
        said = "no difference"
    else:
        said = "better" if new < old else "worse"
    return Change(pair.scenario, pair.series, pair.figure, old, new, p, said)


def _failures(now: dict[str, Any], before: dict[str, Any]) -> list[Change]:
    """Requests that fail in most rounds: an error is cheap to answer, so what fails more is worse whatever it costs."""
    found = []
    for name in sorted(now["scenarios"].keys() & before["scenarios"].keys()):
        a, b = _rounds(now, name), _rounds(before, name)
        for series in [s for s in a if s in b and s.partition("@")[0] == "gateway"]:
            new, old = (median(r.get("failed", 0.0) for r in rounds[series]) for rounds in (a, b))
            if new or old:
                said = "worse" if new > 2 * old else "better" if new < old / 2 else "no difference"
                found.append(Change(name, series, "failed", old, new, None, said))
    return found


def _instructions(now: dict[str, Any], before: dict[str, Any]) -> list[Change]:
    """What the same benchmark of a fast module executes: counted, not timed.

    Most counts of the same code are the same to the last digit; of those that ask for the time or wait for a socket,
    some differ by nearly 2 %.
    """
    new, old = now.get("instructions", {}), before.get("instructions", {})
    if not machine.is_same(now["machine"], before["machine"]):
        return []
    found = []
    for bench in sorted(new.keys() & old.keys()):
        apart = new[bench] - old[bench]
        said = "no difference" if abs(apart) <= instructions.LEAST * old[bench] else "better" if apart < 0 else "worse"
        found.append(Change("_fast", bench, "instructions", old[bench], new[bench], None, said))
    return found
