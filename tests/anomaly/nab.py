"""The score of the Numenta Anomaly Benchmark, standard profile, from its published description (Lavin and Ahmad, 2015).

A first alert in a window earns up to 1, the earlier the more; a window without one costs 1; an alert outside costs up
to 0.11, less shortly after a window. The first 15 % of a file (at most 750 rows) do not count. 0 is a detector that
says nothing, 100 one that alerts at the first row of each window and nowhere else.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FALSE_ALERT = 0.11
Window = tuple[int, int]
Alert = tuple[int, float]


@dataclass(frozen=True)
class Run:
    """What a detector said of one file: (row, score) of its alerts."""

    rows: int
    windows: Sequence[Window]
    alerts: Sequence[Alert]


def _sigmoid(place: float) -> float:
    """1 long before the end of a window, 0 at it, -1 long after."""
    return -1.0 if place > 3.0 else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def _probation(rows: int) -> int:
    return min(int(0.15 * rows), 750)


def _inside(row: int, window: Window) -> float:
    first, last = window
    return _sigmoid(-(last - row + 1) / (last - first + 1)) / _sigmoid(-1.0)


def _outside(row: int, windows: Sequence[Window]) -> float:
    past = [window for window in windows if window[1] < row]
    if not past:
        return -FALSE_ALERT
    first, last = past[-1]
    return FALSE_ALERT * _sigmoid((row - last) / max(1, last - first))


def raw(run: Run, threshold: float) -> float:
    """Points of one file."""
    best: dict[Window, float] = {}
    points = 0.0
    for row, score in run.alerts:
        if row < _probation(run.rows) or score < threshold:
            continue
        window = next((window for window in run.windows if window[0] <= row <= window[1]), None)
        if window is None:
            points += _outside(row, run.windows)
        else:
            best[window] = max(best.get(window, 0.0), _inside(row, window))
    return points + sum(best.values()) - (len(run.windows) - len(best))


def score(runs: Iterable[Run], threshold: float) -> float:
    """0 to 100 over a corpus."""
    runs = list(runs)
    windows = sum(len(run.windows) for run in runs)
    return 100.0 * (sum(raw(run, threshold) for run in runs) + windows) / (2.0 * windows)


def best(runs: Iterable[Run]) -> tuple[float, float]:
    """(the score, the threshold) of the threshold that scores most over the corpus."""
    runs = list(runs)
    scores = sorted({score for run in runs for _, score in run.alerts})
    return max((score(runs, threshold), threshold) for threshold in scores[:: max(1, len(scores) // 200)])


def counts(run: Run) -> tuple[int, int, int]:
    """(windows with an alert, windows, alerts outside of windows) of a file, its first part left out."""
    rows = [row for row, _ in run.alerts if row >= _probation(run.rows)]
    found = [any(first <= row <= last for row in rows) for first, last in run.windows]
    wrong = [row for row in rows if not any(first <= row <= last for first, last in run.windows)]
    return sum(found), len(found), len(wrong)
