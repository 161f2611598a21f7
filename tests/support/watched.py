"""Load while the dashboard is watched, and what that costs: shared by the short form and the soak."""

from __future__ import annotations

import http.client
import re
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.gateway import Gateway, wait_until
from tests.support.steady import Asked, Steady, at
from tests.support.through import serving
from tests.support.viewers import Viewer

ROUTES = 100
VIEWERS = ("5m", "5m", "24h")
LONG = 3600.0
CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1}
observability: {access_log: {format: "off"}}
upstreams:
  away: {targets: ["http://127.0.0.1:9"]}
routes:
"""
ROUTE = "  - {name: r%d, match: {path: /r%d}, respond: {status: 200, body: hello}}\n"


@dataclass
class Watched:
    """Load without and with viewers."""

    alone: list[Asked]
    seen: list[Asked]
    #: shares of one core that the observer took, and all of the gateway, without viewers and with them
    idle: tuple[float, float]
    busy: tuple[float, float]
    #: resident bytes by which the observer grew while they looked, and those that are the history's
    grown: tuple[int, int]
    events: int

    def p99(self, asked: list[Asked]) -> float:
        """Seconds."""
        return at(0.99, asked)


def observer_of(gateway: Gateway) -> psutil.Process:
    """The process that observes: the master's child that is no worker."""

    def find() -> psutil.Process | None:
        if gateway.admin("/api/overview")[0] != 200:
            return None
        workers = set(gateway.workers())
        others = [each for each in psutil.Process(gateway.pid).children() if each.pid not in workers]
        return others[0] if len(others) == 1 else None

    return wait_until(find, "there is one observer")


def cpu(processes: list[psutil.Process]) -> float:
    """Seconds of CPU that they took."""
    times = [each.cpu_times() for each in processes]
    return sum(float(each.user + each.system) for each in times)


class Asker(threading.Thread):
    """Asks for paths of a port, all of them in each turn."""

    def __init__(self, port: int, paths: list[str], every: float) -> None:
        super().__init__(daemon=True)
        self._port, self._paths, self._every = port, paths, every
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        """Until it is stopped."""
        while not self._over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            for path in self._paths:
                connection.request("GET", path)
                answer = connection.getresponse()
                assert answer.read() and answer.status == 200, path
            connection.close()
            self._over.wait(self._every)

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join()


def history_bytes(gateway: Gateway) -> int:
    """What the history says that it takes; it fills for three days."""
    text = gateway.admin("/metrics")[1].decode()
    return round(float(re.search(r"^gateway_observer_history_bytes (\S+)", text, re.M)[1]))


def watch(folder: Path, seconds: float, rate: float) -> Watched:
    """Ask `rate` times a second for `seconds` without viewers, and then as long with three."""
    text = CONFIG + "".join(ROUTE % (number, number) for number in range(ROUTES))
    with serving(folder, text) as gateway:
        observer = observer_of(gateway)
        # Each route has something to tell.
        visitor = Asker(gateway.port, [f"/r{number}" for number in range(ROUTES)], 60.0)
        with ExitStack() as stack:
            stack.callback(visitor.stop)
            alone, idle = _load(gateway, observer, seconds, rate)
            for shows in VIEWERS:  # what a page asks for beside its stream, with a route open
                paths = [f"/api/trends?range={shows}", f"/api/history?range={shows}&route=r7"]
                stack.callback(Asker(gateway.admin_port, [f"/api/history?range={shows}", *paths], LONG).stop)
                stack.callback(Asker(gateway.admin_port, paths, 5.0).stop)
            viewers = [stack.enter_context(Viewer(gateway, shows)) for shows in VIEWERS]
            wait_until(lambda: all(viewer.events > 2 for viewer in viewers), "all of them see something")
            before = observer.memory_info().rss, history_bytes(gateway)
            seen, busy = _load(gateway, observer, seconds, rate)
            grown = observer.memory_info().rss - before[0], history_bytes(gateway) - before[1]
            events = min(viewer.events for viewer in viewers)
    return Watched(alone, seen, idle, busy, grown, events)


def _load(
    gateway: Gateway, observer: psutil.Process, seconds: float, rate: float
) -> tuple[list[Asked], tuple[float, float]]:
    everything = psutil.Process(gateway.pid).children(recursive=True)
    began, took = time.monotonic(), (cpu([observer]), cpu(everything))
    asked = Steady(gateway.port, rate, seconds, "/r7").result()
    length = time.monotonic() - began
    return asked, ((cpu([observer]) - took[0]) / length, (cpu(everything) - took[1]) / length)
