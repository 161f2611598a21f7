"""ip: from which addresses a route may be called, once `server.trusted_proxies` have said whose address it is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from time import monotonic

from gateway.config.compiling import CompileContext, Compiler, ReportedOnce
from gateway.config.model import Route
from gateway.contracts import Step, Steps, Tools
from gateway.errors import ADDRESS_DENIED, GatewayError
from gateway.exchange import Exchange
from gateway.policies.ip.options import IpRules

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def compile(spec: IpRules, tools: Tools) -> Steps:
    """The step that lets in or raises ADDRESS_DENIED. Raises ValueError for what is no network."""
    allow, deny = spec.allow, spec.deny
    for text in (*allow, *deny):
        _network(text)

    def on_request(exchange: Exchange) -> None:
        # SECURITY: the client is not told which address it was taken for: that may be one of an inner network.
        if not may_call(exchange.client, allow, deny):
            raise GatewayError(ADDRESS_DENIED)

    return Steps(on_request=on_request)


@lru_cache(maxsize=4096)
def may_call(address: str, allow: tuple[str, ...], deny: tuple[str, ...]) -> bool:
    """Whether `address` is in none of `deny` and, where there is an `allow`, in one of those.

    Who has no address (the peer of a unix socket has "") is in no network: refused wherever there is an `allow`.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return not allow
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip in _network(text) for text in deny):
        return False
    return not allow or any(ip in _network(text) for text in allow)


@lru_cache(maxsize=4096)
def _network(text: str) -> Network:
    """The network; one of IPv4 addresses mapped into IPv6 (RFC 4291 section 2.5.5.2) is that of IPv4."""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((int(mapped or 0), network.prefixlen - 96))
    return network


class IpCompiler(Compiler):
    """Makes the step `ip`."""

    def __init__(self, context: CompileContext) -> None:
        self._reporting = ReportedOnce(context.report)

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        if route.ip is not None:
            with self._reporting(route.ip.where, f"routes.{route.name}.ip"):
                yield Step("ip", route.ip.where, compile(route.ip, Tools(route.name, monotonic, lambda message: None)))
