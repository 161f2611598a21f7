"""Options of `ip` of routes and of `defaults`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config import schema_parts as schemas
from gateway.config.networks import read_networks
from gateway.config.options import Options
from gateway.config.schema_parts import OFF, Schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext


class IpRules(Options, frozen=True):
    """Networks of clients. `deny` wins; with an `allow`, what is not in it is refused."""

    allow: tuple[str, ...]
    deny: tuple[str, ...]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`, that this module describes."""
    return {
        "ip": schemas.either(
            "`off`, or a mapping with `allow` or `deny`",
            "Addresses that may call; all when not written.",
            {"enum": [OFF]},
            {"$ref": "#/definitions/ip"},
        )
    }


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"ip": ip_rules()}


def ip_rules() -> Schema:
    """`ip` of a route."""
    network = schemas.text("an address or a network such as 10.0.0.0/8", "An address or a network.")
    keys = {
        "allow": schemas.listing("Only these may call.", network, least=1),
        "deny": schemas.listing("These may not, whatever `allow` says.", network, least=1),
    }
    return schemas.section("Networks of clients, after `server.trusted_proxies`.", keys)


def read_ip(holder: OptionReader, context: RouteContext) -> IpRules | None:
    """`ip` of a route, which wins over that in `defaults` as a whole."""
    if "ip" not in holder:
        return context.defaults.get("ip")
    if holder.raw("ip") == OFF:
        return None
    reader = holder.section("ip")
    rules = IpRules(read_networks(reader, "allow"), read_networks(reader, "deny"), reader.where)
    if holder.raw("ip") == {}:
        holder.complain("it says nothing", "write `allow` or `deny`", key="ip")
    return rules
