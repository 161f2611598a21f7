"""Options of upstreams, as values."""

from dataclasses import dataclass
from typing import Final

from gateway.config.options import Options
from gateway.upstream.activation_model import Activate
from gateway.upstream.balance.model import Balance
from gateway.upstream.discovery.model import Discovery
from gateway.upstream.resilience.model import CircuitBreaker, Health, Hedge, Outlier, Overload, Retry

GRPC_SCHEMES: Final = ("grpc", "grpcs")


@dataclass(frozen=True, slots=True)
class Target(Options):
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


@dataclass(frozen=True, slots=True)
class UpstreamTimeout(Options):
    """Seconds; connect and read never exceed total. `idle` is a WebSocket's, for which the others do not hold."""

    connect: float
    read: float
    total: float
    idle: float = 600.0


@dataclass(frozen=True, slots=True)
class Pool(Options):
    """Connections kept to each target of an upstream, per worker."""

    max_connections: int
    idle: float


@dataclass(frozen=True, slots=True)
class UpstreamTLS(Options):
    """TLS towards an upstream; empty strings are "not written". Certificates are verified unless `insecure`."""

    ca: str
    client_cert: str
    client_key: str
    server_name: str
    insecure: bool


@dataclass(frozen=True, slots=True)
class Upstream(Options):
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
