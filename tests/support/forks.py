"""Processes that share the memory of the test: forks of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


def _fork(work: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.alarm(60)
            status = 2 if work() is False else 0
        finally:
            os._exit(status)
    return pid


@contextmanager
def children(works: Iterable[Callable[[], object]]) -> Iterator[list[int]]:
    """A process for each, killed when the block ends; by itself it ends with 0, 2 for False, 1 for what was raised."""
    pids: list[int] = []
    try:
        pids.extend(map(_fork, works))
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def ends(pids: Iterable[int]) -> list[int]:
    """The exit codes of children, which are left for `children` to bury."""
    return [os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_status for pid in pids]


def run_all(works: Iterable[Callable[[], object]]) -> list[int]:
    """Do each in a process of its own, all at once; their exit codes."""
    with children(works) as pids:
        return ends(pids)


def spin(holds: Callable[[], object]) -> None:
    """Wait for what other processes do, without a pause: they do it many times a millisecond."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "the other processes do nothing"
        os.sched_yield()
