"""The meter: what all workers count together, in the regions "meter" and "recent" of the page.

A step of each route counts its requests, and whoever tries a target counts the try (gateway._fast.metrics).  What is
counted outlives a reload, the death of a worker and an upgrade in place (USR2).  Room for series is that of the page's
first master; the names of routes, upstreams and targets are its only labels, so no request can make a new one.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from gateway._fast.atomics import Memory
from gateway._fast.metrics import Call, Meter, Route
from gateway._fast.name_table import TEXT_MAX
from gateway._fast.recent import Recent
from gateway.config.model import Document
from gateway.contracts import Step, Steps
from gateway.errors import KINDS
from gateway.state import SharedMemory, SharedMemoryError

log = logging.getLogger("gateway")

REGION: Final = "meter"
RECENT: Final = "recent"
SERIES_MIN: Final = 4096  # names stay, and discovery finds new targets all the time
SERIES_MAX: Final = 65_536
SLOTS: Final = 256  # of the page
STRIPES: Final = 16

_SLUGS: Final = tuple(kind.slug for kind in KINDS)


def regions(series: int) -> Mapping[str, int]:
    """The regions of a page with room for so many series, in bytes; memory is used for what is counted only."""
    return {REGION: Meter.bytes_for(series, SLOTS, STRIPES), RECENT: Recent.bytes_for(SLOTS)}


def room_for(document: Document) -> int:
    """Series to have room for: twice what is named, because reloads and discovery will name more."""
    named = len(document.routes) + sum(1 + len(upstream.targets) for upstream in document.upstreams)
    return document.metrics.series or min(max(SERIES_MIN, 2 * named), SERIES_MAX)


class MetricsRegions:
    """The meter, as one process sees it. A worker calls `claim` once it has a slot."""

    __slots__ = ("_recent", "_steps", "meter")

    def __init__(self, region: memoryview, recent: memoryview) -> None:
        """Raises ValueError when a region holds anything but zeros or what a process of the same layout left."""
        self.meter = Meter(Memory(region), _series_in(len(region)), SLOTS, STRIPES)
        self.meter.name_errors(_SLUGS)
        self._recent = Recent(Memory(recent), SLOTS)
        self._steps: dict[str, Step] = {}

    @classmethod
    def of(cls, page: SharedMemory, series: int) -> MetricsRegions:
        """The meter of a page; before the first fork.

        A page that another version made (USR2) may have none, or another: then this master and its workers count anew.
        """
        try:
            return cls.attach(page)
        except (SharedMemoryError, ValueError) as error:
            log.warning("%s: metrics begin anew", error)
            return cls.private(series)

    @classmethod
    def attach(cls, page: SharedMemory) -> MetricsRegions:
        """The meter that a page has. Raises PageError or ValueError when it has none that can be read."""
        return cls(page.region(REGION), page.region(RECENT))

    @classmethod
    def private(cls, series: int = SERIES_MIN) -> MetricsRegions:
        """One for this process and those it forks, for a gateway without a page."""
        sizes = regions(series)
        maps = [memoryview(mmap.mmap(-1, sizes[name])) for name in (REGION, RECENT)]
        return cls(maps[0], maps[1])

    def step(self, route: str, where: str = "") -> Step:
        """The step that counts the requests of a route; "" is what matches none.

        PERF: kept, because the next plan has mostly the same routes; no more than there are series.
        Bench: perf/micro/bench_metrics.py.
        """
        found = self._steps.get(route)
        if found is None or found.where != where:
            hooks = Route(self.meter, _fitted(route), self._recent)
            found = Step("meter", where, Steps(on_request=hooks.begin, on_close=hooks.end))
            if not hooks.is_other:
                self._steps[route] = found
        return found

    def call(self, upstream: str, address: str) -> Call:
        """What counts the tries with a target of an upstream."""
        return Call(self.meter, _fitted(upstream), _fitted(f"{upstream}\0{address}"))

    def claim(self, slot: int) -> None:
        """Count under a slot of the page; what the slot's last owner had on its way is gone."""
        self.meter.claim(slot)
        self._recent.claim(slot)

    def release(self) -> None:
        """Before the slot is given back: nothing is on its way here any more."""
        self.meter.release()
        self._recent.release()

    def forget(self, slot: int) -> None:
        """Nothing is on its way under a slot: its process has ended, and nobody has claimed the slot since."""
        self.meter.forget(slot)

    def failures(self) -> list[tuple[float, str, str, str, str, int, str]]:
        """(wall clock, request id, method, route, upstream, status, error) of requests that failed, newest first."""
        return sorted(self._recent.failures(), reverse=True)

    def clients(self) -> list[tuple[str, int]]:
        """(address, about how many requests), the most active first."""
        return sorted(self._recent.clients().items(), key=lambda item: (-item[1], item[0]))


def _series_in(size: int) -> int:
    """For how many series a region was made."""
    low, high = 8, SERIES_MAX
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if Meter.bytes_for(middle, SLOTS, STRIPES) <= size else (low, middle - 1)
    return low


def _fitted(name: str) -> str:
    """A name that there is room for: the end of a very long one becomes digits of its hash."""
    raw = name.encode("utf-8", "surrogatepass")
    if len(raw) <= TEXT_MAX:
        return name
    digest = blake2b(raw, digest_size=8).hexdigest()
    return raw[: TEXT_MAX - len(digest) - 1].decode("utf-8", "ignore") + "~" + digest
