"""A route's uses of plugins' policies, as values."""

from gateway.config.options import Options
from gateway.http.frozen import FrozenDict


class PluginPolicy(Options, frozen=True):
    """A plugin's policy on a route and what stands in its `with`."""

    name: str
    options: FrozenDict
    where: str
