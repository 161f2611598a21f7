"""A route's uses of plugins' policies, as values."""

from dataclasses import dataclass

from gateway.config.options import Options
from gateway.http.frozen import FrozenDict


@dataclass(frozen=True, slots=True)
class PluginPolicy(Options):
    """A plugin's policy on a route and what stands in its `with`."""

    name: str
    options: FrozenDict
    where: str
