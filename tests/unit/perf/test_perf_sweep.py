"""Sweeps: what is moved along an axis, and what a result says of it."""

import json

import pytest

from perf import peer, runs, sweep
from perf.__main__ import main
from perf.scenario import load_all, parse


def series(cpu, rps):
    median = {name: {"value": value, "low": None, "high": None} for name, value in (("cpu_us", cpu), ("rps", rps))}
    return {"median": median, "over_nginx": {}, "rounds": []}


@pytest.fixture
def measured(monkeypatch):
    """Measurements that take no time: the scenarios that were asked for, in order."""
    asked = []

    def finding(scenario, wanted, result, cores=1, where=""):
        asked.append((scenario, cores, where))
        load = scenario.trials[0].load
        if load.connections == 13:
            result["errors"][scenario.name + where] = "no"
            return None
        found = {trial.series: series(20.0 + load.connections, 1e6 / load.connections) for trial in scenario.trials}
        return {"title": scenario.title, "kind": "load", "series": found, "bars": []}

    monkeypatch.setattr(runs, "finding", finding)
    return asked


def test_each_axis_moves_what_it_names():
    scenario = load_all()["bare"]
    for axis, of in (("workers", lambda t: t.shape.workers), ("routes", lambda t: t.shape.routes)):
        assert {of(trial) for trial in sweep.moved(scenario, axis, 7).trials} == {7}
    assert {trial.load.connections for trial in sweep.moved(scenario, "connections", 512).trials} == {512}
    body = sweep.moved(scenario, "body", 5000).trials[0]
    assert (body.load.path, body.load.answer, body.shape.path) == ("/files/size-5000", 5000, "/files/{name}")
    assert [trial.series for trial in sweep.moved(scenario, "routes", 7).trials] == [t.series for t in scenario.trials]
    assert not sweep.moved(scenario, "routes", 7).bars


def test_full_work_has_no_other_paths():
    scenario = parse("s", "[variants.full]\npeers = ['haproxy']\nwork = 'full'\ngateway.auth = true\nload.tokens = 1")
    assert [t.subject for t in sweep.moved(scenario, "body", 1000).trials] == ["gateway"]
    assert [t.subject for t in sweep.moved(scenario, "connections", 8).trials] == ["gateway", "haproxy"]


def test_workers_get_cores_while_one_is_left_for_the_load(monkeypatch):
    monkeypatch.setattr(sweep.os, "sched_getaffinity", lambda _: set(range(4)))
    assert [sweep.gateway_cores(workers) for workers in (1, 2, 3, 8)] == [1, 2, 3, 3]
    monkeypatch.setattr(sweep.os, "sched_getaffinity", lambda _: {0})
    assert sweep.gateway_cores(2) == 1


def test_a_sweep_is_kept_as_points_of_series(measured, tmp_path, capsys):
    target = tmp_path / "r.json"
    arguments = ["sweep", "bare", "--connections", "64,4", "--workers", "1,2", "--only", "nginx,gateway"]
    assert main([*arguments, "--rounds", "1", "--json", str(target)]) == 0
    result = json.loads(target.read_text())
    assert set(result["sweeps"]) == {"bare by workers", "bare by connections"}
    swept = result["sweeps"]["bare by connections"]
    assert swept["axis"] == "connections" and [point["at"] for point in swept["points"]] == [4, 64]
    assert set(swept["points"][0]["series"]) == {"gateway", "nginx"}
    assert result["format"] == 1 and result["scenarios"] == {}
    said = capsys.readouterr().out
    assert "24.0 (250,000)" in said and "84.0 (15,625)" in said
    assert [where for _, _, where in measured] == [
        " at 1 workers",
        " at 2 workers",
        " at 4 connections",
        " at 64 connections",
    ]


def test_a_point_that_fails_leaves_the_others(measured, tmp_path):
    target = tmp_path / "r.json"
    assert main(["sweep", "bare", "--connections", "4,13", "--json", str(target)]) == 1
    result = json.loads(target.read_text())
    assert result["errors"] == {"bare at 13 connections": "no"}
    assert [point["at"] for point in result["sweeps"]["bare by connections"]["points"]] == [4]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sweep", "bare"], "along which axis?"),
        (["sweep", "latency", "--routes", "10"], "latency is of the kind latency"),
        (["sweep", "bar", "--routes", "10"], "no scenario 'bar'"),
    ],
)
def test_wrong_use_is_one_line(arguments, says, capsys):
    assert main(arguments) == 1
    assert says in capsys.readouterr().err


def test_no_axis_value_below_one():
    with pytest.raises(SystemExit):
        main(["sweep", "bare", "--routes", "0"])


def test_a_peer_is_known_to_the_scenarios():
    assert set(peer.names()) < set(runs.SUBJECTS)
