"""Addresses and host names, as they stand in bind, admin, targets and match.hosts."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def host_mistake(host: str) -> str:
    """What is wrong with a host name or an IP literal (IPv6 in brackets); empty when nothing is."""
    if host.startswith("["):
        return "" if host.endswith("]") and _is_ip(host[1:-1], 6) else "is not an IPv6 address in brackets"
    if ":" in host:
        return "is not a host name: it has a colon, which only an IPv6 address in brackets may have"
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        return "is not a host name"
    if host.rpartition(".")[2].isdigit() and not _is_ip(host, 4):
        return "is not an IPv4 address"
    return ""


def port_mistake(port: str, least: int = 1) -> str:
    """What is wrong with a port; empty when nothing is."""
    if re.fullmatch(r"[0-9]{1,5}", port) and least <= int(port) <= 65535:
        return ""
    return f"has no port from {least} to 65535"


def split_port(address: str) -> tuple[str, str]:
    """("[::1]", "80") of "[::1]:80"; the port is empty when there is none."""
    host, colon, port = address.rpartition(":")
    return (host, port) if colon and not address.endswith("]") else (address, "")


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach "host:port" or "unix:/path"."""
    if address.startswith("unix:"):
        return True
    host = split_port(address)[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def read_hosts(reader: OptionReader) -> tuple[str, ...]:
    """The hosts of a section in lower case; `*.` in front stands for one or more labels."""
    found: dict[str, None] = {}
    for text in reader.texts("hosts"):
        host = text.value.lower()
        if mistake := host_mistake(host.removeprefix("*.")):
            text.complain(f"{text.shown} {mistake}", _host_hint(host))
        elif host in found:
            text.complain(f"{text.shown} is there twice")
        found[host] = None
    return tuple(found)


def _host_hint(host: str) -> str:
    if "*" in host:
        return "a wildcard stands only in front: *.example.com; for any host leave `hosts` out"
    if not host.isascii():
        return "write it as it travels, in punycode (xn--…)"
    if re.fullmatch(r"[a-z0-9.-]+:[0-9]+", host):
        return f"hosts are compared without port: `{host.rpartition(':')[0]}`"
    return ""
