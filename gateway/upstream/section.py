"""`upstreams`: the services behind the gateway."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from urllib.parse import urlsplit

from gateway.config.certificate_files import read_authorities, read_pair
from gateway.config.diagnostics import did_you_mean
from gateway.config.hosts import host_mistake, port_mistake, split_port
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import Reading
from gateway.upstream.activation_section import read_activate
from gateway.upstream.balance.section import read_balance
from gateway.upstream.discovery.section import read_discovery
from gateway.upstream.grpc.requirements import NEEDS
from gateway.upstream.model import GRPC_SCHEMES, Pool, Target, Upstream, UpstreamTimeout, UpstreamTLS
from gateway.upstream.resilience.section import (
    read_circuit_breaker,
    read_health,
    read_hedge,
    read_outlier,
    read_overload,
    read_retry,
)

_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
_TLS = {"https", "grpcs"}


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
        pool=_pool(reader.section("pool")),
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
    total = reader.duration("total")
    seconds = {}
    for key in ("connect", "read"):
        seconds[key] = reader.duration(key)
        if seconds[key] > total and key in reader:
            unwritten = "" if "total" in reader else ", which is 60s when it is not written"
            reader.complain(f"`{key}` is longer than `total`{unwritten}", key=key)
    idle = reader.duration("idle")
    return UpstreamTimeout(min(seconds["connect"], total), min(seconds["read"], total), total, idle)


def _pool(reader: OptionReader) -> Pool:
    return Pool(reader.integer("max_connections"), reader.duration("idle"))


def _tls(reader: OptionReader) -> UpstreamTLS:
    if ("client_cert" in reader) != ("client_key" in reader):
        reader.complain("`client_cert` and `client_key` need each other")
    name = reader.one("server_name")
    if name is not None and (mistake := host_mistake(name.value)):
        name.complain(f"{name.shown} {mistake}")
    if reader.flag("insecure"):
        reader.warn("`insecure: true`: the upstream's certificate is not verified")
    client_cert, client_key = read_pair(reader, "client_cert", "client_key")
    return UpstreamTLS(
        ca=read_authorities(reader, "ca"),
        client_cert=client_cert,
        client_key=client_key,
        server_name=reader.text("server_name"),
        insecure=reader.flag("insecure"),
    )


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
