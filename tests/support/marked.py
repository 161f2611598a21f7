"""Processes by what they have in their environment: all that a command started, whatever it forked."""

from __future__ import annotations

from pathlib import Path


def marked(mark: str) -> list[int]:
    """Those that have `NAME=VALUE` there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found
