"""Options of rate limits, as values."""

from dataclasses import dataclass
from typing import Final, Literal

from gateway.config.options import Options

FASTEST: Final = 1_000_000
"""Requests a second; above, the steps of the clock would be a noticeable share of the time between two requests."""

LONGEST: Final = 366 * 86400
"""Seconds in which a whole burst has to come back."""

NANOS: Final = 10**9

OnFailure = Literal["local", "allow", "deny"]

_CALLER: Final = ("client", "claim:")


@dataclass(frozen=True, slots=True)
class Rate(Options):
    """`count` requests in `seconds`, and at most `burst` at once."""

    count: int
    seconds: int
    burst: int

    @property
    def interval(self) -> int:
        """Nanoseconds between two requests; rounded up, so that the rate is never exceeded."""
        return -(-self.seconds * NANOS // self.count)

    @property
    def tolerance(self) -> int:
        """Nanoseconds in which a whole burst comes back."""
        return self.burst * self.interval


@dataclass(frozen=True, slots=True)
class Penalty(Options):
    """A key that was refused `after` times within `within` is blocked for `block` (seconds)."""

    after: int
    within: float
    block: float


@dataclass(frozen=True, slots=True)
class RateLimit(Options):
    """One limit. `per` are the parts of its key: all, route, client, ip, claim:PATH, header:NAME or param:NAME.

    `plans` are the rates of those whose claim `plan_claim` (a path, "" = none) is the name; all others have `rate`.
    `legacy` says whether answers carry X-RateLimit-* as well.  `cost` is taken before; where `cost_header` (lower case,
    "" = none) of the answer is a number, so much is what the request cost, at most `cost_max`.
    `is_leased` and `on_failure` are about a store that hosts share.
    """

    name: str
    per: tuple[str, ...]
    rate: Rate
    cost: int
    is_shadow: bool
    plan_claim: str
    plans: tuple[tuple[str, Rate], ...]
    legacy: bool
    where: str
    cost_header: str = ""
    cost_max: int = 0
    penalty: Penalty | None = None
    is_leased: bool = False
    on_failure: OnFailure = "local"

    @property
    def needs_caller(self) -> bool:
        """Whether it can only be looked at once it is known who calls."""
        return bool(self.plan_claim) or any(part.startswith(_CALLER) for part in self.per)
