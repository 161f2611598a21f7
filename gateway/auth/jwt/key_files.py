"""A file of private keys that change hands: PEM blocks, and in comments before each when it signs and when it retired.

PEM readers skip what stands between blocks (RFC 7468 section 2), so the file stays one that every tool can read:

    # signs from 2026-11-24T16:05:00Z
    -----BEGIN PRIVATE KEY----- ...
    # retired 2026-11-24T16:05:00Z
    -----BEGIN PRIVATE KEY----- ...

The first key whose time has come signs; the public halves of all are published.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

KEYS_MAX: Final = 16
BYTES_MAX: Final = 256 << 10

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.S)
_SIGNS = re.compile(r"^# signs from (\S+)[ \t\r]*$", re.M)
_RETIRED = re.compile(r"^# retired (\S+)[ \t\r]*$", re.M)


@dataclass(frozen=True, slots=True)
class KeyBlock:
    """One private key of a file. Times are Unix seconds; `signs_from` 0 = always, `retired` None = it may sign."""

    pem: str
    signs_from: float = 0.0
    retired: float | None = None


def read(path: str | Path) -> tuple[KeyBlock, ...]:
    """The keys of a file. OSError when it cannot be read, ValueError with words when it holds none."""
    with open(path, "rb") as file:
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise ValueError("the file is too large for one of private keys")
    return parse(data.decode("utf-8", "replace"))


def parse(text: str) -> tuple[KeyBlock, ...]:
    """The private keys of a PEM text. ValueError with words for anything else among them."""
    blocks: list[KeyBlock] = []
    end = 0
    for found in _BLOCK.finditer(text):
        label, before = found[1], text[end : found.start()]
        end = found.end()
        if label.endswith(("PUBLIC KEY", "CERTIFICATE")):
            raise ValueError(f"it holds a {label.lower()} where a private key is needed")
        if label == "EC PARAMETERS":  # what `openssl ecparam -genkey` writes before the key
            continue
        if label == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in found[0]:
            raise ValueError("its private key is encrypted; write it without a password, readable by the gateway only")
        if not label.endswith("PRIVATE KEY"):
            raise ValueError(f"it holds a {label.lower()} where a private key is needed")
        blocks.append(KeyBlock(found[0], _time(_SIGNS, before) or 0.0, _time(_RETIRED, before)))
    if not blocks:
        raise ValueError("it holds no PEM private key")
    if len(blocks) > KEYS_MAX:
        raise ValueError(f"it holds {len(blocks)} private keys, at most {KEYS_MAX} are allowed")
    return tuple(blocks)


def render(blocks: Iterable[KeyBlock]) -> str:
    """The text of a file."""
    lines = []
    for block in blocks:
        if block.signs_from:
            lines.append(f"# signs from {_stamp(block.signs_from)}")
        if block.retired is not None:
            lines.append(f"# retired {_stamp(block.retired)}")
        lines.append(block.pem.strip())
    return "\n".join(lines) + "\n"


def rotate(blocks: tuple[KeyBlock, ...], pem: str, at: float) -> tuple[KeyBlock, ...]:
    """A fresh key first, which signs from `at`; the others retire then. ValueError when there are too many."""
    if len(blocks) >= KEYS_MAX:
        raise ValueError(f"there are {len(blocks)} keys already: remove the retired ones first (gateway keys prune)")
    older = (block if block.retired is not None else replace(block, retired=at) for block in blocks)
    return (KeyBlock(pem, at), *older)


def prune(blocks: tuple[KeyBlock, ...], before: float) -> tuple[KeyBlock, ...]:
    """Without those that retired before a time; the first always stays."""
    return blocks[:1] + tuple(block for block in blocks[1:] if block.retired is None or block.retired >= before)


def is_exposed(path: str | Path) -> bool:
    """Whether the group or the world may read (or change) a file that must be private."""
    return bool(os.stat(path).st_mode & 0o077)


def create(path: str | Path, pem: str) -> None:
    """Write a first key, readable by its owner only. FileExistsError when there is a file already."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(render([KeyBlock(pem)]))
        file.flush()
        os.fsync(file.fileno())


def write(path: str | Path, blocks: Iterable[KeyBlock]) -> None:
    """Replace a file in one step: who reads it meanwhile sees the old one or the new one. Owner and mode stay.

    SECURITY: but for the world, which loses what it could do.
    """
    real = os.path.realpath(path)  # a link stays one
    was = os.stat(real)
    folder = os.path.dirname(real)
    handle, fresh = tempfile.mkstemp(prefix=".key-", dir=folder)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(render(blocks))
            if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(was.st_mode) & 0o660)
            file.flush()
            os.fsync(file.fileno())
        os.rename(fresh, real)
    except BaseException:
        os.unlink(fresh)
        raise
    _sync(folder)


def _sync(folder: str) -> None:
    """Have the rename reach the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _time(pattern: re.Pattern[str], text: str) -> float | None:
    """The time in the last comment of a kind. ValueError with words when it is none."""
    found = pattern.findall(text)
    if not found:
        return None
    try:
        return datetime.fromisoformat(found[-1]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise ValueError(f"its comment {found[-1]!r} is not a time like 2026-11-24T16:05:00Z") from None


def _stamp(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
