"""The memory of a whole process tree, at its highest while something is done."""

from __future__ import annotations

import threading

from gateway.tuning.processes import tree_memory

STEP = 0.25  # seconds between two looks; one costs the load core about a millisecond


class Peak:
    """The most that `tree_memory` was seen to be within this block."""

    def __init__(self, sid: int):
        self.sid, self.megabytes, self.done = sid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def _watch(self) -> None:
        last = False
        while not last:
            last = self.done.wait(STEP)
            self.megabytes = max(self.megabytes, tree_memory(self.sid))
