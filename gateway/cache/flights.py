"""Answers that many wait for and one fetches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gevent.event import Event

from gateway.cache.entry import Entry
from gateway.cache.key import Key

#: refreshes beside requests, per worker
AT_ONCE: Final = 256


class InFlight:
    """One fetch; `entry` is what came of it, and with `is_alone` nobody has to wait for the like of it."""

    __slots__ = ("_over", "began", "entry", "is_alone", "is_handed_on", "is_locked", "key")

    def __init__(self, key: str, began: float) -> None:
        self._over = Event()
        self.key = key
        self.began = began
        self.entry: Entry | None = None
        self.is_alone = False
        #: whether a body that streams ends it, and whether it then gives back the lock that other workers wait for
        self.is_handed_on = False
        self.is_locked = False

    def land(self, entry: Entry, key: Key) -> None:
        """This came of it, for a request with this key.

        SECURITY: who waits for what was everybody's is not given what is one caller's (test_cache_callers.py).
        """
        if self.key.startswith(key.own) or entry.is_public:
            self.entry = entry
        else:
            self.is_alone = True

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came in time."""
        return self._over.wait(max(0.0, seconds)) is True

    def end(self) -> None:
        """Let go of all who wait."""
        self._over.set()


class Flights:
    """The fetches of this worker, by key."""

    __slots__ = ("_flights", "refreshing")

    def __init__(self) -> None:
        self._flights: dict[str, InFlight] = {}
        self.refreshing = 0

    def begin(self, key: str, now: float) -> tuple[InFlight, bool]:
        """The flight to a key, and whether it is begun by this very call."""
        flight = self._flights.get(key)
        if flight is not None:
            return flight, False
        flight = self._flights[key] = InFlight(key, now)
        return flight, True

    def end(self, flight: InFlight) -> None:
        """It is over, however it ended. Safe to call twice."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        flight.end()

    @contextmanager
    def flying(self, flight: InFlight) -> Iterator[None]:
        """Whatever happens, it ends; unless a body that streams has it."""
        try:
            yield
        finally:
            if not flight.is_handed_on:
                self.end(flight)
