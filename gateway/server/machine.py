"""What the machine, or a control group, gives this process."""

from __future__ import annotations

import os


def usable_cores(quota_of: str = "/sys/fs/cgroup/cpu.max") -> int:
    """Cores that this process may use: its affinity, and the cgroup's quota rounded up (cgroup-v2: cpu.max)."""
    cores = len(os.sched_getaffinity(0))
    try:
        with open(quota_of, encoding="ascii") as file:
            quota, _, period = file.read().partition(" ")
    except OSError:
        return cores
    return max(1, min(cores, -(-int(quota) // int(period)))) if quota.isdigit() else cores
