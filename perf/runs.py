"""`python -m perf run` and `list`: which scenarios, each measured into one result, and what it looks like."""

from __future__ import annotations

import argparse
import datetime
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perf import compare, machine, peer, report
from perf.arena import Arena
from perf.load import LoadFailed
from perf.measure import Options, measure
from perf.procs import NotServing
from perf.results import BASELINE, FORMAT, read
from perf.scenario import SUBJECTS, Scenario, ScenarioError, Trial, load_all
from perf.streams import StreamBroken

HERE = Path(__file__).parent


def add(commands: Any) -> None:
    """The commands of this module."""
    run = commands.add_parser("run", help="measure scenarios, all of them by default")
    run.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="a scenario, or one of its variants (see list)")
    options(run)
    run.add_argument("--baseline", type=Path, metavar="FILE", help="compare with it (default: perf/baseline.json)")
    run.add_argument("--strict", action="store_true", help="exit 1 unless every bar is met")
    run.set_defaults(command=_run)
    commands.add_parser("list", help="scenarios, variants and bars").set_defaults(command=_list)


def options(parser: argparse.ArgumentParser) -> None:
    """What every command that measures may be told."""
    parser.add_argument("--rounds", type=positive, default=7, help="fewer than 6 decide nothing (default: 7)")
    parser.add_argument("--seconds", type=positive, default=2, help="of load in each round (default: 2)")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects to measure, as nginx,stock")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result (default: perf/results/TIME.json)")


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _list(_: argparse.Namespace) -> int:
    for name, scenario in load_all().items():
        print(f"{name:12s} {scenario.title}")
        if scenario.variants:
            print(f"{'':12s}   variants: {', '.join(scenario.variants)}")
        for bar in scenario.bars:
            print(f"{'':12s}   bar: {report.words(bar)}{'' if bar.aim is None else f' (aim {bar.aim:g})'}")
    return 0


def _run(given: argparse.Namespace) -> int:
    scenarios = chosen(load_all(), given.scenarios, given.only.split(","))
    baseline = given.baseline or (BASELINE if BASELINE.exists() else None)
    before = read(baseline) if baseline else None
    wanted = Options(given.rounds, given.seconds)
    result = begin(wanted)
    for scenario in scenarios:
        _one(scenario, wanted, result)
    write(result, given.json)
    if before:
        print(compare.text(result, before))
    bars = [bar["verdict"] for found in result["scenarios"].values() for bar in found["bars"]]
    print("bars:", ", ".join(f"{count} {verdict}" for verdict, count in Counter(bars).most_common()) or "none")
    return int(bool(result["errors"]) or (given.strict and any(bar != "met" for bar in bars)))


def begin(wanted: Options) -> dict[str, Any]:
    """A result in which nothing has been measured; the machine is said."""
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    result: dict[str, Any] = {"format": FORMAT, "when": when, "machine": machine.describe()}
    result |= {"options": asdict(wanted), "scenarios": {}, "errors": {}, "absent": {}}
    _say_machine(result["machine"])
    return result


def write(result: dict[str, Any], target: Path | None) -> None:
    """Put a result where it was asked for, or among the results."""
    target = target or HERE / "results" / f"{result['when'].replace(':', '')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {target}")


def _one(scenario: Scenario, wanted: Options, result: dict[str, Any]) -> None:
    if found := finding(scenario, wanted, result):
        result["scenarios"][scenario.name] = found
        print(report.text(scenario.name, found), flush=True)
        for series, said in found.get("peers", {}).items():
            if said["work"] == "full" and said["leaves_out"] != "nothing":
                print(f"  {series} leaves out: {said['leaves_out']}", flush=True)


def finding(
    scenario: Scenario, wanted: Options, result: dict[str, Any], cores: int = 1, where: str = ""
) -> dict[str, Any] | None:
    """What was found of one scenario; one that cannot be measured is said in the result and does not end the run."""
    here = at_hand(scenario, result["absent"])
    if all(trial.subject == "direct" for trial in here.trials):
        print(f"{scenario.name}{where}: nobody is here to be measured", flush=True)
        return None
    try:
        with Arena(cores) as arena:
            found = report.finding(here, measure(here, arena, wanted))
    except (NotServing, LoadFailed, StreamBroken, OSError) as error:
        result["errors"][scenario.name + where] = str(error)
        print(f"{scenario.name}{where}: NOT MEASURED: {error}", *getattr(error, "__notes__", ()), sep="\n", flush=True)
        return None
    if said := {t.series: _said(t) for t in here.trials if t.subject in peer.names()}:
        found["peers"] = said
    return found


def _said(trial: Trial) -> dict[str, str]:
    """What a result says of a peer's series, so that nobody takes unequal work for equal."""
    found = peer.load(trial.subject)
    work = found.works[trial.work]
    said = {"work": trial.work, "version": found.version(), "token": work.token}
    return said | {"does": work.does, "leaves_out": work.leaves_out}


def at_hand(scenario: Scenario, absent: dict[str, str]) -> Scenario:
    """The scenario without the peers that are not installed; each is said once, and kept with the reason.

    nginx is not among them: what everything is set against is installed, or asked for, when a run begins.
    """
    for name in {t.subject for t in scenario.trials if t.subject in peer.names()} - {"nginx"} - absent.keys():
        if reason := peer.load(name).absent():
            absent[name] = reason
            print(f"{name}: {reason}", flush=True)
    return scenario.only({t.subject for t in scenario.trials} - absent.keys())


def chosen(scenarios: dict[str, Scenario], names: list[str], subjects: list[str]) -> list[Scenario]:
    """The scenarios that were asked for, by their names or those of their variants, with these subjects only.

    A word that names a scenario never means a variant: `bare` and `full` are both.
    """
    if unknown := set(subjects) - set(SUBJECTS):
        raise ScenarioError(f"--only: {min(unknown)!r} is none of {', '.join(SUBJECTS)}")
    known = {*scenarios, *(v for s in scenarios.values() for v in s.variants)}
    if strange := [name for name in names if name not in known]:
        raise ScenarioError(f"no scenario {strange[0]!r}; there are {', '.join(sorted(known))}")
    picked = []
    for name, scenario in scenarios.items():
        variants = [v for v in scenario.variants if v in names and v not in scenarios]
        if not names or name in names or variants:
            picked.append(scenario.only(subjects, () if name in names else variants))
    return [s for s in picked if any(t.subject != "direct" for t in s.trials)]


def _say_machine(found: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"{found['cpu']}, {found['cores']} cores, Linux {found['kernel']}, Python {found['python']}; {versions}")
    if found["cores"] < 2:
        print("one core only: gateways and load share it, so requests/s and latencies mean little")
    if found["load_before"] > 0.5:
        print(f"the machine was busy before the run (load {found['load_before']}): expect wide intervals")
