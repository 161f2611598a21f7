"""`python -m perf sweep`: a scenario measured at several places along an axis, for plots of how its figures grow."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from typing import Any

from perf import peer, report, runs
from perf.measure import Options
from perf.scenario import Scenario, ScenarioError, Trial, load_all

#: what may be swept, and what a value of it is
AXES = {
    "workers": "of the gateway, each on a core of its own as far as there are any beside the load's",
    "connections": "kept open by the load generator",
    "routes": "of the gateway, the last of which is measured",
    "body": "bytes of each answer",
}


def add(commands: Any) -> None:
    """The command of this module."""
    sweep = commands.add_parser("sweep", help="measure a scenario along an axis")
    sweep.add_argument("scenarios", nargs="+", metavar="SCENARIO", help="of the kind that is loaded")
    for axis, words in AXES.items():
        sweep.add_argument(f"--{axis}", type=_values, metavar="N,N,...", help=words)
    runs.options(sweep)
    sweep.set_defaults(command=_sweep)


def _values(text: str) -> list[int]:
    return sorted({runs.positive(each) for each in text.split(",")})


def _sweep(given: argparse.Namespace) -> int:
    axes = {axis: values for axis in AXES if (values := getattr(given, axis))}
    if not axes:
        raise ScenarioError(f"sweep: along which axis? there are {', '.join('--' + axis for axis in AXES)}")
    scenarios = runs.chosen(load_all(), given.scenarios, given.only.split(","))
    for scenario in scenarios:
        if scenario.kind != "load":
            raise ScenarioError(f"sweep: {scenario.name} is of the kind {scenario.kind}, and only loads are swept")
    wanted = Options(given.rounds, given.seconds)
    result = runs.begin(wanted) | {"sweeps": {}}
    for scenario in scenarios:
        for axis, values in axes.items():
            points = _points(scenario, axis, values, wanted, result)
            name = f"{scenario.name} by {axis}"
            result["sweeps"][name] = {"axis": axis, "title": scenario.title, "points": points}
            print(text(name, axis, points), flush=True)
    runs.write(result, given.json)
    return int(bool(result["errors"]))


def _points(
    scenario: Scenario, axis: str, values: list[int], wanted: Options, result: dict[str, Any]
) -> list[dict[str, Any]]:
    """One point for each value that could be measured, each in an arena of its own."""
    points = []
    for value in values:
        there = moved(scenario, axis, value)
        cores = gateway_cores(value) if axis == "workers" else 1
        found = runs.finding(there, wanted, result, cores, f" at {value} {axis}")
        if found:
            print(report.text(f"{scenario.name}, {axis} {value:,}", found | {"bars": []}), flush=True)
            points.append({"at": value, "cores": cores, "series": found["series"]})
    return points


def gateway_cores(workers: int) -> int:
    """How many cores the gateway gets: one for each worker while one is left to the load generator."""
    return max(1, min(workers, len(os.sched_getaffinity(0)) - 1))


def moved(scenario: Scenario, axis: str, value: int) -> Scenario:
    """The scenario with its series at another place of the axis, without the bars, which hold where they stand."""
    trials = tuple(_moved(trial, axis, value) for trial in scenario.trials if _can_move(trial, axis))
    return Scenario(scenario.name, scenario.title, scenario.kind, trials, (), scenario.rounds)


def _can_move(trial: Trial, axis: str) -> bool:
    """Peers at full work have their routes and no other; they stand still on the axes of the gateway's own shape."""
    return axis != "body" or trial.work == "bare" or trial.subject not in peer.names()


def _moved(trial: Trial, axis: str, value: int) -> Trial:
    shape, load = trial.shape, trial.load
    match axis:
        case "workers":
            shape = replace(shape, workers=value)
        case "routes":
            shape = replace(shape, routes=value)
        case "connections":
            load = replace(load, connections=value)
        case _:
            shape = replace(shape, path="/files/{name}")
            load = replace(load, path=f"/files/size-{value}", answer=value)
    return replace(trial, shape=shape, load=load)


def text(name: str, axis: str, points: list[dict[str, Any]]) -> str:
    """CPU per request and requests per second of each series along the axis."""
    lines = [f"{name}: CPU us/req (requests/s)"]
    for series in dict.fromkeys(series for point in points for series in point["series"]):
        cells = [_cell(point["series"].get(series)) for point in points]
        lines.append(f"  {series:20s}" + "".join(f"  {cell:>18s}" for cell in cells))
    lines.insert(1, f"  {axis:20s}" + "".join(f"  {point['at']:>18,}" for point in points))
    return "\n".join(lines)


def _cell(found: dict[str, Any] | None) -> str:
    if not found:
        return "-"
    return f"{found['median']['cpu_us']['value']:,.1f} ({found['median']['rps']['value']:,.0f})"
