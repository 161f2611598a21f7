"""`python -m perf compare A B`: two results as they are, or two commits that are built and measured in turn."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from perf import compare, machine, report, tools
from perf.arena import Arena
from perf.load import LoadFailed
from perf.measure import Figures, Options, Rounds, measure
from perf.micro.run import discover
from perf.procs import NotServing
from perf.results import FORMAT, read
from perf.runs import chosen, positive
from perf.scenario import Scenario, load_all
from perf.streams import StreamBroken
from perf.trees import HERE, ROOT, NoTree, Tree, built

FOLDER = ROOT / "build" / "perf" / "compare"
SUBJECTS = ["gateway", "nginx"]
Two = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured of two trees, and how."""

    scenarios: tuple[Scenario, ...]
    options: Options
    modules: tuple[str, ...] | None  # of gateway/_fast; None are all


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The subcommand."""
    two = commands.add_parser("compare", help="better, worse or no difference: of two results, or of two commits")
    two.add_argument("now", metavar="NOW", help=f"a result file or a commit; {HERE} is this tree as it is")
    two.add_argument("before", metavar="BEFORE", help="what it is compared with, the same kind")
    two.add_argument("--gate", action="store_true", help="exit 1 when anything is worse, 2 when nothing could be told")
    two.add_argument("--scenarios", default="bare", help="of commits: to measure, as bare,traffic (default: bare)")
    two.add_argument(
        "--modules", help="of commits: fast modules whose instructions are counted, as route,json, or none"
    )
    two.add_argument("--rounds", type=positive, default=9, help="of commits: each with fresh processes (default: 9)")
    two.add_argument("--seconds", type=positive, default=2, help="of load in each round (default: 2)")
    two.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Compare what was named; the exit status."""
    files = [Path(word).is_file() or word.endswith(".json") for word in (given.now, given.before)]
    if files == [True, True]:
        two = read(Path(given.now)), read(Path(given.before))
        print(compare.text(*two))
        return compare.gate(*two) if given.gate else 0
    if any(files):
        raise NoTree("compare takes two result files or two commits, not one of each")
    plan = _plan(given)
    trees = built(given.now), built(given.before)
    counted = _counted(trees, plan.modules)
    return decide(lambda: _written(_measured(trees, plan), counted), given.gate)


def decide(measured: Callable[[], Two], gate: bool) -> int:
    """Say what is found. A gate closes on what is worse twice, since one comparison in twenty may cry wolf."""
    two = measured()
    print(compare.text(*two), flush=True)
    if not gate or not (status := compare.gate(*two)):
        return 0
    if status == 2:
        print("nothing could be told, or not of everything", file=sys.stderr)
        return 2
    print("worse: measured once more", file=sys.stderr, flush=True)
    again = measured()
    print(compare.text(*again), flush=True)
    return 1 if _worse(two) & _worse(again) else 2 if compare.gate(*again) == 2 else 0


def in_turn(
    trees: tuple[Tree, Tree], scenario: Scenario, options: Options, one: Callable[[Tree, Scenario, Options], Rounds]
) -> tuple[Rounds, Rounds]:
    """The rounds of both trees, one of each after another, every second pair the other way round.

    Each round has processes of its own: what differs from start to start, as where memory lies, then differs within
    both and is not taken for a difference between them.
    """
    found: tuple[dict[str, list[Figures]], ...] = ({}, {})
    single, rounds = replace(scenario, rounds=1), scenario.rounds or options.rounds
    for turn in range(rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            for series, rows in one(trees[side], single, replace(options, rounds=1)).items():
                found[side].setdefault(series, []).extend(rows)
        print(f"{scenario.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    return found[0], found[1]


def _plan(given: argparse.Namespace) -> Plan:
    modules = None if given.modules is None else tuple(m for m in given.modules.split(",") if m != "none")
    scenarios = tuple(chosen(load_all(), given.scenarios.split(","), SUBJECTS))
    return Plan(scenarios, Options(given.rounds, given.seconds), modules)


def _measured(trees: tuple[Tree, Tree], plan: Plan) -> Two:
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    now, before = (_empty(tree, plan.options, when) for tree in trees)
    for scenario in plan.scenarios:
        try:
            rounds = in_turn(trees, scenario, plan.options, _round)
        except (NotServing, LoadFailed, StreamBroken, OSError) as error:
            print(f"{scenario.name}: NOT MEASURED: {error}", *getattr(error, "__notes__", ()), sep="\n", flush=True)
            now["errors"][scenario.name] = before["errors"][scenario.name] = str(error)
            continue
        now["scenarios"][scenario.name] = report.finding(scenario, rounds[0])
        before["scenarios"][scenario.name] = report.finding(scenario, rounds[1])
    return now, before


def _round(tree: Tree, scenario: Scenario, options: Options) -> Rounds:
    with Arena(root=tree.root) as arena:
        return measure(scenario, arena, options)


def _empty(tree: Tree, options: Options, when: str) -> dict[str, Any]:
    described = machine.describe() | {"commit": tree.commit}
    head = {"format": FORMAT, "when": when, "machine": described, "options": asdict(options)}
    return head | {"scenarios": {}, "errors": {}}


def _counted(trees: tuple[Tree, Tree], modules: tuple[str, ...] | None) -> tuple[dict[str, float], ...]:
    """Instructions per call of the fast modules of both trees; none where they are the same, byte for byte."""
    if modules == ():
        return {}, {}
    if _sources(trees[0].root) == _sources(trees[1].root):
        print("gateway/_fast is the same in both: its instructions are not counted", file=sys.stderr)
        return {}, {}
    if not tools.find("valgrind"):
        print("no valgrind here: instructions of gateway/_fast are not compared", file=sys.stderr)
        return {}, {}
    from perf.instructions import measure as count

    return tuple(count(tree.root, modules or discover()) for tree in trees)


def _sources(root: Path) -> dict[str, bytes]:
    folder = root / "gateway" / "_fast"
    return {path.name: path.read_bytes() for path in folder.glob("*.p[yx]*") if path.suffix in (".pyx", ".pxd", ".pxi")}


def _written(two: Two, counted: Iterable[dict[str, float]]) -> Two:
    """Both results with what was counted, kept as files that `report` draws."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, result, each in zip(("now", "before"), two, counted, strict=True):
        result["instructions"] = each
        (FOLDER / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {FOLDER}/now.json and before.json")
    return two


def _worse(two: Two) -> set[tuple[str, str, str]]:
    return {(c.scenario, c.series, c.figure) for c in compare.changes(*two) if c.verdict == "worse"}
