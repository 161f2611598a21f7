"""Comparing: what is told apart, corrected for how much is looked at; two trees in turn; a gate that looks twice."""

import json
import random

import pytest

from perf import compare, versus
from perf.__main__ import main
from perf.measure import Options
from perf.scenario import parse
from perf.stats import holm, least_p, mann_whitney
from perf.trees import Tree

MACHINE = {"cpu": "a", "cores": 2, "kernel": "k", "python": "p", "commit": "c"}


def result(instructions=None, **scenarios):
    """A result of scenarios as {name: rounds of gateway's CPU per request}; nginx costs 10 in each."""
    found = {
        name: {
            "kind": "load",
            "series": {"gateway": {"rounds": mine}, "nginx": {"rounds": [{"cpu_us": 10.0}] * len(mine)}},
        }
        for name, costs in scenarios.items()
        if (mine := [{"cpu_us": cost, "p99_ms": cost} for cost in costs])
    }
    made = {"format": 1, "when": "now", "machine": MACHINE, "scenarios": found, "errors": {}}
    return made if instructions is None else made | {"instructions": instructions}


def rounds(cost, seed, count=9, noise=0.02):
    chance = random.Random(seed)
    return [cost * chance.gauss(1, noise) for _ in range(count)]


def verdicts(now, before):
    return {(change.scenario, change.series): change.verdict for change in compare.changes(now, before)}


def test_holm_as_in_the_book():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_the_smallest_p_is_that_of_rounds_wholly_apart():
    assert least_p(7, 7) == pytest.approx(mann_whitney(range(7), range(10, 17))[1])


def test_ten_percent_are_told_and_the_same_code_is_not():
    before, same = result(bare=rounds(25, 1)), result(bare=rounds(25, 2))
    dearer = result(bare=rounds(27.5, 3))
    assert verdicts(same, before) == {("bare", "gateway"): "no difference"}
    assert verdicts(dearer, before) == {("bare", "gateway"): "worse"}
    assert verdicts(before, dearer) == {("bare", "gateway"): "better"}


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ([120, 121, 122, 123, 124, 125, 126], "worse"),
        ([80, 81, 82, 83, 84, 85, 86], "better"),
        ([102.5, 102.6, 102.7, 102.8, 102.9, 102.9, 102.9], "no difference"),  # significant, but small
        ([50, 60, 100, 110, 190, 220, 300], "no difference"),  # large, but not significant
    ],
)
def test_a_change_must_be_significant_and_of_a_size(now, verdict):
    before = result(bare=[99.7, 99.8, 99.9, 100, 100.1, 100.2, 100.3])
    assert verdicts(result(bare=now), before) == {("bare", "gateway"): verdict}


def test_many_things_of_the_same_code_seldom_cry_wolf():
    wolves, without = 0, 0
    for seed in range(40):
        now, before = ({f"s{n}": rounds(25, f"{seed} {n} {side}", noise=0.08) for n in range(12)} for side in "ab")
        wolves += any(v != "no difference" for v in verdicts(result(**now), result(**before)).values())
        without += any(mann_whitney(now[name], before[name])[1] <= compare.ALPHA for name in now)
    assert wolves <= 4
    assert without > 10


def test_what_could_not_be_told_is_not_called_the_same():
    few = result(bare=rounds(25, 1, count=3))
    assert verdicts(few, few) == {("bare", "gateway"): compare.TOO_FEW}
    assert compare.gate(few, few) == 2 and compare.gate(result(), few) == 2
    assert "0 worse, 0 better, 0 no difference, 1 too few rounds" in compare.text(few, few)


def test_the_queue_of_a_full_speed_load_is_not_compared():
    both = result(bare=rounds(25, 1)), result(bare=rounds(25, 2))
    assert [change.figure for change in compare.changes(*both)] == ["cpu_us / nginx"]


def test_more_than_three_percent_more_instructions_are_told():
    before = result({"route: match": 1000.0, "gone": 5.0})
    assert verdicts(result({"route: match": 1030.0, "new": 9.0}), before) == {
        ("_fast", "route: match"): "no difference"
    }
    assert verdicts(result({"route: match": 1031.0}), before) == {("_fast", "route: match"): "worse"}
    assert verdicts(result({"route: match": 960.0}), before) == {("_fast", "route: match"): "better"}
    assert compare.gate(result({"route: match": 1031.0}), before) == 1


def test_two_trees_are_measured_in_turn_in_fresh_processes():
    trees = Tree("a", "a", None), Tree("b", "b", None)
    asked = []

    def one(tree, scenario, options):
        asked.append(tree.word)
        assert (scenario.rounds, options.rounds) == (1, 1)
        return {"gateway": [{"cpu_us": float(len(asked))}]}

    now, before = versus.in_turn(trees, parse("s", "peers = []"), Options(rounds=3), one)
    assert "".join(asked) == "abbaab"
    assert [r["cpu_us"] for r in now["gateway"]] == [1, 4, 5] and [r["cpu_us"] for r in before["gateway"]] == [2, 3, 6]
    asked.clear()
    versus.in_turn(trees, parse("s", "rounds = 2"), Options(rounds=9), one)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("tries", "status"),
    [([25], 0), ([30, 30], 1), ([30, 25], 0), ([20], 0)],
    ids=["the same", "worse twice", "worse by chance", "better"],
)
def test_the_gate_closes_on_what_is_worse_twice(tries, status, capsys):
    left = list(tries)
    before = result(bare=rounds(25, 1))
    assert versus.decide(lambda: (result(bare=rounds(left.pop(0), 2)), before), gate=True) == status
    assert not left and capsys.readouterr().out.count("compared with") == len(tries)


@pytest.mark.parametrize(("cost", "status"), [(25, 0), (20, 0), (30, 1), (None, 2)])
def test_the_gate_of_two_files(tmp_path, cost, status):
    now, before = tmp_path / "now.json", tmp_path / "before.json"
    now.write_text(json.dumps(result(bare=rounds(cost, 2)) if cost else result()))
    before.write_text(json.dumps(result(bare=rounds(25, 1))))
    assert main(["compare", "--gate", str(now), str(before)]) == status
    assert main(["compare", str(now), str(before)]) == 0


def test_a_gate_that_could_tell_nothing_does_not_open():
    assert versus.decide(lambda: (result(), result()), gate=True) == 2
    assert versus.decide(lambda: (result(), result()), gate=False) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tests/data/perf-result.json", "HEAD"], "two result files or two commits"),
        ([".", "HEAD", "--scenarios", "bar"], "no scenario 'bar'"),
        (["no-such-commit", "."], "there is no commit no-such-commit here"),
        (["--", "--help", "."], "there is no commit --help here"),
    ],
)
def test_wrong_use_is_said(arguments, said, capsys):
    assert main(["compare", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_scenario_that_was_not_measured_does_not_pass_the_gate():
    before = result(bare=rounds(25, 1), full=rounds(50, 2))
    now = result(bare=rounds(25, 3)) | {"errors": {"full": "gateway ended with status 1"}}
    assert compare.gate(now, before) == 2
    assert "full: NOT MEASURED: gateway ended with status 1" in compare.text(now, before)
    assert compare.gate(result(bare=rounds(30, 3)) | {"errors": now["errors"]}, before) == 1


def test_requests_that_fail_are_worse_however_cheap_they_are():
    now, before = result(bare=rounds(10, 1)), result(bare=rounds(25, 2))
    for number, row in enumerate(now["scenarios"]["bare"]["series"]["gateway"]["rounds"]):
        row["failed"] = 900.0 * (number > 2)
    assert compare.gate(now, before) == 1 and compare.gate(before, now) == 1  # dearer, though it works
    (failed,) = [change for change in compare.changes(now, before) if change.figure == "failed"]
    assert (failed.before, failed.now, failed.verdict) == (0, 900, "worse")
    for row in now["scenarios"]["bare"]["series"]["gateway"]["rounds"][3:-1]:
        row["failed"] = 0.0  # a stray one in a round is nothing
    assert compare.gate(now, before) == 0


def test_what_was_worse_and_then_not_measured_does_not_pass_the_gate():
    left = [result(bare=rounds(30, 2)), result()]
    assert versus.decide(lambda: (left.pop(0), result(bare=rounds(25, 1))), gate=True) == 2


@pytest.mark.parametrize(
    ("machine", "figures", "said"),
    [
        ({}, {"rss_mb", "seconds"}, "the same kind of machine"),
        ({"cpu": "b"}, {"rss_mb"}, "different machines: ratios to nginx and memory only"),
        ({"cpu": "b", "python": "q"}, set(), "different machines: ratios to nginx only"),
    ],
)
def test_memory_is_compared_between_machines_with_the_same_python(machine, figures, said):
    rows = [{"rss_mb": 40.0, "seconds": 1.0}] * 7
    before = {"format": 1, "when": "now", "machine": MACHINE, "errors": {}}
    before["scenarios"] = {"idle": {"kind": "idle-memory", "series": {"gateway": {"rounds": rows}}}}
    now = before | {"machine": MACHINE | machine}
    assert {change.figure for change in compare.changes(now, before)} == figures
    assert said in compare.text(now, before)
