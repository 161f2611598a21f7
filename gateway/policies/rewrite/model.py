"""Options of `rewrite`, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Rewrite(Options):
    """The template of the target that the upstream sees: a path, and a query when it has its own."""

    target: str
    where: str
