"""A discrete-event engine: a heap of what happens when, and stations where work waits in line.

NOTE: SimPy does the same with a coroutine and about six events for each request, and took 6 times as long for the same
queue (docs/scaling.md), so runs of a million requests are left to this.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

Event = Callable[[], None]


class Engine:
    """Time in seconds, and what is to happen; what is due at the same moment happens in the order it was said."""

    __slots__ = ("_heap", "_said", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Event]] = []
        self._said = 0

    def after(self, seconds: float, event: Event) -> None:
        """Have something happen later."""
        self._said += 1
        heapq.heappush(self._heap, (self.now + seconds, self._said, event))

    def run(self, until: float) -> None:
        """Let happen what is due before `until`; what comes later stays."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] < until:
            self.now, _, event = pop(heap)
            event()
        self.now = until


class Station:
    """`servers` that take work in the order it came; `busy` is how many seconds they worked, all together.

    `wake` seconds more are worked by a server that had nothing to do before.
    """

    __slots__ = ("_engine", "_free", "_line", "_wake", "busy", "done")

    def __init__(self, engine: Engine, servers: int = 1, wake: float = 0.0) -> None:
        self._engine, self._free, self._wake = engine, servers, wake
        self._line: deque[tuple[float, Event]] = deque()
        self.busy = 0.0
        self.done = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)

    def work(self, seconds: float, then: Event) -> None:
        """Do so much work, at once or after what came before; then go on."""
        if self._free:
            self._free -= 1
            self._begin(seconds + self._wake, then)
        else:
            self._line.append((seconds, then))

    def _begin(self, seconds: float, then: Event) -> None:
        def end() -> None:
            self.busy += seconds
            self.done += 1
            if self._line:
                self._begin(*self._line.popleft())
            else:
                self._free += 1
            then()

        self._engine.after(seconds, end)
