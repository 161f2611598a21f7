"""The section `server`."""

from gateway.cache.options import server_keys as cache_keys
from gateway.config.schema_parts import (
    OFF,
    Schema,
    boolean,
    choice,
    either,
    file_name,
    integer,
    listing,
    quantity,
    section,
    text,
)
from gateway.upstream.resilience.options import overload as overload_schema

_ADDRESS = r"^(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$|^unix:[^\x00-\x1f\x7f]+$"
_ADDRESS_TITLE = "an address such as 127.0.0.1:8000, [::1]:8000 or unix:/run/gateway.sock"


def _address(description: str, default: str | None = None) -> Schema:
    return text(_ADDRESS_TITLE, description, _ADDRESS, default)


def server() -> Schema:
    """The listening side."""
    limits = {
        "request_line": integer("Longest request line in bytes (414 beyond it).", 64, 32768, 8190),
        "headers": integer("Most header fields in a request (431 beyond it).", 1, 200, 100),
        "header_size": integer("Longest header field in bytes (431 beyond it).", 64, 32768, 8190),
        "body": quantity("size", "Largest request body (413 beyond it).", "10MB"),
        "header_timeout": quantity("positive", "Longest time for a whole request head, TLS handshake included.", "10s"),
        "body_timeout": quantity("positive", "Longest gap between two reads of a request body.", "60s"),
    }
    return section(
        "Where the gateway listens and what it lets in. `bind` and `workers` need a restart to change.",
        {
            "bind": either(
                "an address or a list of addresses",
                "Where clients are served: one address or a list.",
                _address("An address."),
                listing("Several addresses.", _address("An address."), least=1),
                default="127.0.0.1:8000",
            ),
            "admin": _address("Where health and the admin API are served; never on `bind`.", "127.0.0.1:8001"),
            "admin_token": {
                **text("a string", "Bearer token of the admin API; required when `admin` is not loopback.", default=""),
                "writeOnly": True,
            },
            "workers": either(
                "`auto` or a whole number from 1 to 256",
                "Worker processes; auto is one per usable core.",
                {"enum": ["auto"]},
                integer("Worker processes.", 1, 256),
                default="auto",
            ),
            "worker_memory": either(
                "a size such as 300MB, auto or off",
                "Memory of its own over which a worker is replaced; auto is a part of what there is.",
                {"enum": ["auto", OFF]},
                quantity("size", "A size."),
                default="auto",
            ),
            "connections": integer("Most client connections per worker.", 1, 1_000_000, 4000),
            "limit_keys": integer(
                "Keys of rate limits that may owe something at the same time, 16 bytes each.", 1024, 1 << 24, 65_536
            ),
            "keepalive": quantity("duration", "How long an idle client connection is kept.", "75s"),
            "graceful_timeout": quantity("positive", "How long requests may take to end when a worker stops.", "30s"),
            "drain_delay": quantity("duration", "How long /readyz says draining before the sockets close.", "0s"),
            "trusted_proxies": listing(
                "Networks whose Forwarded and X-Forwarded-* headers are believed; nobody's by default.",
                text("an address or a network such as 10.0.0.0/8", "An address or a network."),
            ),
            "limits": section("What one client request may be.", limits),
            "tls": _tls(),
            "proxy_protocol": boolean("Whether every client connection begins with a PROXY protocol header.", False),
            **cache_keys(),
            "overload": overload_schema("How much each upstream is sent at once; more is refused with 503."),
        },
    )


def _tls() -> Schema:
    certificate = {"cert": file_name("PEM certificate chain."), "key": file_name("PEM private key.")}
    hosts = listing("Host names, `*.example.com` for all below.", text("a host name", "A host name."), least=1)
    sni = listing(
        "Further certificates, chosen by the host name the client asks for.",
        section("A certificate for some hosts.", {"hosts": hosts, **certificate}, ("hosts", "cert", "key")),
    )
    keys = {
        **certificate,
        "sni": sni,
        "client_ca": file_name("PEM certificates of the authorities that clients' certificates are verified against."),
        "client_auth": choice(
            "Whether every client must show a certificate, or may; one that is shown is always verified.",
            "optional",
            "required",
            default="optional",
        ),
        "http2": boolean("Let clients speak HTTP/2, on which they agree by ALPN.", False),
    }
    return section("TLS towards clients.", keys, ("cert", "key"))


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    return {"server": server()}
