"""Traffic as it is: rates over a time, how long work takes, and which keys are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

DAY = 86_400.0
Rate = Callable[[float], float]  # seconds -> requests a second
Draw = Callable[[Random], float]  # one value of a distribution with mean 1


def steady(rate: float) -> Rate:
    """The same all the time."""
    return lambda _: rate


def burst(rate: float, factor: float, start: float, seconds: float, rise: float = 0.0) -> Rate:
    """`factor` times as much from `start` on for `seconds`, reached within `rise` seconds."""

    def at(time: float) -> float:
        if not start <= time < start + seconds:
            return rate
        risen = min(1.0, (time - start) / rise) if rise else 1.0
        return rate * (1 + (factor - 1) * risen)

    return at


def diurnal(mean: float, swing: float, second: float = 0.25, day: float = DAY) -> Rate:
    """A day with its night at time 0: `swing` is how far from the mean it goes, `second` the share of a second peak."""

    def at(time: float) -> float:
        turn = 2 * math.pi * time / day
        return mean * max(0.05, 1 - swing * ((1 - second) * math.cos(turn) + second * math.cos(2 * turn)))

    return at


def constant(_: Random) -> float:
    """Work that always takes the same."""
    return 1.0


def exponential(random: Random) -> float:
    """Work without a memory."""
    return random.expovariate(1.0)


def lognormal(sigma: float) -> Draw:
    """A long tail, as upstreams have: `sigma` 1 has a p99 of 6 times the mean."""
    return lambda random: random.lognormvariate(-sigma * sigma / 2, sigma)


def draw(name: str, sigma: float = 1.0) -> Draw:
    """A distribution by its name."""
    return {"constant": constant, "exponential": exponential, "lognormal": lognormal(sigma)}[name]


def zipf(keys: int, skew: float) -> list[float]:
    """The share of each key, the most asked first: `1 / rank ** skew`."""
    weights = [rank**-skew for rank in range(1, keys + 1)]
    whole = math.fsum(weights)
    return [weight / whole for weight in weights]


def distinct(shares: list[float], requests: float) -> float:
    """How many different keys so many requests ask for, expected, when requests are independent (Poisson)."""
    return math.fsum(-math.expm1(-requests * share) for share in shares)


def lru_hits(shares: list[float], places: int) -> float:
    """The share of requests that a cache of the `places` last used keys answers (Che's approximation)."""
    if places >= len(shares):
        return 1.0
    low, high = 0.0, 1.0
    while distinct(shares, high) < places:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if distinct(shares, middle) < places else (low, middle)
    return math.fsum(share * -math.expm1(-high * share) for share in shares)
