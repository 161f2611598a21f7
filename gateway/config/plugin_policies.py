"""What a configuration asks of plugins, as values."""

from dataclasses import dataclass

from gateway.config.record import Record
from gateway.http.frozen import FrozenMap


@dataclass(frozen=True, slots=True)
class PolicyUse(Record):
    """A plugin's policy on a route and what stands in its `with`."""

    name: str
    options: FrozenMap
    where: str
