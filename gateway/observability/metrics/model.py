"""Options of metrics, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Metrics(Options):
    """`series` is how many there is room for, 0 = as many as the configuration at the start asks for."""

    is_on: bool = True
    series: int = 0
    where: str = ""
