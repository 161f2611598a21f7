"""The sections about targets that are found instead of written."""

from typing import Final

from gateway.config.schema_parts import LINE, NAME, Schema, choice, either, integer, section, text

_SCHEME: Final = choice("What the targets speak.", "http", "https", "grpc", "grpcs", default="http")
_NAME: Final = "a name and a port such as catalog.svc:8080, or an SRV name such as _http._tcp.catalog.svc"


def sections() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    asked = text(_NAME, "Every address of the name is a target; https:// before it for TLS.", LINE)
    server = text("an IP address and a port such as 127.0.0.1:8600", "Whom to ask, if not those in resolv.conf.", LINE)
    port = either(
        "a port's name or number",
        "The name or number of the pods' port; the only one when not written.",
        text("a port's name", "A name.", NAME),
        integer("A number.", 1, 65535),
    )
    return {
        "dns": either(
            f"{_NAME}, or {{name, server}}",
            "Targets by DNS, looked up again when the TTL has run out.",
            asked,
            section("A name and whom to ask.", {"name": asked, "server": server}, ("name",)),
        ),
        "kubernetes": section(
            "Targets by the EndpointSlices of a service, watched with the pod's own service account.",
            {
                "service": text("a service's name", "The service.", NAME),
                "namespace": text("a namespace", "Its namespace; the gateway's own when not written.", NAME),
                "port": port,
                "scheme": _SCHEME,
            },
            ("service",),
        ),
    }
