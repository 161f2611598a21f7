"""Server-sent events of the dashboard: sent to all viewers at once, without waiting for any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import gevent
from gevent.queue import Empty, Full, Queue

#: viewers at a time, and events that one of them may be behind
MOST: Final = 32
BEHIND: Final = 5
#: seconds without an event after which a comment keeps the connection alive
HEARTBEAT: Final = 10.0


@dataclass(slots=True, eq=False)
class Viewer:
    """One stream: what it shows, the events that wait for it, and the greenlet that writes them."""

    shows: str
    greenlet: Any
    events: Queue[bytes] = field(default_factory=lambda: Queue(BEHIND))


class EventStream:
    """All streams of this process."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._viewers)

    @property
    def is_full(self) -> bool:
        """Whether another one would be too many."""
        return len(self._viewers) >= MOST

    @property
    def shown(self) -> set[str]:
        """What is looked at now."""
        return {viewer.shows for viewer in self._viewers}

    def stream(self, shows: str, first: Callable[[], bytes]) -> Iterator[bytes]:
        """The events of one viewer, `first` before all, until it goes away or is too slow. Runs in its own greenlet."""
        viewer = Viewer(shows, gevent.getcurrent())
        self._viewers.add(viewer)
        try:
            yield first()
            while True:
                try:
                    yield viewer.events.get(timeout=HEARTBEAT)
                except Empty:
                    yield b": nothing new\n\n"
        finally:
            self._viewers.discard(viewer)

    def send(self, shows: str, event: bytes) -> None:
        """Hand an event to all who look at `shows`; who has not taken the last few is sent away."""
        for viewer in [each for each in self._viewers if each.shows == shows]:
            try:
                viewer.events.put_nowait(event)
            except Full:
                self.dropped += 1
                self._end(viewer)

    def close(self) -> None:
        """End all streams."""
        for viewer in list(self._viewers):
            self._end(viewer)

    def _end(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        viewer.greenlet.kill(block=False)


def event(data: bytes) -> bytes:
    """One server-sent event of one line of data."""
    return b"data: " + data + b"\n\n"
