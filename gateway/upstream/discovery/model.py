"""Options of discovery, as values: where targets are found that are not written."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Dns(Options):
    """Every address of a name. `port` 0 asks for SRV records, which hold ports; `server` "" asks those of the host."""

    scheme: str
    name: str
    port: int
    server: str

    def __str__(self) -> str:
        return f"dns {self.name}:{self.port}" if self.port else f"dns {self.name}"


@dataclass(frozen=True, slots=True)
class Kubernetes(Options):
    """The ready endpoints of a service. `namespace` "" is the gateway's own; `port` is a name, a number or "".

    A number is that of the pods, which the service's own may differ from; "" is the only one.
    """

    scheme: str
    service: str
    namespace: str
    port: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.service}" if self.namespace else self.service
        return f"kubernetes {place}" + (f", port {self.port}" if self.port else "")


Discovery = Dns | Kubernetes
