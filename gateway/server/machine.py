"""Cores that the machine, or a control group, gives this process."""

from __future__ import annotations

import os
from pathlib import Path

_HOST = Path("/")


def usable_cores(root: Path = _HOST) -> int:
    """Cores that this process may use: its affinity, and the least quota of all groups above us, rounded up."""
    cores = len(os.sched_getaffinity(0))
    quotas = [quota for folder, is_old in groups("cpu", root) if (quota := _quota(folder, is_old))]
    return max(1, min([cores, *quotas]))


def groups(controller: str, root: Path = _HOST) -> list[tuple[Path, bool]]:
    """(folder, whether it is of version 1) of our control group and of all above it, in both versions.

    In a container with a view of its own the group is the mounted folder itself, whatever /proc calls it.
    """
    try:
        rows = os.fsdecode((root / "proc/self/cgroup").read_bytes()).splitlines()
    except OSError:
        return []
    found: list[tuple[Path, bool]] = []
    for row in rows:
        number, controllers, path = row.split(":", 2)
        is_old = number != "0"
        if is_old and controller not in controllers.split(","):
            continue
        mount, folder = root / "sys/fs/cgroup" / (controller if is_old else ""), Path(path)
        inside = [folder, *folder.parents] if folder.is_absolute() else []
        found += [(mount / each.relative_to("/"), is_old) for each in inside]
    return found


def _quota(folder: Path, is_old: bool) -> int:
    """Whole cores, rounded up; 0 for no quota: `max`, or -1."""
    try:
        if is_old:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        else:
            quota, _, period = (folder / "cpu.max").read_text().strip().partition(" ")
    except OSError:
        return 0
    return -(-int(quota) // int(period)) if quota.isdigit() and period.isdigit() else 0
