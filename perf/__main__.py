"""`python -m perf run | list | compare | micro`; see docs/perf.md."""

from __future__ import annotations

import argparse
import datetime
import json
import signal
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perf import compare, machine, report
from perf.arena import Arena
from perf.load import LoadFailed
from perf.measure import Options, measure
from perf.micro.run import main as run_micro
from perf.procs import NotServing
from perf.scenario import SUBJECTS, Scenario, ScenarioError, load_all
from perf.streams import StreamBroken

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
FORMAT = 1


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended on the way out
    try:
        return int(given.command(given))
    except KeyboardInterrupt:
        print("perf: stopped; everything it started was ended", file=sys.stderr)
        return 130
    except (ScenarioError, OSError, json.JSONDecodeError) as error:
        print(f"perf: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m perf", description="What a request costs, beside others.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="measure scenarios, all of them by default")
    run.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="a scenario, or one of its variants (see list)")
    run.add_argument("--rounds", type=_positive, default=7, help="fewer than 6 decide nothing (default: 7)")
    run.add_argument("--seconds", type=_positive, default=2, help="of load in each round (default: 2)")
    run.add_argument("--only", default=",".join(SUBJECTS), help="subjects to measure, as nginx,stock")
    run.add_argument("--json", type=Path, metavar="FILE", help="the result (default: perf/results/TIME.json)")
    run.add_argument("--baseline", type=Path, metavar="FILE", help="compare with it (default: perf/baseline.json)")
    run.add_argument("--strict", action="store_true", help="exit 1 unless every bar is met")
    run.set_defaults(command=_run)
    commands.add_parser("list", help="scenarios, variants and bars").set_defaults(command=_list)
    two = commands.add_parser("compare", help="what changed between two results")
    two.add_argument("now", type=Path)
    two.add_argument("before", type=Path)
    two.add_argument("--gate", action="store_true", help="exit 1 when anything is worse, 2 when nothing was compared")
    two.set_defaults(command=_compare)
    micro = commands.add_parser("micro", help="micro-benchmarks of the fast modules")
    micro.add_argument("modules", nargs="*", help="as route; all by default")
    micro.set_defaults(command=lambda given: run_micro(given.modules))
    return parser


def _positive(text: str) -> int:
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


def _compare(given: argparse.Namespace) -> int:
    now, before = _read(given.now), _read(given.before)
    print(compare.text(now, before))
    if not given.gate:
        return 0
    return int(bool(compare.worse(now, before))) if compare.differences(now, before) else 2


def _run(given: argparse.Namespace) -> int:
    scenarios = chosen(load_all(), given.scenarios, given.only.split(","))
    baseline = given.baseline or (BASELINE if BASELINE.exists() else None)
    before = _read(baseline) if baseline else None
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    options = Options(given.rounds, given.seconds)
    result: dict[str, Any] = {"format": FORMAT, "when": when, "machine": machine.describe()}
    result |= {"options": asdict(options), "scenarios": {}, "errors": {}}
    _say_machine(result["machine"])
    for scenario in scenarios:
        _one(scenario, options, result)
    target = given.json or HERE / "results" / f"{when.replace(':', '')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {target}")
    if before:
        print(compare.text(result, before))
    bars = [bar["verdict"] for found in result["scenarios"].values() for bar in found["bars"]]
    print("bars:", ", ".join(f"{count} {verdict}" for verdict, count in Counter(bars).most_common()) or "none")
    return int(given.strict and (bool(result["errors"]) or any(bar != "met" for bar in bars)))


def _one(scenario: Scenario, options: Options, result: dict[str, Any]) -> None:
    """Measure one scenario into the result; one that cannot be measured is said and does not end the run."""
    try:
        with Arena() as arena:
            found = report.finding(scenario, measure(scenario, arena, options))
    except (NotServing, LoadFailed, StreamBroken, OSError) as error:
        result["errors"][scenario.name] = str(error)
        print(f"{scenario.name}: NOT MEASURED: {error}", *getattr(error, "__notes__", ()), sep="\n", flush=True)
        return
    result["scenarios"][scenario.name] = found
    print(report.text(scenario.name, found), flush=True)


def chosen(scenarios: dict[str, Scenario], names: list[str], subjects: list[str]) -> list[Scenario]:
    """The scenarios that were asked for, by their names or those of their variants, with these subjects only."""
    if unknown := set(subjects) - set(SUBJECTS):
        raise ScenarioError(f"--only: {min(unknown)!r} is none of {', '.join(SUBJECTS)}")
    known = {*scenarios, *(v for s in scenarios.values() for v in s.variants)}
    if strange := [name for name in names if name not in known]:
        raise ScenarioError(f"no scenario {strange[0]!r}; there are {', '.join(sorted(known))}")
    picked = []
    for name, scenario in scenarios.items():
        variants = [v for v in scenario.variants if v in names]
        if not names or name in names or variants:
            picked.append(scenario.only(subjects, () if name in names else variants))
    return [s for s in picked if any(t.subject != "direct" for t in s.trials)]


def _read(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text())
    if result.get("format") != FORMAT:
        raise ScenarioError(f"{path}: not a result of this suite, or of another version of it")
    return result


def _say_machine(found: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"{found['cpu']}, {found['cores']} cores, Linux {found['kernel']}, Python {found['python']}; {versions}")
    if found["cores"] < 2:
        print("one core only: gateways and load share it, so requests/s and latencies mean little")
    if found["load_before"] > 0.5:
        print(f"the machine was busy before the run (load {found['load_before']}): expect wide intervals")


if __name__ == "__main__":
    sys.exit(main())
