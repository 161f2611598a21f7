"""Schema of `upstreams`."""

from gateway.config.schema_parts import (
    LINE,
    OBJECT_NAME,
    Schema,
    boolean,
    either,
    file_name,
    integer,
    listing,
    mapping,
    quantity,
    section,
    text,
)
from gateway.upstream import activation_schema
from gateway.upstream.balance import schema as balance_schema
from gateway.upstream.discovery import schema as discovery_schema
from gateway.upstream.resilience import schema as resilience_schema


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    return {"upstreams": mapping("The services behind the gateway, by name.", upstream(), OBJECT_NAME)}


def upstream() -> Schema:
    """One named service."""
    schemes = "http://, https://, grpc://, grpcs:// or unix:/path."
    url = text("a target such as http://10.0.0.1:8080 or unix:/run/app.sock", schemes, LINE)
    target = section(
        "A target with a weight.",
        {
            "url": url,
            "weight": integer("Its share of requests beside the others.", 1, 65535, 1),
            "zone": text("a zone", "Where it runs, such as eu-west-1a. Shown by the admin API; the choice ignores it."),
            "region": text("a region", "Where it runs, such as eu. Shown by the admin API; the choice ignores it."),
        },
        ("url",),
    )
    timeout = {
        "connect": quantity("positive", "Longest wait for a connection.", "2s"),
        "read": quantity("positive", "Longest gap between two reads of the answer.", "30s"),
        "total": quantity("positive", "Longest time from the first attempt to the end of the answer.", "60s"),
        "idle": quantity("positive", "Longest time without a byte on a WebSocket, instead of read and total.", "10m"),
    }
    pool = {
        "max_connections": integer("Most connections to each target, per worker.", 1, 65535, 256),
        "idle": quantity("duration", "How long an unused connection is kept.", "60s"),
    }
    tls = {
        "ca": file_name("PEM certificates of the authorities to trust instead of the system's."),
        "client_cert": file_name("PEM certificate chain to show to the upstream."),
        "client_key": file_name("PEM private key of `client_cert`."),
        "server_name": text("a host name", "The name to ask for and to verify instead of the target's host.", LINE),
        "insecure": boolean("Do not verify the upstream's certificate.", False),
    }
    return section(
        "A named service.",
        {
            "targets": listing("The addresses that serve it.", either("a target", "A target.", url, target)),
            **discovery_schema.sections(),
            **balance_schema.sections(),
            "timeout": section("Timeouts; connect and read may not exceed total.", timeout),
            "pool": section("Connections that are kept.", pool),
            "tls": section("TLS towards https targets; certificates are verified.", tls),
            **resilience_schema.sections(),
            **activation_schema.sections(),
        },
    )
