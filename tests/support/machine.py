"""How much of this machine is taken by others, who may take from a test what it needs."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path


class Machine:
    """Looks at the processors' time from when it is made on."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy(), _own()

    def others(self) -> float:
        """The share of all processors' time that went to others than this process and the children that ended."""
        taken = _busy() - self._busy - (_own() - self._own)
        return max(0.0, taken) / ((time.monotonic() - self._began) * (os.cpu_count() or 1))


def taken_by_others(seconds: float) -> float:
    """The same for a time in which this process does nothing."""
    machine = Machine()
    time.sleep(seconds)
    return machine.others()


def _busy() -> float:
    """Seconds that all processors were not idle, those that the host took included (proc(5))."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
