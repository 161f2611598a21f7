"""Have the files of a configuration changed?  Asked with stat(2), which also sees a symlink that was swapped."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable

Look = dict[str, tuple[int, ...]]
"""What the files were at one time, by name; () for one that is not there."""

_CLOCK_STEP_NS = 20_000_000  # file times lag behind the clock by a tick


def snapshot(files: Iterable[str], patterns: Iterable[str]) -> Look:
    """The files and what the patterns match, now."""
    names = {*files, *(name for pattern in patterns for name in glob.glob(pattern, recursive=True))}
    return {name: _state(name) for name in sorted(names)}


def changed_since(before: Look, began_ns: int, files: Iterable[str], patterns: Iterable[str]) -> Look:
    """What was read by somebody who began at `began_ns` (wall clock) and had looked `before`.

    A file that was not among those and may have changed since is put down as changed: better read twice than missed.
    """
    now = snapshot(files, patterns)
    limit = began_ns - _CLOCK_STEP_NS
    fresh: Look = {name: (-1,) for name, state in now.items() if state and state[1] >= limit}
    return now | fresh | {name: state for name, state in before.items() if name in now}


def digest(seen: Look) -> str:
    """A look as a short text."""
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()


class Watcher:
    """Looks again and again, and speaks up when what it sees is new and has come to rest."""

    __slots__ = ("_known", "_last")

    def __init__(self, known: str) -> None:
        """`known` is the digest of what was read."""
        self._known = self._last = known

    def has_changed(self, files: Iterable[str], patterns: Iterable[str]) -> bool:
        """Look once; true when two looks in a row agree with each other and not with what is known.  Said once."""
        now = digest(snapshot(files, patterns))
        settled = now == self._last != self._known
        self._last = now
        if settled:
            self._known = now
        return settled


def _state(name: str) -> tuple[int, ...]:
    try:
        found = os.stat(name)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev
