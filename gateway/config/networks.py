"""Networks: `server.trusted_proxies`, and `ip` of a route and of `defaults`."""

import ipaddress
from collections.abc import Iterator

from gateway.auth.access_schema import OFF
from gateway.auth.model import IpRules
from gateway.config.reader import OptionReader, ScalarNode


def read_networks(reader: OptionReader, key: str) -> tuple[str, ...]:
    """The networks in a list, each in its shortest spelling."""
    return tuple(dict.fromkeys(_networks(reader.texts(key))))


def read_ip(holder: OptionReader, default: IpRules | None) -> IpRules | None:
    """`ip` of a route, which wins over that in `defaults` as a whole."""
    if "ip" not in holder:
        return default
    if holder.raw("ip") == OFF:
        return None
    reader = holder.section("ip")
    rules = IpRules(read_networks(reader, "allow"), read_networks(reader, "deny"), reader.where)
    if holder.raw("ip") == {}:
        holder.complain("it says nothing", "write `allow` or `deny`", key="ip")
    return rules


def _networks(texts: Iterator[ScalarNode]) -> Iterator[str]:
    for text in texts:
        try:
            yield str(ipaddress.ip_network(text.value))
        except ValueError:
            text.complain(f"{text.shown} is not an address or a network", _hint(text.value))


def _hint(text: str) -> str:
    try:
        return f"did you mean `{ipaddress.ip_network(text, strict=False)}`?"
    except ValueError:
        return ""
