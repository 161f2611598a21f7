"""The crowd of a soak: visitors that come and go by themselves, and hold still while somebody counts."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from perf.soak.visits import Plan, Unexpected, Visitor

Visit = Callable[[Visitor], None]
#: how long a lull is waited for, seconds
STILL_WITHIN = 15.0


class Crowd:
    """Visitors, each for one kind of visit; what went wrong is counted by words."""

    def __init__(self, port: int, visits: Sequence[tuple[Visit, float]]) -> None:
        """`visits` are (what, seconds between two of them at most)."""
        self.plan = Plan()
        self.wrong: Counter[str] = Counter()
        self._open = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._inside = 0
        self._visitors = [
            Visitor(port, random.Random(seed), lambda: self.plan, self._open.is_set) for seed in range(len(visits))
        ]
        self._threads = [
            threading.Thread(target=self._live, args=(visitor, *visit), daemon=True)
            for visitor, visit in zip(self._visitors, visits, strict=True)
        ]

    @property
    def asked(self) -> int:
        """Requests so far."""
        return sum(visitor.asked for visitor in self._visitors)

    @contextmanager
    def coming(self) -> Iterator[None]:
        """They come while the block lasts."""
        self._open.set()
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._open.set()
            for thread in self._threads:
                thread.join(STILL_WITHIN)

    @contextmanager
    def lull(self) -> Iterator[None]:
        """All have left while the block lasts."""
        self._open.clear()
        until = time.monotonic() + STILL_WITHIN
        try:
            while self._inside and time.monotonic() < until:
                time.sleep(0.01)
            yield
        finally:
            self._open.set()

    def _live(self, visitor: Visitor, visit: Visit, pause: float) -> None:
        while not self._over.is_set():
            with self._lock:
                self._inside += self._open.is_set()
                enters = self._open.is_set()
            if not enters:
                self._open.wait()
                continue
            try:
                visit(visitor)
            except Unexpected as error:
                self.wrong[f"{visit.__name__}: {error}"] += 1
            except Exception as error:  # whatever it was, a visitor that goes unseen would only be less load
                self.wrong[f"{visit.__name__}: {type(error).__name__}: {error}"] += 1
            finally:
                with self._lock:
                    self._inside -= 1
            time.sleep(visitor.chance.random() * pause)
