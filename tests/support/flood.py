"""A load far above any limit, on several gateways at once, and how much of it was let in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.gateway import Gateway, wait_until
from tests.support.operations import Wrk, running, server
from tests.support.raw import Client
from tests.support.steady import Steady


@dataclass(frozen=True, slots=True)
class Flood:
    """Requests that were answered, those let in, those that failed, and the seconds that it took at most."""

    asked: int
    let_in: int
    failed: int
    took: float


@contextmanager
def gateways(folder: Path, store: str, routes: str, count: int, *, workers: int = 1) -> Iterator[list[Gateway]]:
    """Gateways over one store, with all their workers."""
    with ExitStack() as stack:
        made = []
        for number in range(count):
            place = folder / f"gateway-{number}"
            place.mkdir()
            made.append(stack.enter_context(running(place, f"{server(workers)}store: {store}\n{routes}")))
        for each in made:
            wait_until(lambda each=each: len(each.workers()) == workers, "all workers are there")
        yield made


def flood(folder: Path, made: Sequence[Gateway], path: str, seconds: float) -> Flood:
    """Ask all of them at once, as fast as they answer."""
    began = time.monotonic()
    loads = []
    for number, gateway in enumerate(made):
        place = folder / f"flood-{number}"
        place.mkdir()
        loads.append(Wrk(place, f"{gateway.url}{path}", seconds, connections=8))
    counts = [load.result() for load in loads]
    took = time.monotonic() - began
    asked = sum(each["requests"] for each in counts)
    failed = sum(each[kind] for each in counts for kind in ("connect", "read", "write", "timeout"))
    return Flood(asked, asked - sum(each["wrong"] for each in counts), failed, took)


def at_once(gateway: Gateway, path: str) -> int:
    """How much is let in now, until the first refusal: what a load left that was held up before its end."""
    client, count = Client(gateway.port), 0
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    while client.send(request).answer()[0] == 200:
        count += 1
    client.close()
    return count


def steady_flood(made: Sequence[Gateway], path: str, rate: float, seconds: float) -> Flood:
    """Ask each of them so many times a second, with time left for the rest of the machine."""
    began = time.monotonic()
    loads = [Steady(gateway.port, rate, seconds, path) for gateway in made]
    asked = [each for load in loads for each in load.result()]
    took = time.monotonic() - began
    let_in = sum(each.status == 200 for each in asked)
    return Flood(len(asked), let_in, sum(each.status not in (200, 429) for each in asked), took)


def undisturbed(made: Sequence[Gateway]) -> bool:
    """Whether the store answered each of them in time: else they limit by themselves for a while, as they should."""
    return not any("it is asked again" in each.output() or _judged_alone(each) for each in made)


def _judged_alone(gateway: Gateway) -> bool:
    """Whether a limit was judged without its store, of a cluster without one node of it."""
    wait_until(lambda: gateway.admin("/metrics")[0] == 200, "the observer tells")
    text = gateway.admin("/metrics")[1].decode()
    counts = re.findall(r"^gateway_limit_without_store_total(?:\{[^}]*\})? (\S+)", text, re.M)
    return any(float(count) for count in counts)
