"""`ip` of routes and of `defaults`."""

from __future__ import annotations

from gateway.config.networks import read_networks
from gateway.config.reader import OptionReader
from gateway.config.reading import RouteContext
from gateway.config.schema_parts import OFF
from gateway.policies.ip.model import IpRules


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
