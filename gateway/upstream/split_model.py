"""Options of split and mirror, as values; the same units as in upstream/model.py."""

from dataclasses import dataclass

from gateway.config.header_edits_model import HeaderRules
from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Leg(Options):
    """One upstream of a split and its share beside the others."""

    upstream: str
    weight: int
    headers: HeaderRules | None
    where: str


@dataclass(frozen=True, slots=True)
class Split(Options):
    """Legs of different upstreams, one at least with a weight; `override` is a header's name or ""."""

    legs: tuple[Leg, ...]
    sticky: bool
    override: str
    where: str


@dataclass(frozen=True, slots=True)
class Mirror(Options):
    """The upstream that gets copies, and of which share (0..1) of the requests."""

    upstream: str
    share: float
    where: str
