"""Instructions per call of the fast modules' micro-benchmarks, counted by callgrind: the same on a busy machine."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perf import tools
from perf.micro.run import discover
from perf.profiling.counted import TIMES
from perf.profiling.plain import NotCompiled, compile_shared, plain_parser

HERE = Path(__file__).parent
ROOT = HERE.parent
FOLDER = ROOT / "build" / "perf" / "counting"
PYTHON = Path("venv") / "bin" / "python"
LEAST = 0.03  # more than this share more fails the gate
LAYOUTS = (1, 2)  # of memory, beside the usual one
ALIKE = ("python", "machine")  # of two files whose counts may be compared
Counts = dict[str, float]


class NotCounted(Exception):
    """A module that cannot be counted; the message says why."""


FAILURES = (NotCounted, NotCompiled)


def measure(root: Path, modules: Sequence[str], layout: int = 0) -> Counts:
    """{"MODULE: BENCH": instructions per call} of a built tree that has a .venv; modules it lacks are left out."""
    tools.ensure("valgrind")
    there = [name for name in modules if (root / "perf" / "micro" / f"bench_{name}.py").exists()]
    with _folder() as folder:
        (folder / "tree").symlink_to(root)
        (folder / "venv").symlink_to(Path(sys.prefix) if root == ROOT else root / ".venv")
        compile_shared([HERE / "profiling" / "marks.c"], folder / "marks.so")
        plain = plain_parser(folder / PYTHON, folder)
        path = os.pathsep.join(str(place) for place in (plain, folder / "tree") if place)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as side_by_side:
            found = side_by_side.map(lambda name: _module(name, path, folder, layout), there)
            return {bench: cost for counts in found for bench, cost in counts.items()}


@contextmanager
def _folder() -> Iterator[Path]:
    """Always the same one: paths are strings of the process that is counted, and where they lie changes its counts."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until the file is closed
        except BlockingIOError:
            print("another count is under way: this one waits for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        try:
            yield FOLDER
        finally:
            shutil.rmtree(FOLDER, ignore_errors=True)


def _module(name: str, path: str, folder: Path, layout: int) -> Counts:
    """The counts of one module, in a process of its own."""
    (folder / name).mkdir()
    command = [tools.find("valgrind") or "valgrind", "--tool=callgrind", "--quiet", "--instr-atstart=no"]
    command += [f"--callgrind-out-file={folder / name}/out", str(folder / PYTHON), "-P"]
    command += [str(HERE / "profiling" / "counted.py"), str(folder / "marks.so"), name, str(layout)]
    # Nothing that differs from run to run: the seed of hashes, and the variables that lie on the stack.
    env = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0", "PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise NotCounted(f"{name} cannot be counted: {(done.stderr.strip() or done.stdout)[-800:]}")
    dumps = dict(map(dump, (folder / name).glob("out.*")))
    return {
        f"{name}: {bench}": each_call(few, more, [dumps[number, turn] for turn in range(2 * TIMES)])
        for number, (bench, few, more) in enumerate(json.loads(done.stdout.splitlines()[-1]))
    }


def each_call(few: int, more: int, counts: Sequence[int]) -> float:
    """Instructions of one call, from counts of few and of more calls in turn; chance only adds to them."""
    return min(longer - shorter for shorter, longer in zip(counts[::2], counts[1::2], strict=True)) / (more - few)


def dump(path: Path) -> tuple[tuple[int, int], int]:
    """((bench, turn), instructions) of a dump."""
    text = path.read_text()
    mark = re.search(r"^desc: Trigger: .*bench-(\d+)-(\d+)$", text, re.M)
    total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
    if not mark or not total:
        return (-1, -1), 0  # the rest, written when the process ends
    return (int(mark[1]), int(mark[2])), int(total[1])


def described(counts: Counts) -> dict[str, Any]:
    """What a file holds: the counts, and by what they were counted."""
    valgrind = subprocess.run([tools.find("valgrind") or "valgrind", "--version"], capture_output=True, text=True)
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.splitlines()
    return {
        "python": sys.version.replace("\n", " "),
        "machine": platform.machine(),
        "compiler": compiler[0] if compiler else "unknown",
        "valgrind": valgrind.stdout.strip(),
        "libc": " ".join(platform.libc_ver()),
        "instructions": counts,
    }


def unlike(now: dict[str, Any], before: dict[str, Any]) -> str:
    """Why two files say nothing of each other; empty when they do."""
    apart = [f"{key} was {before.get(key)}, is {now[key]}" for key in ALIKE if now[key] != before.get(key)]
    return "; ".join(apart)


def changes(now: Counts, before: Counts, least: float = LEAST) -> list[tuple[str, float]]:
    """(bench, share of change) of what both have and that changed by more than a share, the worst first."""
    both = [(name, now[name] / before[name] - 1) for name in now.keys() & before.keys()]
    return sorted((each for each in both if abs(each[1]) > least), key=lambda each: -each[1])


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The subcommand."""
    command = commands.add_parser("instructions", help="instructions per call of the fast modules, by callgrind")
    command.add_argument("modules", nargs="*", metavar="MODULE", help="as route; all by default")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the counts; a new baseline is such a file")
    command.add_argument("--against", type=Path, metavar="FILE", help=f"exit 1 when one is over {LEAST:.0%} more")
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Count and compare; 2 when a module is unknown, or nothing can be compared."""
    known = discover()
    if strange := sorted({*given.modules} - {*known}):
        print(f"{strange[0]}: no such benches; there are {', '.join(known)}", file=sys.stderr)
        return 2
    before = json.loads(given.against.read_text()) if given.against else None
    counts = measure(ROOT, given.modules or known)
    if before and not unlike(described({}), before):
        counts = second_look(counts, before["instructions"])
    now = described(counts)
    for name, cost in now["instructions"].items():
        print(f"{name:75s} {cost:14,.0f}")
    if given.json:
        given.json.write_text(json.dumps(now, indent=1) + "\n")
    return gate(now, before, not given.modules) if before else 0


def second_look(counts: Counts, before: Counts) -> Counts:
    """The modules that seem to cost more are counted with their objects elsewhere; the least of all counts is kept.

    Where objects lie makes up to 3 % of a short call: a change anywhere may move them.
    """
    for layout in LAYOUTS:
        if seem := {name.partition(":")[0] for name, share in changes(counts, before) if share > 0}:
            print(f"counted once more: {', '.join(sorted(seem))}", file=sys.stderr, flush=True)
            again = measure(ROOT, sorted(seem), layout)
            counts = {name: min(cost, again.get(name, cost)) for name, cost in counts.items()}
    return counts


def gate(now: dict[str, Any], before: dict[str, Any], all_of_them: bool = True) -> int:
    """Say what changed; 1 when anything costs too much more, 2 when nothing can be compared."""
    if why := unlike(now, before):
        print(f"nothing is compared: {why}", file=sys.stderr)
        return 2
    new, old = now["instructions"], before["instructions"]
    found = changes(new, old)
    for name, share in found:
        print(f"{'MORE' if share > 0 else 'less'}  {name}: {old[name]:,.0f} -> {new[name]:,.0f} ({share:+.1%})")
    if all_of_them and (apart := sorted(new.keys() ^ old.keys())):
        print(f"in one of the two only, not compared: {', '.join(apart)}")
    worse = sum(share > 0 for _, share in found)
    both = len(new.keys() & old.keys())
    print(f"{both} compared, {worse} over {LEAST:.0%} more, {len(found) - worse} less")
    return 1 if worse else 0 if both else 2
