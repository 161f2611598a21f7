"""Three upstreams that fail on demand behind a gateway with all that stands against it, and a look at how it went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.faulty import Faulty
from tests.support.gateway import Gateway, wait_until
from tests.support.operations import get, running, server
from tests.support.steady import Asked, Steady

#: what happens to one of three targets
FAULTS = ("kill", "blackhole", "reset", "500", "slow", "flapping")
#: seconds: the route's timeout, and how long a fault may show before it is found (health: 2 x 500 ms + 250 ms)
TOTAL, DETECTED = 2.0, 2.0

RESILIENT = """
    balance: BALANCE
    timeout: {connect: 250ms, read: 500ms, total: 2s}
    retry: {attempts: 2, on: [connect, reset, 500, 502, 503, 504], budget: 20%, backoff: 10ms}
    health: {path: /healthz, every: 500ms, timeout: 250ms, fall: 2, rise: 2}
    outlier: {consecutive_5xx: 5, eject_for: 1s, max_ejected: 50%}
    circuit_breaker: {failure_rate: 50%, window: 2s, min_requests: 20, open_for: 1s, half_open: 3}
"""


def resilient(balance: str) -> str:
    """All that stands against failure. p2c soon avoids who fails by itself; round_robin leaves it to the others."""
    return RESILIENT.replace("BALANCE", balance)


def config(upstreams: list[Faulty], policies: str) -> str:
    """Two workers, one route to these targets."""
    targets = ", ".join(upstream.target for upstream in upstreams)
    route = "routes:\n  - {name: all, match: {path: '/{rest:path}'}, upstream: up, timeout: 2s}\n"
    return f"{server(2)}upstreams:\n  up:\n    targets: [{targets}]\n{policies}{route}"


class Stage:
    """A gateway and its upstreams."""

    def __init__(self, gateway: Gateway, upstreams: list[Faulty]) -> None:
        self.gateway = gateway
        self.upstreams = upstreams

    def fail(self, upstream: Faulty, fault: str) -> None:
        """Have one fail from now on."""
        if fault == "kill":
            upstream.kill()
        else:
            upstream.set(fault)

    def heal(self, upstream: Faulty, fault: str) -> None:
        """Have it work again."""
        if fault == "kill":
            upstream.start()
        else:
            upstream.set("ok")

    def is_calm(self) -> bool:
        """Whether every target takes requests and every circuit is closed."""
        (found,) = self.gateway.admin("/api/upstreams")[1]
        circuit = found["circuit"]
        closed = circuit is None or circuit["state"] == "closed"
        return closed and all(each["state"] == "serving" for each in found["targets"])

    def settle(self) -> None:
        """Ask now and then until all is well: a circuit closes by requests alone."""
        wait_until(lambda: get(self.gateway, "/")[0] and self.is_calm(), "every target serves")

    def load(self, rate: float, seconds: float) -> Steady:
        """Requests at a rate from now on."""
        return Steady(self.gateway.port, rate, seconds)

    def run(self, rate: float, seconds: float, *steps: tuple[float, Callable[[], None]]) -> tuple[float, list[Asked]]:
        """(when it began, every request) of load during which each step is taken at its second, and has ended."""
        load = self.load(rate, seconds)
        began = time.monotonic()
        timers = [threading.Timer(after, step) for after, step in steps]
        for timer in timers:
            timer.start()
        try:
            return began, load.result()
        finally:
            for timer in timers:
                timer.cancel()
                timer.join()
            load.end()


@contextmanager
def stage(folder: Path, policies: str, *, count: int = 3, **service: float) -> Iterator[Stage]:
    """All of it, up to date with each other; ended with the block."""
    with ExitStack() as stack:
        upstreams = [Faulty(**service).start() for _ in range(count)]
        for upstream in upstreams:
            stack.callback(upstream.kill)
        stage = Stage(stack.enter_context(running(folder, config(upstreams, policies))), upstreams)
        stage.settle()
        yield stage
