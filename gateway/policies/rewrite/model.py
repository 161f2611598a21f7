"""Options of `rewrite`, as values."""

from gateway.config.options import Options


class Rewrite(Options, frozen=True):
    """The template of the target that the upstream sees: a path, and a query when it has its own."""

    target: str
    where: str
