"""Options of resilience, as values; the same units as in upstream/model.py."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Retry(Options):
    """Further tries. `on` holds statuses and the words "connect" and "reset"; `attempts` counts tries after the first.

    `budget` is the share of requests that may be tried again, `backoff` the base of the pause in seconds, `max_body`
    the bytes of a request body that are kept for another try.
    """

    attempts: int
    on: tuple[int | str, ...]
    methods: tuple[str, ...]
    budget: float
    backoff: float
    max_body: int
    where: str


@dataclass(frozen=True, slots=True)
class OwnRetry(Options):
    """What somebody who asks an upstream says instead of its `retry`: `rules`, None = off; `keys` are written ones."""

    rules: Retry | None
    keys: tuple[str, ...]

    def over(self, upstream: Retry | None) -> Retry | None:
        """The rules that hold: what is not written is the upstream's, or the section's default where it has none."""
        if self.rules is None or upstream is None:
            return self.rules
        written: dict[str, Any] = {key: getattr(self.rules, key) for key in self.keys}
        return replace(upstream, where=self.rules.where, **written)


@dataclass(frozen=True, slots=True)
class Hedge(Options):
    """A second try beside a late first one: after `after` seconds, or the live `quantile` (0..1) when it is set."""

    after: float
    quantile: float
    max: float
    where: str


@dataclass(frozen=True, slots=True)
class Health(Options):
    """Active checks of every target."""

    path: str
    every: float
    timeout: float
    fall: int
    rise: int
    expect: tuple[int, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Outlier(Options):
    """Passive ejection of targets that fail; `max_ejected` is a share of the targets."""

    consecutive_5xx: int
    eject_for: float
    max_ejected: float
    where: str


@dataclass(frozen=True, slots=True)
class CircuitBreaker(Options):
    """When to stop asking; `slow_call` 0 means that no call counts as slow."""

    failure_rate: float
    slow_call: float
    slow_rate: float
    window: float
    min_requests: int
    open_for: float
    half_open: int
    where: str


@dataclass(frozen=True, slots=True)
class Overload(Options):
    """How many requests an upstream is sent at once (None: found out by measuring) and how many may wait for a turn."""

    max_concurrency: int | None
    queue: int
    where: str
