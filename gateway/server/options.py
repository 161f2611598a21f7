"""Options of `server`."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

from gateway.cache.options import server_keys as cache_keys
from gateway.config import options
from gateway.config import schema_parts as schemas
from gateway.config.certificate_files import read_authorities, read_pair
from gateway.config.hosts import host_mistake, is_loopback, port_mistake, read_hosts, split_port
from gateway.config.networks import read_networks
from gateway.config.options import (
    Options,
    choice,
    custom,
    duration,
    file_of,
    flag,
    integer,
    keys_of,
    nested,
    positive,
    schema_of,
    size,
)
from gateway.config.schema_parts import OFF, Schema
from gateway.config.units import parse_size
from gateway.upstream.resilience.options import Overload, read_overload
from gateway.upstream.resilience.options import overload as overload_schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import Reading

_ADDRESS = r"^(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$|^unix:[^\x00-\x1f\x7f]+$"
_ADDRESS_TITLE = "an address such as 127.0.0.1:8000, [::1]:8000 or unix:/run/gateway.sock"
#: bytes; of its own memory an idle worker has 25 to 35 MB
WORKER_LEAST = 48 << 20
_SHORT = 16
_VISIBLE = re.compile(r"[\x21-\x7e]*")
_HOSTS = schemas.listing(
    "Host names, `*.example.com` for all below.", schemas.text("a host name", "A host name."), least=1
)
_ADMIN = schemas.text(
    _ADDRESS_TITLE, "Where health and the admin API are served; never on `bind`.", _ADDRESS, "127.0.0.1:8001"
)
_ANY = schemas.text(_ADDRESS_TITLE, "An address.", _ADDRESS)
_BIND = schemas.either(
    "an address or a list of addresses",
    "Where clients are served: one address or a list.",
    _ANY,
    schemas.listing("Several addresses.", _ANY, least=1),
    default="127.0.0.1:8000",
)
_TOKEN = {
    **schemas.text("a string", "Bearer token of the admin API; required when `admin` is not loopback.", default=""),
    "writeOnly": True,
}
_WORKERS = schemas.either(
    "`auto` or a whole number from 1 to 256",
    "Worker processes; auto is one per usable core.",
    {"enum": ["auto"]},
    schemas.integer("Worker processes.", 1, 256),
    default="auto",
)
_MEMORY = schemas.either(
    "a size such as 300MB, auto or off",
    "Memory of its own over which a worker is replaced; auto is a part of what there is.",
    {"enum": ["auto", OFF]},
    schemas.quantity("size", "A size."),
    default="auto",
)
_PROXIES = schemas.listing(
    "Networks whose Forwarded and X-Forwarded-* headers are believed; nobody's by default.",
    schemas.text("an address or a network such as 10.0.0.0/8", "An address or a network."),
)


class Certificate(Options, frozen=True):
    """A certificate chain and its key (absolute file names) for the hosts named; no hosts: the default one."""

    hosts: Annotated[tuple[str, ...], custom(_HOSTS, lambda reader, key: read_hosts(reader)).must()]
    cert: Annotated[str, file_of("PEM certificate chain.").must()]
    key: Annotated[str, file_of("PEM private key.").must()]


class ServerTLS(Options, frozen=True):
    """TLS towards clients: the default certificate, and others chosen by SNI.

    `client_ca` is the file of authorities for clients' certificates, "" = they are not asked for one; `client_auth`
    is "optional" or "required".
    """

    default: Certificate
    sni: tuple[Certificate, ...]
    client_ca: Annotated[
        str,
        file_of(
            "PEM certificates of the authorities that clients' certificates are verified against.", read_authorities
        ),
    ] = ""
    client_auth: Annotated[
        str,
        choice(
            "Whether every client must show a certificate, or may; one that is shown is always verified.",
            *("optional", "required"),
            default="optional",
        ),
    ] = "optional"
    http2: Annotated[bool, flag("Let clients speak HTTP/2, on which they agree by ALPN.", False)] = False


class Limits(Options, frozen=True):
    """What one client request may be: bytes, a count, seconds."""

    request_line: Annotated[int, integer("Longest request line in bytes (414 beyond it).", 64, 32768, 8190)]
    headers: Annotated[int, integer("Most header fields in a request (431 beyond it).", 1, 200, 100)]
    header_size: Annotated[int, integer("Longest header field in bytes (431 beyond it).", 64, 32768, 8190)]
    body: Annotated[int, size("Largest request body (413 beyond it).", "10MB")]
    header_timeout: Annotated[float, positive("Longest time for a whole request head, TLS handshake included.", "10s")]
    body_timeout: Annotated[float, positive("Longest gap between two reads of a request body.", "60s")]


class Server(Options, frozen=True):
    """The listening side. Addresses are "host:port", "[v6]:port" or "unix:/absolute/path"; workers None is auto.

    `worker_memory` is bytes of its own memory over which a worker is replaced, None is auto, 0 never; `cache_memory`
    bytes for caches, of each worker, None is auto; `drain_delay` seconds after SIGTERM, in which /readyz is 503 and
    all are served still; `limit_keys` the keys of rate limits that may owe something at the same time.
    """

    bind: Annotated[tuple[str, ...], custom(_BIND, _bind)]
    admin: Annotated[str, custom(_ADMIN, _admin)]
    admin_token: Annotated[str, custom(_TOKEN, _admin_token)]
    workers: Annotated[int | None, custom(_WORKERS, _workers)]
    worker_memory: Annotated[int | None, custom(_MEMORY, _worker_memory)]
    connections: Annotated[int, integer("Most client connections per worker.", 1, 1_000_000, 4000)]
    limit_keys: Annotated[
        int,
        integer("Keys of rate limits that may owe something at the same time, 16 bytes each.", 1024, 1 << 24, 65_536),
    ]
    keepalive: Annotated[float, duration("How long an idle client connection is kept.", "75s")]
    graceful_timeout: Annotated[float, positive("How long requests may take to end when a worker stops.", "30s")]
    drain_delay: Annotated[float, duration("How long /readyz says draining before the sockets close.", "0s")]
    trusted_proxies: Annotated[tuple[str, ...], custom(_PROXIES, read_networks)]
    limits: Annotated[Limits, nested(Limits, "What one client request may be.")]
    tls: Annotated[ServerTLS | None, custom(_tls_schema(), _tls)]
    proxy_protocol: Annotated[bool, flag("Whether every client connection begins with a PROXY protocol header.", False)]
    cache_memory: Annotated[int | None, custom(cache_keys()["cache"], _cache_memory).named("cache")]
    overload: Annotated[
        Overload | None,
        custom(
            overload_schema("How much each upstream is sent at once; more is refused with 503."),
            lambda reader, key: read_overload(reader),
        ),
    ]
    where: str


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    words = "Where the gateway listens and what it lets in. `bind` and `workers` need a restart to change."
    return {"server": schema_of(Server, words)}


def _tls_schema() -> Schema:
    certificate = keys_of(Certificate)
    sni = schemas.listing(
        "Further certificates, chosen by the host name the client asks for.",
        schema_of(Certificate, "A certificate for some hosts."),
    )
    keys = {"cert": certificate["cert"], "key": certificate["key"], "sni": sni, **keys_of(ServerTLS)}
    return schemas.section("TLS towards clients.", keys, ("cert", "key"))


def _workers(reader: OptionReader, key: str) -> int | None:
    workers = reader.raw(key)
    return workers if type(workers) is int else None


def _cache_memory(reader: OptionReader, key: str) -> int | None:
    return _size(reader.section(key), "memory")


def _bind(reader: OptionReader, key: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts(key):
        address = _read_address(reader, text)
        if address in found:
            text.complain(f"{text.shown} is named twice")
        found[address] = None
    return tuple(found) or (str(reader.default(key)),)


def _read_address(reader: OptionReader, text: ScalarNode) -> str:
    """The address as gunicorn takes it; a socket's path is made absolute."""
    if text.value.startswith("unix:"):
        return "unix:" + reader.absolute(text.value.removeprefix("unix:"))
    host, port = split_port(text.value)
    if mistake := host_mistake(host) or port_mistake(port, least=0):
        text.complain(f"{text.shown} {mistake}")
    return text.value


def _admin(reader: OptionReader, key: str) -> str:
    text = reader.one(key)
    if text is None:
        return str(reader.default(key))
    address = _read_address(reader, text)
    if address in {_read_address(reader, each) for each in reader.texts("bind")} and not address.endswith(":0"):
        text.complain("the admin API may not share an address with `bind`")
    token = reader.one("admin_token")
    if not is_loopback(address) and token is not None and 0 < len(token.value) < _SHORT:
        token.warn("the token is short enough to be guessed (`openssl rand -hex 32` makes one)")
    if not is_loopback(address) and not reader.raw("admin_token"):
        hint = "write `admin_token: ${env:GATEWAY_ADMIN_TOKEN}`, or keep `admin` on 127.0.0.1"
        text.complain("the admin API beyond this machine requires `admin_token`", hint)
    return address


def _admin_token(reader: OptionReader, key: str) -> str:
    text = reader.one(key)
    if text is not None and not _VISIBLE.fullmatch(text.value):
        text.complain("a token may hold only visible ASCII characters, and no spaces")
    return reader.text(key)


def _size(reader: OptionReader, key: str) -> int | None:
    """Bytes; None for `auto`, and for what is wrong and was told."""
    try:
        return parse_size(reader.text(key))
    except ValueError:
        return None


def _worker_memory(reader: OptionReader, key: str) -> int | None:
    found = 0 if reader.text(key) == OFF else _size(reader, key)
    text = reader.one(key)
    if text is not None and found and found < WORKER_LEAST:
        hint = "write auto, or the largest that a worker should be"
        text.complain(f"a worker begins with nearly as much as {text.shown}, so each would be replaced", hint)
    return found


def _tls(holder: OptionReader, key: str) -> ServerTLS | None:
    if key not in holder:
        return None
    reader = holder.section(key)
    default = Certificate((), *read_pair(reader, "cert", "key"))
    sni = []
    seen: set[str] = set()
    for section in reader.sections("sni"):
        hosts = read_hosts(section)
        for text in section.texts("hosts"):
            if text.value.lower() in seen:
                text.complain(f"{text.shown} has two certificates")
        seen.update(hosts)
        sni.append(Certificate(hosts, *read_pair(section, "cert", "key")))
    if "client_auth" in reader and "client_ca" not in reader:
        reader.complain("`client_auth` has no effect without `client_ca`", key="client_auth")
    if reader.flag("http2") and find_spec("h2") is None:
        reader.complain("HTTP/2 needs the package h2", "pip install 'gateway[http2]'", key="http2")
    return options.read(ServerTLS, reader, default=default, sni=tuple(sni))


def read(reading: Reading) -> dict[str, Server]:
    """`server` of a configuration."""
    return {"server": options.read(Server, reading.section("server"))}
