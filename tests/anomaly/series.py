"""Series as a gateway's metrics look, with and without something wrong in them. The same seed makes the same series."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

STEP = 300
DAY = 288
ROWS = 14 * DAY
#: a Monday, 00:00 UTC
START = 1_396_224_000


@dataclass(frozen=True)
class Series:
    """Rows of (seconds since 1970, value), and the first and last row of each window with an anomaly in it."""

    name: str
    rows: list[tuple[float, float]]
    windows: list[tuple[int, int]]


def made(seed: int) -> list[Series]:
    """One of each kind."""
    return [_one(name, random.Random(f"{name} {seed}")) for name in KINDS]


def _one(name: str, rng: random.Random) -> Series:
    base, wrong = KINDS[name]
    values = base(rng)
    onsets = wrong(rng, values) if wrong else []
    # the benchmark's windows take a tenth of a file, around the onset
    half = len(values) // 20 // max(1, len(onsets))
    rows = [(float(START + i * STEP), value) for i, value in enumerate(values)]
    if name.startswith("gap"):
        hole = range(8 * DAY + 30, 8 * DAY + 100)
        rows = [row for i, row in enumerate(rows) if i not in hole]
    return Series(name, rows, [(onset - half, min(onset + half, len(rows) - 1)) for onset in onsets])


def _swing(i: int) -> float:
    return math.sin(2 * math.pi * (i % DAY / DAY - 0.3))


def steady(rng: random.Random) -> list[float]:
    """A processor's load that idles."""
    return [42 + rng.gauss(0, 2) for _ in range(ROWS)]


def day(rng: random.Random) -> list[float]:
    """Requests with days and nights."""
    return [max(0.0, 100 * (1 + 0.7 * _swing(i)) * math.exp(rng.gauss(0, 0.12))) for i in range(ROWS)]


def week(rng: random.Random) -> list[float]:
    """The same, quieter at weekends."""
    return [value * (0.6 if i // DAY % 7 >= 5 else 1.0) for i, value in enumerate(day(rng))]


def hours(rng: random.Random) -> list[float]:
    """A job that runs from nine to six."""
    return [(80.0 if 108 <= i % DAY < 216 else 20.0) + rng.uniform(-4, 4) for i in range(ROWS)]


def wander(rng: random.Random) -> list[float]:
    """A temperature, or a queue: each value near the one before."""
    level, values = 0.0, []
    for _ in range(ROWS):
        level = 0.97 * level + rng.gauss(0, 0.5)
        values.append(70 + level)
    return values


def bursts(rng: random.Random) -> list[float]:
    """Bytes that come in bursts, mostly none."""
    return [math.exp(rng.gauss(13, 0.8)) if rng.random() < 0.1 else 0.0 for _ in range(ROWS)]


def sparse(rng: random.Random) -> list[float]:
    """Few requests, hardly any at night."""
    return [float(sum(rng.random() < 0.04 * (1 + _swing(i)) for _ in range(25))) for i in range(ROWS)]


def constant(rng: random.Random) -> list[float]:
    """Nothing happens."""
    return [45.0] * (ROWS - rng.randrange(2))


def latency(rng: random.Random) -> list[float]:
    """A p99 in milliseconds: skewed, with a slow value now and then."""
    return [120 * math.exp(abs(rng.gauss(0, 0.15))) * (2.0 if rng.random() < 0.004 else 1.0) for _ in range(ROWS)]


def _onset(rng: random.Random) -> int:
    # after the benchmark's first 15 %, in the hours when something is going on
    return rng.randrange(7, 12) * DAY + rng.randrange(130, 190)


def spike(rng: random.Random, values: list[float]) -> list[int]:
    """Three values far above all before."""
    at = _onset(rng)
    for i in range(at, at + 3):
        values[i] = 3 * max(values[:at])
    return [at]


def dip(rng: random.Random, values: list[float]) -> list[int]:
    """An hour near nothing."""
    at = _onset(rng)
    values[at : at + 12] = [value * 0.03 for value in values[at : at + 12]]
    return [at]


def shift(rng: random.Random, values: list[float]) -> list[int]:
    """A new level, for good."""
    at = _onset(rng)
    values[at:] = [value * 1.3 for value in values[at:]]
    return [at]


def shaky(rng: random.Random, values: list[float]) -> list[int]:
    """The same level, and four times the noise, for half a day."""
    at = _onset(rng)
    mean = sum(values[:at]) / at
    for i in range(at, at + 144):
        values[i] = max(0.0, mean + 4 * (values[i] - mean))
    return [at]


def stuck(rng: random.Random, values: list[float]) -> list[int]:
    """The last value, for six hours."""
    at = _onset(rng)
    values[at : at + 72] = [values[at]] * 72
    return [at]


def missing(rng: random.Random, values: list[float]) -> list[int]:
    """A day that does not happen: no value that was not seen before, only at the wrong time."""
    at = rng.randrange(7, 12) * DAY + 108
    night = values[at - 108 : at - 8]
    values[at : at + 100] = night
    return [at]


def drift(rng: random.Random, values: list[float]) -> list[int]:
    """A leak: up by half within a day."""
    at = rng.randrange(7, 11) * DAY
    for i in range(at, len(values)):
        values[i] *= 1 + 0.5 * min(1.0, (i - at) / DAY)
    return [at + DAY // 4]


def twice(rng: random.Random, values: list[float]) -> list[int]:
    """Two spikes, days apart."""
    first = _onset(rng)
    second = first + 2 * DAY - 40
    for at in (first, second):
        values[at] = values[at + 1] = 4 * max(values[: first - 1])
    return [first, second]


Base = Callable[[random.Random], list[float]]
Wrong = Callable[[random.Random, list[float]], list[int]]
KINDS: dict[str, tuple[Base, Wrong | None]] = {
    **{f"quiet {base.__name__}": (base, None) for base in
       (steady, day, week, hours, wander, bursts, sparse, constant, latency)},
    "gap day": (day, None),
    **{f"{wrong.__name__} {base.__name__}": (base, wrong) for base, wrong in (
        (steady, spike), (steady, dip), (steady, shift), (steady, shaky), (steady, stuck), (steady, twice),
        (day, spike), (day, dip), (day, shift), (day, missing), (day, stuck), (week, dip), (week, spike),
        (hours, missing), (hours, dip), (wander, spike), (wander, stuck), (wander, shaky), (bursts, twice),
        (sparse, spike), (latency, shift), (latency, spike), (latency, shaky), (steady, drift),
    )},
}  # fmt: skip
