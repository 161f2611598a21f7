"""Values of a limit's key parts in a request. A part that the request lacks is "", one value like any other."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from gateway.exchange import Exchange
from gateway.http.template import claim_at, claim_text
from gateway.ratelimit.keys import join

Value = Callable[[Exchange], str]

#: networks of this size are one client's (RFC 6177)
IPV6_PREFIX = 64


def value_of(per: tuple[str, ...], route: str) -> Value | str:
    """What tells requests to `route` apart: a function, or the same text for all of them."""
    found = [_part(part, route) for part in per]
    if all(isinstance(each, str) for each in found):
        return "+".join(str(each) for each in found)
    if len(found) == 1:
        return found[0]
    getters = [always(each) if isinstance(each, str) else each for each in found]
    return lambda exchange: join([get(exchange) for get in getters])


def always(text: str) -> Value:
    """The same for every request."""
    return lambda exchange: text


def _part(part: str, route: str) -> Value | str:
    kind, _, name = part.partition(":")
    if kind in ("all", "route"):
        return "" if kind == "all" else route
    if kind == "client":
        return client
    if kind == "ip":
        return address
    return _NAMED[kind](name)


def address(exchange: Exchange) -> str:
    """The client's address."""
    return network(exchange.client)


def client(exchange: Exchange) -> str:
    """Who calls: the provider's name for it, else the address. NOTE: a provider's name holds no blank."""
    caller = exchange.caller
    return _anonymous(exchange.client) if caller is None else f"{caller.provider}:{caller.subject}"


@lru_cache(maxsize=4096)
def _anonymous(address: str) -> str:
    return f"ip {network(address)}"


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """An IPv4 address, one mapped into IPv6 too, or the /64 of an IPv6 one; "" for what is none (a unix socket's)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), IPV6_PREFIX), strict=False))


def claim(path: str) -> Value:
    """A claim of the caller."""
    names = tuple(path.split("."))
    return lambda exchange: "" if exchange.caller is None else claim_text(claim_at(exchange.caller.claims, names))


def _header(name: str) -> Value:
    return lambda exchange: exchange.header(name) or ""


def _param(name: str) -> Value:
    """SECURITY: decoded, for `%41` and `A` are the same to the upstream and must not have a bucket each."""
    return lambda exchange: unquote((exchange.params or {}).get(name, ""), errors="surrogateescape")


_NAMED: dict[str, Callable[[str], Value]] = {"claim": claim, "header": _header, "param": _param}
