"""Options of upstreams that are started when they are needed, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Activate(Options):
    """At most `queue` requests wait in each worker, each at most `hold` seconds.

    `wake` is the URL that is called, "" = none, by `method`, at most once in `every` seconds; `insecure` allows http.
    """

    hold: float
    queue: int
    wake: str
    method: str
    every: float
    insecure: bool
    where: str
