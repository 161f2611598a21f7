"""Paths at which the schema has complained already: mistakes that only follow from those are left out."""

import re
from collections.abc import Iterable, Iterator

from gateway.config.diagnostics import Diagnostic, Path, path_text

_STEP = re.compile(r"[.\[]")
#: not of a key that is there as well
_MEANT = re.compile(r"(?:did you mean|it stands under) `([^`]+)`(?!\? it is there)")
_QUOTED = re.compile(r'"[^"]*"')
#: what may be the name of a key in a complaint: it is in backticks, or long enough not to be any word
_NAME = re.compile(r"`(\w+)|\b(\w{4,})\b")

_Spot = tuple[str, str]
"""A file and a path."""


class ReportedPaths:
    """The places of complaints; of a key that is misspelt also the one that was meant."""

    __slots__ = ("_at", "_inside")

    def __init__(self, complaints: Iterable[Diagnostic] = ()) -> None:
        self._at: set[_Spot] = set()
        self._inside: set[_Spot] = set()
        for one in complaints:
            self._at.update((one.file, path) for path in _paths(one))
            self._inside.update((one.file, above) for above in _above(one.path))

    def __bool__(self) -> bool:
        return bool(self._at)

    def of(self, file: str, path: Path) -> bool:
        """Whether there is a complaint about a value, or about what holds it."""
        text = path_text(path)
        return any((file, each) in self._at for each in (text, *_above(text)))

    def inside(self, file: str, path: Path) -> bool:
        """Whether there is one about anything in a value."""
        return (file, path_text(path)) in self._inside

    def follows(self, one: Diagnostic) -> bool:
        """Whether a complaint about the meaning is due to one of these.

        It is where it speaks of the same value, of a value in which something is wrong, or of a key beside it or in it
        that is wrong itself.
        """
        if (one.file, one.path) in self._at:
            return True
        holder, dot, _ = one.path.rpartition(".")
        if (one.file, one.path) in self._inside and dot and not one.path.endswith("]"):
            return True
        words = _QUOTED.sub("", f"{one.message} {one.hint}")
        names = (found[1] or found[2] for found in _NAME.finditer(words))
        return any(
            (one.file, f"{place}.{name}") in self._at for name in names for place in filter(None, (holder, one.path))
        )


def _paths(complaint: Diagnostic) -> Iterator[str]:
    yield complaint.path
    meant = _MEANT.match(complaint.hint)
    if complaint.message == "unknown key" and meant is not None:
        holder, dot, _ = complaint.path.rpartition(".")
        yield f"{holder}{dot}{meant[1]}"


def _above(path: str) -> Iterator[str]:
    """routes and routes[2] of routes[2].match."""
    return (path[: found.start()] for found in _STEP.finditer(path))
