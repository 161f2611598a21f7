"""What a gateway's meter says, read from its page as the observer does it; and a load that counts what it saw end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway.observability.metrics.reading import Reader
from gateway.observability.metrics.snapshot import RouteStats, Snapshot, UpstreamStats
from tests.support.gateway import Gateway, wait_until
from tests.support.operations import page_of
from tests.support.raw import Client


def reader(gateway: Gateway) -> Callable[[], Snapshot]:
    """Reads the meter of a running gateway."""
    return Reader(page_of(gateway.pid)).read


def settled(read: Callable[[], Snapshot], is_so: Callable[[Snapshot], Any], what: str) -> Snapshot:
    """The first reading of which something is true: a request is counted after its last byte has gone out."""
    found: list[Snapshot] = []

    def look() -> Any:
        found[:] = [read()]
        return is_so(found[0])

    wait_until(look, what)
    return found[0]


def requests(figures: RouteStats | None) -> int:
    """All requests of a route."""
    return sum(figures.requests.values()) if figures else 0


def tries(figures: UpstreamStats) -> int:
    """All tries that came to an end."""
    return sum(figures.answers.values()) + sum(figures.failures.values())


class Counting(threading.Thread):
    """A client that asks for `path` again and again on kept connections, and counts what it saw: answers by status,
    and requests of which it cannot know whether they were answered."""

    def __init__(self, port: int, path: str, *, most: int = 1 << 60) -> None:
        super().__init__(daemon=True)
        self._request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        self._port, self._most = port, most
        self._over = threading.Event()
        self.answers: Counter[int] = Counter()
        self.broken = 0

    def run(self) -> None:
        client = None
        while not self._over.is_set() and self.answers.total() < self._most:
            if client is not None and client.has_ended():
                client.close()
                client = None
            if client is None:
                try:
                    client = Client(self._port)
                except OSError:
                    time.sleep(0.005)
                    continue
            try:
                status, headers, _ = client.send(self._request).answer()
            except (OSError, AssertionError):
                self.broken += 1
                client.close()
                client = None
                continue
            self.answers[status] += 1
            if headers.get("connection") == "close":
                client.close()
                client = None
        if client is not None:
            client.close()

    def stop(self) -> Counting:
        """End it and give it back."""
        self._over.set()
        self.join()
        return self
