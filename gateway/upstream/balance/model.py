"""Options of balancing, as a value; the same units as in upstream/model.py."""

from dataclasses import dataclass
from math import inf

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Balance(Options):
    """`kind` is round_robin, random, least_requests, p2c, hash or sticky.

    For hash, `key` is header, cookie, query, path or ip, `name` whose, and `headroom` the share above the mean that a
    target may be loaded with (inf: any). `slow_start` is in seconds, 0 for none.
    """

    kind: str = "p2c"
    key: str = ""
    name: str = ""
    headroom: float = inf
    slow_start: float = 0.0
