"""Start the examples, and with `--gateway FILE` a gateway in front of them, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from gateway.examples import shop
from gateway.examples.ending import ended_by
from gateway.examples.service import Service

#: of the catalog, the inventory, the reviews, of a second catalog in a process of its own, to be killed, and of prices
PORTS = (9101, 9201, 9202, 9102, 9203)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP; 0, or 1 when something could not be started."""
    options = _options(arguments)
    over = ended_by(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if options.catalog is not None:
        return _alone(options.catalog, over)
    makers = (shop.catalog, shop.inventory, shop.reviews)
    if not all(_start(make(), port) for make, port in zip(makers, options.ports[:3], strict=True)):
        return 1
    pricing = _start_pricing(options.ports[4])
    from gateway.examples.second import Second  # it is not needed by the second process itself

    with Second(options.ports[3]) as second:
        if second.pid is None:
            return 1
        print(f"catalog: http://127.0.0.1:{options.ports[3]}, process {second.pid}", flush=True)
        if options.gateway is None:
            over.wait()
            return 0
        from gateway.examples.processes import run  # the examples alone need no configuration library

        try:
            return run(options.gateway, over, second, options.bind)
        finally:
            if pricing is not None:
                pricing.stop(0)


def _start(service: Service, port: int) -> bool:
    try:
        service.start("127.0.0.1", port)
    except OSError as error:
        print(f"the {service.name} example cannot listen on 127.0.0.1:{port}: {error.strerror}", file=sys.stderr)
        return False
    print(f"{service.name}: http://127.0.0.1:{port}", flush=True)
    return True


def _start_pricing(port: int) -> Any | None:
    from gateway.examples.pricing import start

    try:
        server = start(port)
    except OSError as error:
        print(f"the pricing example cannot listen on 127.0.0.1:{port}: {error.strerror}", file=sys.stderr)
        return None
    print(f"pricing: grpc://127.0.0.1:{port}" if server else "pricing: not started, it needs grpcio", flush=True)
    return server


def _alone(port: int, over: threading.Event) -> int:
    """One catalog in this process, for as long as whoever started it lives."""
    parent = os.getppid()
    if not _start(shop.catalog(), port):
        return 1
    while os.getppid() == parent and not over.wait(0.5):
        pass
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.examples", description=__doc__)
    parser.add_argument(
        "--ports", type=_ports, default=PORTS, help="of the catalog, inventory, reviews, second catalog"
    )
    parser.add_argument("--gateway", type=Path, metavar="FILE", help="the configuration of a gateway to start as well")
    parser.add_argument("--bind", metavar="ADDRESS", help="where it listens instead of on `server.bind`")
    parser.add_argument("--catalog", type=int, metavar="PORT", help="start nothing but one catalog")
    return parser.parse_args(arguments)


def _ports(text: str) -> tuple[int, ...]:
    ports = tuple(int(port) for port in text.split(","))
    if len(ports) != len(PORTS):
        raise ValueError(text)
    return ports


if __name__ == "__main__":
    sys.exit(main())
