"""The outside tools: nginx, wrk and redis-server, from the distribution."""

from __future__ import annotations

import os
import shutil
import subprocess

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def find(tool: str) -> str | None:
    """The full path of a tool; nginx stands in /usr/sbin, which is not on everybody's PATH."""
    return shutil.which(tool, path=PATH)


def ensure(*tools: str) -> dict[str, str]:
    """The path of each tool; what is missing is installed when we are root, else said with the line to run."""
    missing = [tool for tool in tools if not find(tool)]
    if missing:
        if os.geteuid() or not shutil.which("apt-get"):
            raise SystemExit(f"perf needs {' and '.join(missing)}: run `sudo apt-get install -y {' '.join(missing)}`")
        _install(missing)
    return {tool: find(tool) or tool for tool in tools}


def _install(packages: list[str]) -> None:
    # NOTE: RUNLEVEL=1 keeps the packages from starting services: we want the binaries, not a web server on port 80.
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", *packages]):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise SystemExit(f"perf needs {' and '.join(packages)}, and `{' '.join(command)}` failed: {last}")
