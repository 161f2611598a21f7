"""Options of `ip`, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class IpRules(Options):
    """Networks of clients. `deny` wins; with an `allow`, what is not in it is refused."""

    allow: tuple[str, ...]
    deny: tuple[str, ...]
    where: str
