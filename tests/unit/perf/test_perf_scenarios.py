"""Scenario files, the configurations made from them, and bars."""

import json
import subprocess
from pathlib import Path

import pytest

from gateway.config.document import loads
from perf import compare, load, report, runs
from perf.__main__ import main
from perf.configs import gateway_config
from perf.load import LoadFailed, summary, wrk_command
from perf.measure import Options, _in_turn, load_figures
from perf.runs import chosen
from perf.scenario import Bar, Load, ScenarioError, Shape, load_all, parse

VARIED = """
title = "t"
peers = ["nginx"]
load.connections = 8
[variants.few]
gateway.routes = 10
[variants.many]
gateway.routes = 1000
load = {connections = 4, path = "/x"}
peers = []
[[bar]]
figure = "cpu_us"
of = "gateway@many"
over = "gateway@few"
at_most = 1.15
"""
MACHINE = {"cpu": "a", "cores": 2, "kernel": "k", "python": "p", "commit": "c"}


def test_variants_override_the_base():
    scenario = parse("s", VARIED)
    assert [t.series for t in scenario.trials] == ["gateway@few", "nginx@few", "gateway@many"]
    few, _, many = scenario.trials
    assert (few.shape.routes, few.load.connections, few.load.path) == (10, 8, "/v1/items/42")
    assert (many.shape.routes, many.load.connections, many.load.path) == (1000, 4, "/x")
    assert scenario.variants == ["few", "many"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("titel = 'x'", "unknown key 'titel'"),
        ("kind = 'speed'", "kind 'speed' is none of"),
        ("gateway.routs = 3", "s.toml: gateway: unknown key 'routs'"),
        ("variants.a.load.conn = 3", "variants.a: load: unknown key 'conn'"),
        ("variants.a.bars = 3", "variants.a: unknown key 'bars'"),
        ("peers = ['apache']", "peer 'apache' is none of"),
        ("[[bar]]\nfigure = 'cpu_us'\nat_most = 1", "'of' is missing"),
        ("[[bar]]\nfigure = 'cpu_us'\nof = 'gateway'", "one of at_most and at_least"),
        ("[[bar]]\nfigure = 'cpu_us'\nof = 'gateway'\nover = 'nginx'\nat_most = 1", "no series 'nginx'"),
        ("title = ", "s.toml: "),
    ],
)
def test_mistakes_are_named(text, says):
    with pytest.raises(ScenarioError, match=says):
        parse("s", text)


def test_the_shipped_scenarios_are_good_and_hold_the_bars():
    scenarios = load_all()
    assert {"bare", "routes", "body", "conns", "workers", "upload", "latency", "cold-start", "idle-memory"} <= set(
        scenarios
    )
    bars = {report.words(bar) for scenario in scenarios.values() for bar in scenario.bars}
    assert "cpu_us gateway / nginx <= 2.5" in bars and "cpu_us stock / gateway >= 9" in bars
    assert "p999_ms gateway - direct <= 10 in every round" in bars
    assert "cpu_us (gateway@guarded - gateway@bare) / nginx@bare <= 0.25" in bars


def test_choosing_by_variant_and_subject():
    scenarios = load_all()
    assert [t.series for t in chosen(scenarios, ["routes-1000"], ["gateway"])[0].trials] == ["gateway@routes-1000"]
    assert [s.name for s in chosen(scenarios, ["bare", "routes"], ["stock"])] == ["bare"]
    assert len(chosen(scenarios, [], ["gateway", "nginx", "stock"])) == len(scenarios)
    with pytest.raises(ScenarioError, match="no scenario 'bar'"):
        chosen(scenarios, ["bar"], ["gateway"])


def test_generated_configuration_has_the_measured_route_last():
    config = json.loads(gateway_config(Shape(routes=100, workers=2), 8000, 8001, 9101))
    assert len(config["routes"]) == 100 and len({r["name"] for r in config["routes"]}) == 100
    assert config["routes"][-1]["match"] == {"path": "/v1/items/{id:int}", "methods": ["GET"]}
    assert config["server"]["bind"] == "127.0.0.1:8000" and config["server"]["workers"] == 2
    assert config["upstreams"]["up"]["targets"] == ["http://127.0.0.1:9101"]


def test_a_guarded_upstream_is_what_the_gateway_reads():
    (upstream,) = loads(gateway_config(Shape(routes=1, targets=3, guarded=True), 8000, 8001, 9101)).upstreams
    assert [target.host for target in upstream.targets] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert upstream.health and upstream.outlier and upstream.circuit_breaker and upstream.retry


def test_what_is_made_of_answers_is_what_the_gateway_reads():
    shape = Shape(routes=1, compress=True, transform=True)
    (route,) = loads(gateway_config(shape, 8000, 8001, 9101)).routes
    assert route.compress and route.transform and route.transform.response
    assert "Accept-Encoding: br" in wrk_command(8000, Load(accept="br"), 1)
    assert "-H" not in wrk_command(8000, Load(), 1)


def test_every_round_begins_with_another_series():
    scenario = parse("s", VARIED)
    order = [t.series for t in _in_turn(scenario, Options(rounds=3))]
    assert order[0::3] == ["gateway@few", "nginx@few", "gateway@many"]
    assert sorted(order) == sorted([t.series for t in scenario.trials] * 3)


def test_wrk_summary_and_figures():
    seen = summary(
        'Running\n\nSUMMARY {"requests": 1000, "bytes": 2000000, "seconds": 2.0, '
        '"p50_ms": 1, "p99_ms": 2, "failed": 0}\n'
    )
    trial = parse("s", "load.answer = 2000").trials[0]
    figures = load_figures(0.05, seen, trial)
    assert figures["cpu_us"] == pytest.approx(50) and figures["rps"] == 500
    assert figures["cpu_s_per_gb"] == pytest.approx(25)
    with pytest.raises(LoadFailed, match="refused"):
        summary("unable to connect: Connection refused")


def rounds(gateway, nginx, failed=0):
    return {
        "gateway": [{"cpu_us": v, "failed": failed} for v in gateway],
        "nginx": [{"cpu_us": v, "failed": 0} for v in nginx],
    }


def test_bars_compare_within_the_round():
    # the machine is twice as slow in every second round: ratios do not notice
    nginx = [10, 20] * 3 + [10]
    bar = Bar("cpu_us", "gateway", over="nginx", at_most=3.0, aim=2.4)
    found = report.judge(bar, rounds([v * 2.5 for v in nginx], nginx))
    assert (found["value"], found["verdict"], found["aim_verdict"]) == (2.5, "met", "missed")


def test_a_bar_on_a_difference_over_another_series():
    bar = Bar("cpu_us", "gateway", minus="nginx", over="nginx", at_most=1.6)
    found = report.judge(bar, rounds([25, 50] * 4, [10, 20] * 4))
    assert (found["value"], found["verdict"]) == (1.5, "met")


def test_failed_requests_leave_a_bar_undecided():
    found = report.judge(Bar("cpu_us", "gateway", over="nginx", at_most=3.0), rounds([20] * 7, [10] * 7, failed=2))
    assert found["verdict"] == "undecided" and "14 requests failed" in found["why"]


def test_a_bar_for_every_round_is_missed_by_one():
    bar = Bar("cpu_us", "gateway", at_most=25, always=True)
    assert report.judge(bar, rounds([20] * 6 + [26], [10] * 7))["verdict"] == "missed"
    assert report.judge(bar, rounds([20, 25], [10, 10]))["verdict"] == "met"


def test_what_was_not_measured_is_said():
    assert (
        report.judge(Bar("cpu_us", "stock", over="gateway", at_least=9), rounds([1], [1]))["verdict"] == "not measured"
    )


def result(gateway, nginx, **other):
    scenario = parse("bare", "peers = ['nginx']\n[[bar]]\nfigure='cpu_us'\nof='gateway'\nover='nginx'\nat_most=3")
    found = report.finding(scenario, rounds(gateway, nginx))
    return {"format": 1, "when": "now", "machine": MACHINE | other, "scenarios": {"bare": found}, "errors": {}}


def test_compare_sees_ratios_not_machines(tmp_path, capsys):
    noise = [1.0, 1.01, 0.99, 1.005, 0.995, 1.002, 0.998]
    before = result([30 * n for n in noise], [10.0] * 7)
    slower_machine = result([60 * n for n in noise], [20.0] * 7, cpu="b")
    worse = result([36 * n for n in noise], [10.0] * 7)
    (line,) = compare.differences(slower_machine, before)
    assert line.endswith("no difference") and "cpu_us / nginx" in line
    assert [d.split()[-1] for d in (*compare.differences(worse, before), *compare.differences(before, worse))] == [
        "worse",
        "better",
    ]
    for name, one in (("a", worse), ("b", before)):
        (tmp_path / name).write_text(json.dumps(one))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "+20.0 %" in capsys.readouterr().out


def test_the_table_shows_series_ratio_and_verdict():
    shown = report.text("bare", result([30.0] * 7, [10.0] * 7)["scenarios"]["bare"])
    assert "MET          cpu_us gateway / nginx <= 3: 3 [3..3]" in shown
    assert shown.splitlines()[1].split() == ["series", "CPU", "us/req", "failed", "x", "nginx"]


@pytest.mark.parametrize(
    "arguments", [["run", "no-such"], ["run", "--only", "apache"], ["compare", "/no/such", "/no/such"]]
)
def test_wrong_use_is_one_line_and_status_1(arguments, capsys):
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_peers_are_templates_with_nothing_machine_bound():
    peers = Path(report.__file__).parent / "peers"
    for name, marks in (("nginx.conf", {"@PORT@", "@UPSTREAM@"}), ("upstream.conf", {"@PORT@", "@SINK@"})):
        text = (peers / name).read_text()
        assert all(mark in text for mark in marks) and "/tmp" not in text


def test_load_defaults_are_the_bare_request():
    assert Load() == Load(path="/v1/items/42", method="GET", connections=64)


@pytest.mark.parametrize("more", ['method = "POST"', "tokens = 10", "body = 9", 'accept = "br"'])
@pytest.mark.parametrize("head", ["load.rate = 100", 'kind = "latency"'])
def test_what_cannot_be_sent_at_a_fixed_rate_is_a_mistake(head, more):
    with pytest.raises(ScenarioError, match=r"s\.toml: load: at a fixed rate only"):
        parse("s", f"{head}\nload.{more}")
    assert parse("s", f"{head}\nload.tokens = 1").trials


def test_a_scenario_whose_peers_are_not_here_is_skipped(monkeypatch, capsys):
    monkeypatch.setattr(runs, "at_hand", lambda scenario, absent: scenario.only([]))
    result = {"errors": {}, "absent": {}}
    assert runs.finding(parse("s", 'peers = ["nginx", "direct"]'), Options(), result) is None
    assert "s: nobody is here to be measured" in capsys.readouterr().out and not result["errors"]


def test_a_server_that_only_fails_is_not_measured(monkeypatch):
    said = 'SUMMARY {"requests": 900, "bytes": 9, "seconds": 2.0, "p50_ms": 1, "p99_ms": 2, "failed": 900}'
    done = subprocess.CompletedProcess([], 0, stdout=said, stderr="")
    monkeypatch.setattr(load.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(LoadFailed, match="no request to port 80 was answered well in 2 s, 900 failed"):
        load.wrk(80, Load(), 2)
