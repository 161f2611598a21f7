"""Start the examples, and with `--gateway FILE` a gateway in front of them, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from gateway.examples import shop

PORTS = (9101, 9201, 9202)


def main() -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP; 0, or 1 when something could not be started."""
    options = _options()
    over = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    for make, port in zip((shop.catalog, shop.inventory, shop.reviews), options.ports, strict=True):
        service = make()
        try:
            service.start("127.0.0.1", port)
        except OSError as error:
            print(f"the {service.name} example cannot listen on 127.0.0.1:{port}: {error.strerror}", file=sys.stderr)
            return 1
        print(f"{service.name}: http://127.0.0.1:{port}", flush=True)
    if options.gateway is None:
        over.wait()
        return 0
    from gateway.examples.beside import run  # the examples alone need no configuration library

    return run(options.gateway, over)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.examples", description=__doc__)
    parser.add_argument("--ports", type=_ports, default=PORTS, help="of catalog, inventory and reviews: 9101,9201,9202")
    parser.add_argument("--gateway", type=Path, metavar="FILE", help="the configuration of a gateway to start as well")
    return parser.parse_args()


def _ports(text: str) -> tuple[int, ...]:
    ports = tuple(int(port) for port in text.split(","))
    if len(ports) != len(PORTS):
        raise ValueError(text)
    return ports


if __name__ == "__main__":
    sys.exit(main())
