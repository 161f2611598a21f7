"""Endpoints from EndpointSlices (discovery.k8s.io/v1). Pure: no network and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.upstream.discovery.source import Endpoint

Object = Mapping[str, Any]


class EndpointSlices:
    """The slices of one service. `port` is the name or number of the port that is wanted, "" for the only one."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._slices: dict[str, tuple[str, frozenset[Endpoint]]] = {}

    def replace(self, items: Iterable[Object]) -> None:
        """All that there are."""
        self._slices = {_name(item): self._read(item) for item in items}

    def apply(self, kind: str, item: Object) -> None:
        """One event of a watch: ADDED, MODIFIED or DELETED."""
        if kind == "DELETED":
            self._slices.pop(_name(item), None)
        else:
            self._slices[_name(item)] = self._read(item)

    def endpoints(self) -> frozenset[Endpoint]:
        """The ready endpoints. A pod of a dual-stack service has an address of each family: IPv4 is taken."""
        by_family: dict[str, frozenset[Endpoint]] = {}
        for family, endpoints in self._slices.values():
            by_family[family] = by_family.get(family, frozenset()) | endpoints
        return by_family.get("IPv4") or by_family.get("IPv6") or frozenset()

    def _read(self, item: Object) -> tuple[str, frozenset[Endpoint]]:
        port = self._number(item.get("ports") or ())
        if port is None:
            return item.get("addressType", ""), frozenset()
        ready = _ready(item.get("endpoints") or ())
        return item.get("addressType", ""), frozenset(Endpoint(address, port) for address in ready)

    def _number(self, ports: Iterable[Object]) -> int | None:
        usable = [port for port in ports if port.get("port") and port.get("protocol", "TCP") in ("TCP", None)]
        if not self._port:
            return int(usable[0]["port"]) if len(usable) == 1 else None
        for port in usable:
            if self._port in (port.get("name"), str(port["port"])):
                return int(port["port"])
        return None


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _ready(endpoints: Iterable[Object]) -> Iterator[str]:
    """The addresses to send to: an unknown state counts as ready, as the API's description asks."""
    for endpoint in endpoints:
        conditions = endpoint.get("conditions") or {}
        if conditions.get("ready") is not False and not conditions.get("terminating") and endpoint.get("addresses"):
            yield str(endpoint["addresses"][0])
