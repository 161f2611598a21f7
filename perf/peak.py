"""The memory of a whole process tree, at its highest while something is done."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from perf.procs import session_pids

STEP = 0.25  # seconds between two looks; one costs the load core about a millisecond


def tree_mb(sid: int) -> float:
    """MB (10^6 bytes) of a session's processes: their own pages, those they share once, and of files the largest map.

    Pages of program files are shared with every process on the machine that runs the same program, so PSS would call
    a gateway smaller for each other one that stands beside it.
    """
    own, files = 0, 0
    for pid in session_pids(sid):
        try:
            rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue  # it ended meanwhile
        own += sum(map(int, re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+)", rolled, re.M)))
        files = max([files, *map(int, re.findall(r"^RssFile:\s+(\d+)", status, re.M))])
    return (own + files) * 1024 / 1e6


class Peak:
    """The most that `tree_mb` was seen to be within this block."""

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
            self.megabytes = max(self.megabytes, tree_mb(self.sid))
