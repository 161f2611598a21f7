"""Files that workers hand each other in the runtime directory: checked plans, and the results of reloads.

Every file appears whole or not at all, so a process killed in mid-write leaves nothing that could be read.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gateway.config.diagnostics import Diagnostic
from gateway.config.model import Document
from gateway.config.store import Pause
from gateway.state import SharedMemory

_OUTCOME: Final = "reload.json"


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What came of the last reading of the files; `complaints` are empty when it may be used.

    wish        the last wish (page.reload_wanted) that it answers
    generation  and `version`: what all workers are to run now
    files       and `patterns`: what to watch; `look` is the digest of what was there when they were read
    """

    wish: int
    generation: int
    version: str
    complaints: tuple[Diagnostic, ...]
    files: tuple[str, ...]
    patterns: tuple[str, ...]
    look: str


class PlanDirectory:
    """The files in the runtime directory `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, page: SharedMemory, pickled: bytes) -> int | None:
        """Make a plan the one that all workers are to run; its generation, or None when another was just published."""
        before = page.generation.load()
        generation = before + 1
        with self._written(pickled) as made:
            while not _link(made, self._plan(generation)):  # left by a process that was killed before the next line
                generation += 1
        if not page.generation.compare_and_set(before, generation):
            self._plan(generation).unlink(missing_ok=True)
            return None
        self._tidy(generation)
        return generation

    def plan(self, generation: int, pause: Pause | None = None) -> Document:
        """The document of a generation.  Raises FileNotFoundError when it is no longer the current one."""
        return unpickled(self._plan(generation).read_bytes(), pause)

    def since(self, generation: int) -> float | None:
        """When that generation was published (wall clock seconds); None when it is no longer the current one."""
        try:
            return self._plan(generation).stat().st_mtime
        except OSError:
            return None

    def date_back(self, generation: int, since: float) -> None:
        """It says what was published before it, at that time (wall clock seconds)."""
        with contextlib.suppress(OSError):
            os.utime(self._plan(generation), (since, since))

    def tell(self, outcome: ReloadResult) -> None:
        """Write what came of a reading."""
        with self._written(json.dumps(asdict(outcome)).encode()) as made:
            made.replace(self._folder / _OUTCOME)

    def outcome(self) -> ReloadResult | None:
        """What came of the last reading; None before the first."""
        try:
            found = json.loads((self._folder / _OUTCOME).read_bytes())
            complaints = tuple(Diagnostic(**one) for one in found.pop("complaints"))
            files, patterns = tuple(found.pop("files")), tuple(found.pop("patterns"))
            return ReloadResult(**found, complaints=complaints, files=files, patterns=patterns)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _plan(self, generation: int) -> Path:
        return self._folder / f"plan-{generation}.pickle"

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """A new file, complete, under a name of its own that goes afterwards."""
        made = self._folder / f"new-{os.getpid()}"
        made.unlink(missing_ok=True)
        try:
            with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(data)
                self._give_to_workers(stream.fileno())
            yield made
        finally:
            made.unlink(missing_ok=True)

    def _give_to_workers(self, fd: int) -> None:
        """Workers may run as another user than the master: as the one who owns the directory."""
        owner = self._folder.stat()
        if owner.st_uid != os.geteuid():
            os.fchown(fd, owner.st_uid, owner.st_gid)

    def _tidy(self, generation: int) -> None:
        """Remove older plans, and what processes left that were killed while they wrote."""
        for path in self._folder.glob("plan-*.pickle"):
            if int(path.stem.removeprefix("plan-")) < generation:
                path.unlink(missing_ok=True)
        for path in self._folder.glob("new-*"):
            if not Path("/proc", path.name.removeprefix("new-")).exists():
                path.unlink(missing_ok=True)


def unpickled(data: bytes, pause: Pause | None = None) -> Document:
    """The document in a pickle, `pause` being called after every 64 KB, which is a few milliseconds of work.

    SECURITY: for what this code has pickled itself, and kept in a directory that is private to the gateway's user.
    """
    document = pickle.load(YieldingReader(data, pause) if pause else io.BytesIO(data))  # noqa: S301 - see above
    if not isinstance(document, Document):
        raise TypeError("the pickle holds no configuration")
    return document


class YieldingReader(io.BytesIO):
    """Is read a frame at a time (pickle protocol 4 and later)."""

    def __init__(self, data: bytes, pause: Pause) -> None:
        super().__init__(data)
        self._pause = pause

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes; the event loop has a turn before a long piece."""
        if size is None or size > 1024:  # not for the head of a frame
            self._pause()
        return super().read(size)


def _link(source: Path, target: Path) -> bool:
    """Give a file its name; false when the name is taken."""
    with contextlib.suppress(FileExistsError):
        target.hardlink_to(source)
        return True
    return False
