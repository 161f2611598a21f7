"""What a result has to say about the machine and the versions it was measured with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from perf import tools

PACKAGES = ("gateway", "gunicorn", "gunicorn_h1c", "gevent", "falcon", "urllib3")
SAME = ("cpu", "cores", "kernel", "python")  # what must agree before absolute figures of two results are compared


def describe() -> dict[str, object]:
    """CPU, cores, kernel, memory, Python, versions of all that takes part, and the commit of the tree."""
    return {
        "cpu": _first(r"^model name\s*:\s*(.+)$", "/proc/cpuinfo") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(_first(r"^MemTotal:\s+(\d+)", "/proc/meminfo") or 0) // 1000,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: _package(name) for name in PACKAGES}
        | {name: _said(name, "-v") for name in ("nginx", "wrk")},
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def is_same(a: dict[str, object], b: dict[str, object]) -> bool:
    """Whether two descriptions are of machines whose absolute figures may be compared."""
    return all(a.get(key) == b.get(key) for key in SAME)


def _first(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.M)
    except OSError:
        return ""
    return found.group(1).strip() if found else ""


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def _said(tool: str, flag: str) -> str:
    path = tools.find(tool)
    if not path:
        return "absent"
    done = subprocess.run([path, flag], capture_output=True, text=True)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found.group(0) if found else "unknown"


def _commit() -> str:
    root = Path(__file__).parent.parent
    done = subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
