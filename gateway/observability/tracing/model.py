"""Options of `observability.tracing`, as values."""

from dataclasses import dataclass

from gateway.config.header_edits_model import Pairs
from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Tracing(Options):
    """Traces and where they go: `otlp` is the full URL, `headers` go there too (they may hold secrets).

    `sample` is the share of traces that begin here; `slow` is seconds, 0.0 = never; `most` is requests per second that
    each worker keeps.
    """

    otlp: str
    headers: Pairs
    service: str
    sample: float
    slow: float
    b3: bool
    response_header: bool
    most: int
    where: str
