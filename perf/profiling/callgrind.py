"""A worker under callgrind: every instruction and every call of it is counted, by function and by object file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perf import tools
from perf.load import LoadFailed
from perf.profiling.plain import plain_parser
from perf.profiling.subject import Subject, loaded
from perf.scenario import Trial

NAMED = re.compile(r"\((\d+)\)(?: (.*))?")


@dataclass(slots=True)
class Costs:
    """What a dump holds: instructions by (function, object file), and calls by (caller, callee)."""

    own: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.own.values())

    def by_object(self) -> Counter[str]:
        """Instructions by object file."""
        found: Counter[str] = Counter()
        for (_, where), cost in self.own.items():
            found[where] += cost
        return found

    def called(self) -> Counter[str]:
        """Calls by callee."""
        found: Counter[str] = Counter()
        for (_, callee), count in self.calls.items():
            found[callee] += count
        return found


class _Names:
    """Callgrind writes a name once, with a number, and the number from then on."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def read(self, text: str) -> str:
        found = NAMED.fullmatch(text)
        if not found:
            return text
        if found[2]:
            self.known[found[1]] = found[2]
        return self.known[found[1]]


def parse(lines: Iterable[str]) -> Costs:
    """The costs of a dump in callgrind's format, one event (Ir) counted."""
    costs, functions, objects = Costs(), _Names(), _Names()
    function = where = callee = ""
    inclusive = False  # the line after `calls=` says what the callee cost, which is counted where it was spent
    for line in lines:
        head, _, rest = line.rstrip("\n").partition("=")
        if head == "fn":
            function = functions.read(rest)
        elif head == "ob":
            where = objects.read(rest)
        elif head == "cob":
            objects.read(rest)
        elif head == "cfn":
            callee = functions.read(rest)
        elif head == "calls":
            costs.calls[function, callee] += int(rest.split()[0])
            inclusive = True
        elif line[0] in "0123456789+-*" and function:
            if not inclusive:
                costs.own[function, where] += int(line.split()[1])
            inclusive = False
    return costs


def count(trial: Trial, requests: int, folder: Path) -> tuple[Costs, Path]:
    """The costs of so many requests in the worker that serves them, and the dump they were read from."""
    tools.ensure("valgrind")
    _clear(folder)
    plain = plain_parser(Path(sys.executable), folder)
    env = {"PYTHONHASHSEED": "0"} | ({"PYTHONPATH": str(plain)} if plain else {})
    with loaded(trial, [*_prefix(folder), sys.executable], env) as subject:
        with _counting(subject):
            subject.client.run(requests)
        dump = _dump(subject, folder)
    with dump.open() as lines:
        costs = parse(lines)
    if not costs.total:
        raise LoadFailed(f"callgrind counted nothing in process {subject.worker}; see {folder}/valgrind.*")
    return costs, _clear(folder, dump)


def _clear(folder: Path, keep: Path = Path()) -> Path:
    """Remove what a run left, but for one file, whose name then says nothing of a process."""
    for old in [*folder.glob("callgrind.*"), *folder.glob("valgrind.*")]:
        if old != keep:
            old.unlink()
    shutil.rmtree(folder / "plain", ignore_errors=True)
    return keep.rename(folder / "callgrind.out") if keep != Path() else keep


def _prefix(folder: Path) -> list[str]:
    # NOTE: without --trace-children a fork cannot be controlled; what is started anew runs by itself all the same.
    return [
        tools.find("valgrind") or "valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-recs=1",
        "--trace-children=yes", "--trace-children-skip-by-arg=*", "--quiet", "--max-stackframe=100000000",
        f"--callgrind-out-file={folder}/callgrind.%p", f"--log-file={folder}/valgrind.%p",
    ]  # fmt: skip


@contextmanager
def _counting(subject: Subject) -> Iterator[None]:
    """Within the block instructions of the worker are counted."""
    _control("--instr=on", subject.worker)
    subject.client.run(len(subject.client.sockets))
    _control("--zero", subject.worker)
    yield
    _control("--instr=off", subject.worker)


def _dump(subject: Subject, folder: Path) -> Path:
    _control("--dump", subject.worker)
    return max(folder.glob(f"callgrind.{subject.worker}.*"), key=lambda each: each.stat().st_size)


def _control(what: str, pid: int) -> None:
    command = [tools.find("callgrind_control") or "callgrind_control", what, str(pid)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or "Error" in done.stdout + done.stderr:
        raise LoadFailed(f"callgrind_control {what} {pid}: {(done.stderr + done.stdout).strip()}")
