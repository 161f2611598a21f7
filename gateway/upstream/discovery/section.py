"""`dns` and `kubernetes` of an upstream: targets that are found."""

import ipaddress
import re

from gateway.config.diagnostics import did_you_mean
from gateway.config.hosts import host_mistake, port_mistake, split_port
from gateway.config.reader import OptionReader, ScalarNode
from gateway.upstream.discovery.model import Discovery, Dns, Kubernetes

_SCHEMES = ("http", "https", "grpc", "grpcs")
_KINDS = ("targets", "dns", "kubernetes")
_EXAMPLE = "write catalog.svc:8080, or _http._tcp.catalog.svc for SRV records"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def read_discovery(holder: OptionReader) -> Discovery | None:
    """How an upstream's targets are found; None where they are written."""
    written = [key for key in _KINDS if key in holder]
    if len(written) > 1:
        holder.complain(f"an upstream has either `{written[0]}` or `{written[1]}`, not both", key=written[1])
    if "dns" in holder:
        return _dns(holder)
    return _kubernetes(holder.section("kubernetes")) if "kubernetes" in holder else None


def _dns(holder: OptionReader) -> Dns | None:
    reader = holder.section("dns")
    name = holder.one("dns") or reader.one("name")
    if name is None:
        return None
    scheme, separator, address = name.value.partition("://")
    if not separator:
        scheme, address = "http", name.value
    if scheme not in _SCHEMES:
        hint = did_you_mean(scheme, _SCHEMES)
        name.complain(f"{name.shown} does not begin with http://, https://, grpc:// or grpcs://", hint)
    host, port = split_port(address)
    if mistake := _dns_mistake(host, port):
        name.complain(f"{name.shown} {mistake}", _EXAMPLE)
        return None
    return Dns(scheme, host.lower(), int(port or 0), _server(reader.one("server")))


def _dns_mistake(host: str, port: str) -> str:
    if "/" in host or "/" in port:
        return "has a path; use `rewrite` for paths"
    if _is_address(host.strip("[]")):
        return "is an address, not a name; write it under `targets`"
    if mistake := host_mistake(host.removesuffix(".")):
        return f"has a name that {mistake}"
    if host.startswith("_"):
        return "has a port, which its SRV records say" if port else ""
    return port_mistake(port)


def _server(text: ScalarNode | None) -> str:
    if text is None:
        return ""
    host, port = split_port(text.value)
    if not _is_address(host.strip("[]")):
        text.complain(f"{text.shown} is not an IP address with a port", "write 127.0.0.1:53")
    elif mistake := port_mistake(port):
        text.complain(f"{text.shown} {mistake}")
    return text.value


def _kubernetes(reader: OptionReader) -> Kubernetes:
    for key in ("service", "namespace"):
        name = reader.one(key)
        if name is not None and not _LABEL.fullmatch(name.value):
            name.complain(f"{name.shown} is no name in Kubernetes", "small letters, digits and hyphens, 63 at most")
    port = reader.raw("port")
    return Kubernetes(
        scheme=reader.text("scheme"),
        service=reader.text("service"),
        namespace=reader.text("namespace"),
        port=str(port) if type(port) is int else reader.text("port"),
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
