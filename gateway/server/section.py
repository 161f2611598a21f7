"""`server`, `observability` and `plugins`: where the gateway listens, what it lets in, what it tells."""

import re
from importlib.util import find_spec

from gateway.config.certificate_files import read_authorities, read_pair
from gateway.config.client_limits import Limits
from gateway.config.hosts import host_mistake, is_loopback, port_mistake, read_hosts, split_port
from gateway.config.model import Certificate, Server, ServerTLS
from gateway.config.networks import read_networks
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import Reading
from gateway.config.schema_parts import OFF
from gateway.config.units import parse_size
from gateway.upstream.resilience.options import read_overload

#: bytes; of its own memory an idle worker has 25 to 35 MB
WORKER_LEAST = 48 << 20
_SHORT = 16
_VISIBLE = re.compile(r"[\x21-\x7e]*")


def read_server(reader: OptionReader) -> Server:
    """The section, defaults filled in."""
    bind = _bind(reader)
    workers = reader.raw("workers")
    return Server(
        bind=bind,
        admin=_admin(reader, bind),
        admin_token=_admin_token(reader),
        workers=workers if type(workers) is int else None,
        connections=reader.integer("connections"),
        keepalive=reader.duration("keepalive"),
        graceful_timeout=reader.duration("graceful_timeout"),
        trusted_proxies=read_networks(reader, "trusted_proxies"),
        limits=_limits(reader.section("limits")),
        tls=_tls(reader.section("tls")) if "tls" in reader else None,
        proxy_protocol=reader.flag("proxy_protocol"),
        overload=read_overload(reader),
        where=reader.where,
        cache_memory=_size(reader.section("cache"), "memory"),
        worker_memory=_worker_memory(reader),
        drain_delay=reader.duration("drain_delay"),
        limit_keys=reader.integer("limit_keys"),
    )


def _bind(reader: OptionReader) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts("bind"):
        address = _address(reader, text)
        if address in found:
            text.complain(f"{text.shown} is named twice")
        found[address] = None
    return tuple(found) or (str(reader.default("bind")),)


def _address(reader: OptionReader, text: ScalarNode) -> str:
    """The address as gunicorn takes it; a socket's path is made absolute."""
    if text.value.startswith("unix:"):
        return "unix:" + reader.absolute(text.value.removeprefix("unix:"))
    host, port = split_port(text.value)
    if mistake := host_mistake(host) or port_mistake(port, least=0):
        text.complain(f"{text.shown} {mistake}")
    return text.value


def _admin(reader: OptionReader, bind: tuple[str, ...]) -> str:
    text = reader.one("admin")
    if text is None:
        return str(reader.default("admin"))
    address = _address(reader, text)
    if address in bind and not address.endswith(":0"):
        text.complain("the admin API may not share an address with `bind`")
    token = reader.one("admin_token")
    if not is_loopback(address) and token is not None and 0 < len(token.value) < _SHORT:
        token.warn("the token is short enough to be guessed (`openssl rand -hex 32` makes one)")
    if not is_loopback(address) and not reader.raw("admin_token"):
        hint = "write `admin_token: ${env:GATEWAY_ADMIN_TOKEN}`, or keep `admin` on 127.0.0.1"
        text.complain("the admin API beyond this machine requires `admin_token`", hint)
    return address


def _admin_token(reader: OptionReader) -> str:
    text = reader.one("admin_token")
    if text is not None and not _VISIBLE.fullmatch(text.value):
        text.complain("a token may hold only visible ASCII characters, and no spaces")
    return reader.text("admin_token")


def _size(reader: OptionReader, key: str) -> int | None:
    """Bytes; None for `auto`, and for what is wrong and was told."""
    try:
        return parse_size(reader.text(key))
    except ValueError:
        return None


def _worker_memory(reader: OptionReader) -> int | None:
    size = 0 if reader.text("worker_memory") == OFF else _size(reader, "worker_memory")
    text = reader.one("worker_memory")
    if text is not None and size and size < WORKER_LEAST:
        hint = "write auto, or the largest that a worker should be"
        text.complain(f"a worker begins with nearly as much as {text.shown}, so each would be replaced", hint)
    return size


def _limits(reader: OptionReader) -> Limits:
    return Limits(
        request_line=reader.integer("request_line"),
        headers=reader.integer("headers"),
        header_size=reader.integer("header_size"),
        body=reader.size("body"),
        header_timeout=reader.duration("header_timeout"),
        body_timeout=reader.duration("body_timeout"),
    )


def _tls(reader: OptionReader) -> ServerTLS:
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
    client_ca = read_authorities(reader, "client_ca")
    return ServerTLS(default, tuple(sni), client_ca, reader.text("client_auth"), reader.flag("http2"))


def read(reading: Reading) -> dict[str, Server]:
    """`server` of a configuration."""
    return {"server": read_server(reading.section("server"))}
