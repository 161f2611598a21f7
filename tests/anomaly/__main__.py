"""`python -m tests.anomaly [SEED...]`: the scores over made series, kind by kind, and those of a plain detector."""

import math
import sys
from collections import deque

from tests.anomaly import nab
from tests.anomaly.judged import judged
from tests.anomaly.series import Series, made

#: of the plain detector: values that it looks back, at least and at most, and the least distance that is an alert
LEAST, MOST, BAR = 100, 2_000, 2.2


def plain(series: Series) -> nab.Run:
    """Each value's distance from the mean of those before it, in standard deviations: to hold the score to."""
    window: deque[float] = deque()
    total = squares = 0.0
    alerts = []
    for row, (_, value) in enumerate(series.rows):
        if len(window) > LEAST:
            mean = total / len(window)
            distance = abs(value - mean) / math.sqrt(max(1e-12, squares / len(window) - mean * mean))
            if distance > BAR:
                alerts.append((row, min(distance, 50.0)))
        window.append(value)
        total, squares = total + value, squares + value * value
        if len(window) > MOST:
            gone = window.popleft()
            total, squares = total - gone, squares - gone * gone
    return nab.Run(len(series.rows), series.windows, alerts)


def main() -> None:
    """Print a line per kind, and the benchmark's scores."""
    seeds = [int(word) for word in sys.argv[1:]] or [1]
    corpus = [series for seed in seeds for series in made(seed)]
    runs = [judged(series) for series in corpus]
    kinds: dict[str, list[nab.Run]] = {}
    for series, run in zip(corpus, runs, strict=True):
        kinds.setdefault(series.name, []).append(run)
    for name, of_kind in kinds.items():
        found, windows, wrong = (sum(numbers) for numbers in zip(*map(nab.counts, of_kind), strict=True))
        print(f"{name:16} found {found} of {windows}, false alerts {wrong} in {len(of_kind)} files")
    best, threshold = nab.best(runs)
    print(f"score {nab.score(runs, 0.0):.1f}, at the best threshold ({threshold:.2f}) {best:.1f}")
    print(f"a plain detector at its best threshold {nab.best(map(plain, corpus))[0]:.1f}")


main()
