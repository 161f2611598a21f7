"""Commits as trees of their own under build/perf/trees: checked out by git, each built once in its own .venv."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
HERE = "."  # the name of the tree that this suite is in, as it is, with what is not committed
KEPT = 4  # trees; each is a checkout and a .venv
INHERITED = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONPATH", "VIRTUAL_ENV")  # of this tree, not of the other


class NoTree(Exception):
    """A commit that is not there, or cannot be built; the message says which."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A built tree: the word it was asked for by, its commit, where it is."""

    word: str
    commit: str
    root: Path


def built(word: str, root: Path = ROOT) -> Tree:
    """The tree of a commit, made on first use; of HERE, this one, which whoever runs us has built."""
    if word == HERE:
        return Tree(word, _git(root, "describe", "--always", "--dirty") or "unknown", root)
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{word}^{{commit}}")
    if not commit or word.startswith("-"):
        raise NoTree(f"there is no commit {word} here, and no file of this name")
    place = root / "build" / "perf" / "trees" / commit[:12]
    if not (place / ".git").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _git(root, "worktree", "prune")
        _done(word, ["git", "worktree", "add", "--force", "--detach", str(place), commit], root)
    _done(word, ["make", "build"], place)
    os.utime(place)
    _forget(root, place.parent)
    return Tree(word, commit[:12], place)


def _done(word: str, command: list[str], folder: Path) -> None:
    """Run a command that must succeed; all that it says is for people."""
    env = {name: value for name, value in os.environ.items() if name not in INHERITED}
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise NoTree(f"{word} cannot be built, {' '.join(command[:3])} failed: {done.stdout.strip()[-1500:]}")


def _forget(root: Path, folder: Path) -> None:
    """Remove the trees that were not used for longest."""
    for old in sorted(folder.iterdir(), key=lambda tree: tree.stat().st_mtime, reverse=True)[KEPT:]:
        _git(root, "worktree", "remove", "--force", str(old))


def _git(root: Path, *arguments: str) -> str:
    """What git answers, empty when it refuses."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return "" if done.returncode else done.stdout.strip()
