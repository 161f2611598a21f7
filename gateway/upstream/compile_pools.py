"""From what an upstream says of its targets to the keys of their pools."""

from __future__ import annotations

from gateway.upstream.discovery.options import Discovery, Dns
from gateway.upstream.discovery.source import Endpoint
from gateway.upstream.options import Upstream
from gateway.upstream.pool.pool import TLS_SCHEMES, Address, PoolSettings
from gateway.upstream.pool.registry import PoolKey, TLSSettings


def tls_of(spec: Upstream) -> TLSSettings:
    """What its connections are secured with. Raises OSError, ssl.SSLError where a file cannot be used."""
    tls = spec.tls
    return TLSSettings.read(tls.ca, tls.client_cert, tls.client_key, tls.server_name, tls.insecure)


def key_of(scheme: str, host: str, port: int, pool: PoolSettings, tls: TLSSettings, socket: str = "") -> PoolKey:
    """The pool of a target."""
    address = Address(scheme, host, port, socket)
    return PoolKey(address, pool, tls) if scheme in TLS_SCHEMES else PoolKey(address, pool)


def endpoint_key(scheme: str, pool: PoolSettings, tls: TLSSettings, endpoint: Endpoint) -> PoolKey:
    """The pool of a target that was found."""
    return key_of(scheme, endpoint.host, endpoint.port, pool, tls)


def server_name(discovery: Discovery) -> str:
    """What certificates of targets that are found are verified against: the name that was asked for (RFC 6125)."""
    if isinstance(discovery, Dns):
        labels = discovery.name.rstrip(".").split(".")
        return ".".join(label for label in labels if not label.startswith("_"))
    return ".".join(filter(None, (discovery.service, discovery.namespace, "svc")))
