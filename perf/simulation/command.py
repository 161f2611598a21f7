"""`python -m perf simulate`: scenarios past one machine, and `--check`, which measures what they are fed with."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perf.scenario import ScenarioError
from perf.simulation import check, costs, draw, words
from perf.simulation.run import simulate
from perf.simulation.scenario import Scenario, load_all

FAILURES = (ScenarioError, costs.NoCost)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The subcommand."""
    parser = commands.add_parser("simulate", help="pods, workers and a Redis past one machine")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", default=["all"], help="or all, the default")
    parser.add_argument("--result", type=Path, metavar="FILE.json", help="CPU per request from a result of `run`")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="measure, and hold one host against it (3 minutes)")
    parser.add_argument("--draw", action="store_true", help="keep what all find, and its pictures, in docs")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement of --check (default: 3)")
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Simulate, or check; 1 when a prediction is further off than it may be."""
    if given.check:
        return _check(given)
    known = costs.kept()
    if given.result:
        known = costs.of_result(given.result, known)
    found = [simulate(each, known, given.seed) for each in _chosen(given.scenarios)]
    if given.draw:
        draw.keep(found)
    elif given.format == "json":
        print(json.dumps(found, indent=1))
    else:
        print("\n\n".join(map(words.text, found)))
    return 0


def _chosen(names: Iterable[str]) -> list[Scenario]:
    known = load_all()
    names = list(names)
    if unknown := [name for name in names if name not in known and name != "all"]:
        raise ScenarioError(f"no scenario {unknown[0]!r}; there are {', '.join(known)}")
    return list(known.values()) if "all" in names else [known[name] for name in dict.fromkeys(names)]


def _check(given: argparse.Namespace) -> int:
    found: dict[str, Any] = check.check(given.rounds)
    costs.KEPT.write_text(json.dumps(found, indent=1) + "\n")
    page = words.checked(found)
    draw.CHECKED.write_text(page)
    print(page)
    bad = check.failures(found)
    for each in bad:
        print(f"further off than {check.BOUND:.0%}: {each}")
    return 1 if bad else 0
