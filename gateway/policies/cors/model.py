"""Options of `cors`, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Cors(Options):
    """Who may call from a page of another origin. Origins are exact, "https://*.example.com", "*" or "re:<regex>".

    Empty `methods` allow those of the route, empty `headers` what the preflight asks for. `max_age` in seconds.
    """

    name: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    allows_credentials: bool
    allows_private_network: bool
    max_age: float
    where: str
