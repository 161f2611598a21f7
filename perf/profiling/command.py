"""`python -m perf profile`: what the worker of a scenario's gateway does for a request."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from perf.load import LoadFailed
from perf.procs import NotServing
from perf.profiling import callgrind, cpu, flame, fold, syscalls, tables
from perf.profiling.plain import NotCompiled
from perf.profiling.subject import trial_of
from perf.runs import positive
from perf.scenario import Trial, load_all

FOLDER = Path("build") / "perf" / "profile"
WHAT = ("cpu", "instructions", "allocations", "syscalls")
TOLD = 45  # lines of each table in the terminal


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The subcommand."""
    command = commands.add_parser("profile", help="flame graph, instructions, allocations, system calls of a request")
    command.add_argument("scenario", help="a scenario, one of its variants, or SCENARIO@VARIANT (see list)")
    command.add_argument("--what", default="cpu", help=f"of {', '.join(WHAT)}, as cpu,syscalls, or all (default: cpu)")
    command.add_argument("--seconds", type=positive, default=5, help="of samples, for cpu (default: 5)")
    command.add_argument("--sampler", choices=cpu.SAMPLERS, help="for cpu (default: the first of them that is here)")
    command.add_argument(
        "--requests", type=positive, default=2000, help="that are counted, for the others (default: 2000)"
    )
    command.add_argument("-o", dest="folder", type=Path, help=f"where to (default: {FOLDER}/SCENARIO)")
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Take the profiles that were asked for; the exit status."""
    wanted = set(WHAT) if given.what == "all" else set(given.what.split(","))
    if strange := sorted(wanted - set(WHAT)):
        print(f"perf: --what: {strange[0]!r} is none of {', '.join(WHAT)}", file=sys.stderr)
        return 2
    trial = trial_of(load_all(), given.scenario)
    folder: Path = (given.folder or FOLDER / given.scenario).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if "cpu" in wanted:
            _cpu(trial, given, folder)
        if wanted & {"instructions", "allocations"}:
            _counted(trial, given.requests, folder)
        if "syscalls" in wanted:
            calls = syscalls.count(trial, given.requests, folder)
            _write(folder / "syscalls.txt", syscalls.table(calls, given.requests))
    except (LoadFailed, NotServing, NotCompiled) as error:
        print(f"perf: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return 1
    return 0


def _cpu(trial: Trial, given: argparse.Namespace, folder: Path) -> None:
    by = cpu.sampler(given.sampler or "")
    stacks, how = cpu.sample(trial, given.seconds, folder, by)
    if not stacks:
        raise LoadFailed(f"{by} saw nothing of the worker in {given.seconds} s")
    folded = sorted(f"{';'.join(stack)} {times}" for stack, times in stacks.items())
    (folder / "cpu.folded").write_text("\n".join(folded) + "\n")
    (folder / "cpu.html").write_text(flame.page(stacks, f"{given.scenario}: a worker's time", how))
    print(f"written to {folder}/cpu.html and cpu.folded: {how}")
    _write(folder / "cpu.txt", _table(stacks))


def _table(stacks: fold.Stacks) -> Iterable[str]:
    """Shares of all samples: by kind and by function, of its own and with what it calls."""
    whole, alone, inside = stacks.total(), fold.own(stacks), fold.within(stacks)
    kinds: Counter[str] = Counter()
    for frame, times in alone.items():
        kinds[fold.kind(frame)] += times
    for name, times in kinds.most_common():
        yield f"{times / whole:7.1%}  {name}"
    yield ""
    yield "    own     with what it calls"
    for frame, times in alone.most_common(60):
        yield f"{times / whole:7.1%} {inside[frame] / whole:7.1%}  {frame}"


def _counted(trial: Trial, requests: int, folder: Path) -> None:
    costs, dump = callgrind.count(trial, requests, folder)
    _write(folder / "instructions.txt", tables.instructions(costs, requests))
    _write(folder / "allocations.txt", tables.allocations(costs, requests))
    called = costs.called()
    rows = [
        {"function": name, "object": where, "instructions": cost / requests, "calls": called[name] / requests}
        for (name, where), cost in costs.own.most_common()
    ]
    content = {"requests": requests, "instructions": costs.total / requests, "functions": rows}
    (folder / "instructions.json").write_text(json.dumps(content, indent=1) + "\n")
    print(f"who calls what: callgrind_annotate --tree=both {dump}")


def _write(path: Path, lines: Iterable[str]) -> None:
    """A table as a file, its beginning in the terminal too."""
    kept = list(lines)
    path.write_text("\n".join(kept) + "\n")
    print(*kept[:TOLD], f"written to {path}", "", sep="\n", flush=True)
