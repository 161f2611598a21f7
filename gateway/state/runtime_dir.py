"""The runtime directory: where one gateway keeps its store file and pickled plans, private to it.

Every master that uses the directory holds a shared flock(2) on the file `lock` in it, which the kernel lets go when
the master ends, however it ends.  Who gets that lock exclusively knows that no master lives, and may remove all.
Unlike pids this also holds between containers that share /dev/shm.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HANDOVER: Final = "GATEWAY_RUNTIME"
_SHM: Final = Path("/dev/shm")  # noqa: S108 - what is made in it has a random name, by mkdir, and is private
_LOCK: Final = "lock"


class RuntimeDir:
    """A directory of mode 0700 that goes when the last master of its gateway does."""

    def __init__(self, path: Path, lock: int) -> None:
        """Use `create` or `from_env`; `lock` is the open, locked file."""
        self.path = path
        self._lock: int | None = lock
        os.register_at_fork(after_in_child=self._unlock)  # a worker that lives on must not keep the directory

    @classmethod
    def create(cls, base: Path | None = None, *, uid: int = -1, gid: int = -1) -> RuntimeDir:
        """A new directory under `base` (/dev/shm, else the temporary directory), after sweeping what the dead left.

        `uid` and `gid` are whom the workers run as, where that is not the master's own.
        """
        base = base or _default_base()
        sweep(base)
        while True:
            path = base / f"gateway-{os.geteuid()}-{secrets.token_hex(8)}"
            path.mkdir(mode=0o700)
            lock = _lock_shared(path)
            if lock is not None:  # else another gateway's sweep came in between
                os.chown(path, uid, gid)
                return cls(path, lock)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> RuntimeDir | None:
        """The directory that the master before this one hands over; None when there is none, or none any more."""
        number, _, name = environ.get(HANDOVER, "").partition(":")
        path = Path(name)
        if not (number.isascii() and number.isdigit() and path.is_absolute()):
            return None
        lock = int(number)
        if not _is_file(lock, path / _LOCK):
            return None
        os.set_inheritable(lock, False)
        return cls(path, lock)

    def handover_env(self) -> dict[str, str]:
        """Keep the directory for what this process is about to exec; returns what to put into the environment."""
        if self._lock is None:  # in the fork of a master
            self._lock = _lock_shared(self.path)
        if self._lock is None:
            return {}
        os.set_inheritable(self._lock, True)
        return {HANDOVER: f"{self._lock}:{self.path}"}

    def folder(self, name: str) -> Path:
        """A folder for what is kept in memory apart from the rest, so that neither crowds the other out."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = self.path.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        return folder

    def agree(self, name: str, number: int) -> int:
        """What the first who asked said of `name`: two masters must not use one store file as if of two sizes."""
        path = self.path / name
        fresh = self.path / f"{name}.{secrets.token_hex(8)}"
        fresh.write_text(str(number))
        try:
            os.link(fresh, path)  # whole or not at all, and the first one stays
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return int(path.read_text())

    def release(self) -> None:
        """For a master that ends: remove the directory unless another master uses it."""
        self._unlock()
        _remove_if_unused(self.path)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep(base: Path) -> int:
    """Remove the directories of this user whose masters are all dead; how many."""
    mine = base.glob(f"gateway-{os.geteuid()}-*")
    return sum(_remove_if_unused(path) for path in mine if path.is_dir() and not path.is_symlink())


def _default_base() -> Path:
    return _SHM if os.access(_SHM, os.W_OK | os.X_OK) and _SHM.is_dir() else Path(tempfile.gettempdir())


def _lock_shared(path: Path) -> int | None:
    """The lock file, opened and held; None when somebody is removing the directory."""
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if not _is_file(lock, path / _LOCK):
        os.close(lock)
        return None
    return lock


def _remove_if_unused(path: Path) -> bool:
    """Remove the directory if no master holds its lock; whether it did."""
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:  # gone, or not ours
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _is_file(descriptor: int, path: Path) -> bool:
    """Whether an open descriptor is the file that the path names now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False
