"""Options of discovery: `dns` and `kubernetes` of an upstream, targets that are found."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, Final

from gateway.config.diagnostics import did_you_mean
from gateway.config.hosts import host_mistake, port_mistake, split_port
from gateway.config.options import Kind, Options, Schema, custom, read, schema_of
from gateway.config.options import text as text_kind
from gateway.config.schema_parts import LINE, NAME, choice, either, integer, section, text

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.text import ScalarNode

_SCHEMES: Final = ("http", "https", "grpc", "grpcs")
_KINDS: Final = ("targets", "dns", "kubernetes")
_EXAMPLE: Final = "write catalog.svc:8080, or _http._tcp.catalog.svc for SRV records"
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME: Final = "a name and a port such as catalog.svc:8080, or an SRV name such as _http._tcp.catalog.svc"
_SCHEME: Final = choice("What the targets speak.", *_SCHEMES, default="http")
_PORT: Final = either(
    "a port's name or number",
    "The name or number of the pods' port; the only one when not written.",
    text("a port's name", "A name.", NAME),
    integer("A number.", 1, 65535),
)


class Dns(Options, frozen=True):
    """Every address of a name. `port` 0 asks for SRV records, which hold ports; `server` "" asks those of the host."""

    scheme: str
    name: str
    port: int
    server: str

    def __str__(self) -> str:
        return f"dns {self.name}:{self.port}" if self.port else f"dns {self.name}"


class Kubernetes(Options, frozen=True):
    """The ready endpoints of a service. `namespace` "" is the gateway's own; `port` is a name, a number or "".

    A number is that of the pods, which the service's own may differ from; "" is the only one.
    """

    service: Annotated[str, text_kind("a service's name", "The service.", NAME).must()]
    namespace: Annotated[str, text_kind("a namespace", "Its namespace; the gateway's own when not written.", NAME)]
    port: Annotated[str, custom(_PORT, _port)]
    scheme: Annotated[str, Kind(_SCHEME, lambda reader, key: reader.text(key))]

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.service}" if self.namespace else self.service
        return f"kubernetes {place}" + (f", port {self.port}" if self.port else "")


Discovery = Dns | Kubernetes


def upstream_keys() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    asked = text(_NAME, "Every address of the name is a target; https:// before it for TLS.", LINE)
    server = text("an IP address and a port such as 127.0.0.1:8600", "Whom to ask, if not those in resolv.conf.", LINE)
    return {
        "dns": either(
            f"{_NAME}, or {{name, server}}",
            "Targets by DNS, looked up again when the TTL has run out.",
            asked,
            section("A name and whom to ask.", {"name": asked, "server": server}, ("name",)),
        ),
        "kubernetes": schema_of(
            Kubernetes, "Targets by the EndpointSlices of a service, watched with the pod's own service account."
        ),
    }


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
    return read(Kubernetes, reader)


def _port(reader: OptionReader, key: str) -> str:
    port = reader.raw(key)
    return str(port) if type(port) is int else reader.text(key)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
