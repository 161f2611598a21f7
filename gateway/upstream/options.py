"""Options of `upstreams`: the services behind the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from gateway.config import options
from gateway.config import schema_parts as schemas
from gateway.config.certificate_files import read_authorities, read_pair
from gateway.config.diagnostics import did_you_mean
from gateway.config.hosts import host_mistake, port_mistake, split_port
from gateway.config.options import Options, Schema, duration, file_of, flag, integer, positive, text
from gateway.config.schema_parts import LINE, OBJECT_NAME
from gateway.upstream.activation_options import Activate, read_activate
from gateway.upstream.activation_options import upstream_keys as activation_keys
from gateway.upstream.balance.options import Balance, read_balance
from gateway.upstream.balance.options import upstream_keys as balance_keys
from gateway.upstream.discovery.options import Discovery, read_discovery
from gateway.upstream.discovery.options import upstream_keys as discovery_keys
from gateway.upstream.grpc.requirements import NEEDS
from gateway.upstream.resilience.options import (
    CircuitBreaker,
    Health,
    Hedge,
    Outlier,
    Overload,
    Retry,
    read_circuit_breaker,
    read_health,
    read_hedge,
    read_outlier,
    read_overload,
    read_retry,
)
from gateway.upstream.resilience.options import upstream_keys as resilience_keys

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import Reading

_IDLE = "Longest time without a byte on a WebSocket, instead of read and total."
_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
_TLS = {"https", "grpcs"}
GRPC_SCHEMES: Final = ("grpc", "grpcs")


class Target(Options, frozen=True):
    """One address of an upstream.

    `scheme` is http, https, grpc, grpcs or unix; for unix `socket` is the path and host is empty.
    `zone` and `region` say where it runs, "" = not written; they are shown and decide nothing.
    """

    url: str
    scheme: str
    host: str
    port: int
    socket: str
    weight: int
    zone: str = ""
    region: str = ""


class UpstreamTimeout(Options, frozen=True):
    """Seconds; connect and read never exceed total. `idle` is a WebSocket's, for which the others do not hold."""

    connect: Annotated[float, positive("Longest wait for a connection.", "2s")]
    read: Annotated[float, positive("Longest gap between two reads of the answer.", "30s")]
    total: Annotated[float, positive("Longest time from the first attempt to the end of the answer.", "60s")]
    idle: Annotated[float, positive(_IDLE, "10m")] = 600.0


class Pool(Options, frozen=True):
    """Connections kept to each target of an upstream, per worker."""

    max_connections: Annotated[int, integer("Most connections to each target, per worker.", 1, 65535, 256)]
    idle: Annotated[float, duration("How long an unused connection is kept.", "60s")]


class UpstreamTLS(Options, frozen=True):
    """TLS towards an upstream; empty strings are "not written". Certificates are verified unless `insecure`."""

    ca: Annotated[
        str, file_of("PEM certificates of the authorities to trust instead of the system's.", read_authorities)
    ]
    client_cert: Annotated[str, file_of("PEM certificate chain to show to the upstream.")]
    client_key: Annotated[str, file_of("PEM private key of `client_cert`.")]
    server_name: Annotated[
        str, text("a host name", "The name to ask for and to verify instead of the target's host.", LINE)
    ]
    insecure: Annotated[bool, flag("Do not verify the upstream's certificate.", False)]


class Upstream(Options, frozen=True):
    """A named service and the targets that serve it, written or found by `discovery`; None is "not asked for".

    `panic` is the share of usable targets below which all are used.
    """

    name: str
    targets: tuple[Target, ...]
    discovery: Discovery | None
    balance: Balance
    timeout: UpstreamTimeout
    pool: Pool
    tls: UpstreamTLS
    panic: float
    health: Health | None
    outlier: Outlier | None
    circuit_breaker: CircuitBreaker | None
    retry: Retry | None
    hedge: Hedge | None
    overload: Overload | None
    where: str
    activate: Activate | None = None

    @property
    def is_grpc(self) -> bool:
        """Whether its targets speak gRPC: all of them do or none."""
        schemes = [target.scheme for target in self.targets] + ([self.discovery.scheme] if self.discovery else [])
        return any(scheme in GRPC_SCHEMES for scheme in schemes)


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    return {"upstreams": schemas.mapping("The services behind the gateway, by name.", _upstream_schema(), OBJECT_NAME)}


def _upstream_schema() -> Schema:
    """One named service."""
    schemes = "http://, https://, grpc://, grpcs:// or unix:/path."
    url = schemas.text("a target such as http://10.0.0.1:8080 or unix:/run/app.sock", schemes, LINE)
    target = schemas.section(
        "A target with a weight.",
        {
            "url": url,
            "weight": schemas.integer("Its share of requests beside the others.", 1, 65535, 1),
            "zone": schemas.text(
                "a zone", "Where it runs, such as eu-west-1a. Shown by the admin API; the choice ignores it."
            ),
            "region": schemas.text(
                "a region", "Where it runs, such as eu. Shown by the admin API; the choice ignores it."
            ),
        },
        ("url",),
    )
    return schemas.section(
        "A named service.",
        {
            "targets": schemas.listing(
                "The addresses that serve it.", schemas.either("a target", "A target.", url, target)
            ),
            **discovery_keys(),
            **balance_keys(),
            "timeout": options.schema_of(UpstreamTimeout, "Timeouts; connect and read may not exceed total."),
            "pool": options.schema_of(Pool, "Connections that are kept."),
            "tls": options.schema_of(UpstreamTLS, "TLS towards https targets; certificates are verified."),
            **resilience_keys(),
            **activation_keys(),
        },
    )


def read_upstreams(reader: OptionReader) -> Iterator[tuple[ScalarNode, Upstream]]:
    """Each upstream with its name's place; `reader` stands on the file."""
    section = reader.section("upstreams")
    for name in section:
        if isinstance(section.raw(name), dict):
            yield section.key(name), _upstream(name, section.section(name))


def _upstream(name: str, reader: OptionReader) -> Upstream:
    targets = _targets(reader)
    discovery = read_discovery(reader)
    is_found = "dns" in reader or "kubernetes" in reader
    if not targets and not reader.raw("targets") and not is_found:
        reader.warn("the upstream has no targets: every request to it gets 503")
    tls = _tls(reader.section("tls"))
    schemes = {target.scheme for target in targets} | ({discovery.scheme} if discovery else set())
    if "tls" in reader and schemes and not schemes & _TLS:
        reader.section("tls").warn("`tls` has no effect: no target is https or grpcs")
    if 0 < sum(scheme in GRPC_SCHEMES for scheme in schemes) < len(schemes):
        reader.complain("targets that speak gRPC stand beside others", "make them two upstreams", key="targets")
    elif schemes & set(GRPC_SCHEMES) and find_spec("h2") is None:
        reader.complain(*NEEDS)
    timeout = _timeout(reader.section("timeout"))
    return Upstream(
        name=name,
        targets=targets,
        discovery=discovery,
        balance=read_balance(reader),
        timeout=timeout,
        pool=options.read(Pool, reader.section("pool")),
        tls=tls,
        panic=reader.share("panic"),
        health=read_health(reader, is_grpc=bool(schemes & set(GRPC_SCHEMES))),
        outlier=read_outlier(reader),
        circuit_breaker=read_circuit_breaker(reader, timeout.total),
        retry=read_retry(reader),
        hedge=read_hedge(reader, timeout.total),
        overload=read_overload(reader),
        where=reader.where,
        activate=read_activate(reader),
    )


def _targets(reader: OptionReader) -> tuple[Target, ...]:
    found: dict[str, Target] = {}
    from gateway.config.text import ScalarNode  # PERF: what reads is not in workers

    for entry in reader.entries("targets"):
        text = entry if isinstance(entry, ScalarNode) else entry.one("url")
        weight = 1 if isinstance(entry, ScalarNode) else entry.integer("weight")
        target = _target(reader, text, weight) if text is not None else None
        if text is None or target is None:
            continue
        if not isinstance(entry, ScalarNode):
            zone, region = (label.value if label else "" for label in (entry.one("zone"), entry.one("region")))
            target = replace(target, zone=zone, region=region)
        if target.url in found:
            text.complain(f"the target {text.shown} is written twice", "give it a `weight` instead")
        found[target.url] = target
    return tuple(found.values())


def _target(reader: OptionReader, text: ScalarNode, weight: int) -> Target | None:
    """The target of a url, or None and a complaint."""
    if text.value.startswith("unix:"):
        return _unix_target(reader, text, weight)
    try:
        parts = urlsplit(text.value)
    except ValueError:
        text.complain(f"{text.shown} is not a url", "write http://host:port")
        return None
    scheme = parts.scheme if "://" in text.value else ""
    if scheme not in _PORTS:
        hint = f"write http://{text.value}" if not scheme else did_you_mean(scheme, _PORTS)
        text.complain(f"{text.shown} does not begin with http://, https://, grpc://, grpcs:// or unix:/", hint)
        return None
    host, port = split_port(parts.netloc)
    if mistake := _target_mistake(text.value, parts.path, parts.netloc, host, port):
        text.complain(f"{text.shown} {mistake}")
        return None
    number = int(port or _PORTS[scheme])
    return Target(f"{scheme}://{host.lower()}:{number}", scheme, host.lower().strip("[]"), number, "", weight)


def _target_mistake(url: str, path: str, netloc: str, host: str, port: str) -> str:
    if "@" in netloc:
        return "holds a user name; set an Authorization header instead"
    if "?" in url or "#" in url or path not in ("", "/"):
        return "has a path, a query or a fragment; a target is only an address, use `rewrite` for paths"
    if mistake := host_mistake(host):
        return f"has a host that {mistake}"
    return port_mistake(port) if port or netloc.endswith(":") else ""


def _unix_target(reader: OptionReader, text: ScalarNode, weight: int) -> Target | None:
    path = text.value.removeprefix("unix:")
    if not path or path.startswith("//"):
        text.complain(f"{text.shown} names no socket", "write unix:/run/app.sock")
        return None
    path = reader.absolute(path)
    return Target(f"unix:{path}", "unix", "", 0, path, weight)


def _timeout(reader: OptionReader) -> UpstreamTimeout:
    """Connect and read may not exceed total; only a default that nobody wrote is cut down to it."""
    spec = options.read(UpstreamTimeout, reader)
    for key, seconds in (("connect", spec.connect), ("read", spec.read)):
        if seconds > spec.total and key in reader:
            unwritten = "" if "total" in reader else ", which is 60s when it is not written"
            reader.complain(f"`{key}` is longer than `total`{unwritten}", key=key)
    return replace(spec, connect=min(spec.connect, spec.total), read=min(spec.read, spec.total))


def _tls(reader: OptionReader) -> UpstreamTLS:
    if ("client_cert" in reader) != ("client_key" in reader):
        reader.complain("`client_cert` and `client_key` need each other")
    name = reader.one("server_name")
    if name is not None and (mistake := host_mistake(name.value)):
        name.complain(f"{name.shown} {mistake}")
    if reader.flag("insecure"):
        reader.warn("`insecure: true`: the upstream's certificate is not verified")
    client_cert, client_key = read_pair(reader, "client_cert", "client_key")
    return options.read(UpstreamTLS, reader, client_cert=client_cert, client_key=client_key)


def read(reading: Reading) -> dict[str, tuple[Upstream, ...]]:
    """`upstreams` of a configuration; `reading.sound` gets those of them without a mistake."""
    found: dict[str, Upstream] = {}
    sound: dict[str, Upstream] = {}
    complaints = reading.load.complaints
    for reader in reading.readers:
        section, before = reader.section("upstreams"), len(complaints)
        for name, upstream in read_upstreams(reader):
            if upstream.name in found:
                name.complain(f"the upstream is written twice, first at {found[upstream.name].where}")
            found.setdefault(upstream.name, upstream)
            if before == len(complaints) and section.is_sound(upstream.name):
                sound[upstream.name] = upstream
            before = len(complaints)
    reading.sound["upstreams"] = sound
    return {"upstreams": tuple(found.values())}
