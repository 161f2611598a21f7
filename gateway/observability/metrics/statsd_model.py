"""`observability.statsd`, as a value."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Statsd(Options):
    """Where figures are sent to every `every` seconds; `tags`: in the dialect of DogStatsD."""

    host: str
    port: int
    prefix: str
    every: float
    tags: bool
    where: str
