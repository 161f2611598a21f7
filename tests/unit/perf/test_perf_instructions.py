"""Instructions of the micro-benchmarks: what is counted, and when a change is too much."""

import json
import shutil

import pytest

from perf import instructions
from perf.__main__ import main
from perf.profiling import counted
from perf.profiling.plain import NotCompiled, compile_shared

HEAD = {"python": "3.11.7", "machine": "x86_64", "compiler": "c", "valgrind": "v", "libc": "l"}


def made(**counts):
    return HEAD | {"instructions": {name.replace("_", ": "): float(cost) for name, cost in counts.items()}}


class Marks:
    """What counted.py tells callgrind."""

    def __init__(self):
        self.told = []

    def zero(self):
        self.told.append("zero")

    def dump(self, name):
        self.told.append(name.decode())


def test_two_counts_of_different_length():
    assert counted.calls(200_000) == (100, 200)
    assert counted.calls(10_000) == (50, 100)
    assert counted.calls(3) == (1, 2), "a single slow call is counted too"


def test_each_count_is_dumped_by_itself():
    marks, called = Marks(), []
    counted.count(marks, 7, lambda: called.append(len(marks.told)), 400)
    assert marks.told == [told for turn in range(8) for told in ("zero", f"bench-7-{turn}")]
    warm, few, more = [0] * 4, [1] * 2, [3] * 4
    assert called[:14] == [*warm, *few, *more, *(each + 4 for each in warm)]


def test_what_happens_once_is_of_no_call():
    assert instructions.each_call(10, 20, [1100, 2100, 1100, 99_999, 1100, 2150]) == 100


@pytest.mark.parametrize("total", ["totals: 1234", "summary: 1234"])
def test_a_dump(tmp_path, total):
    path = tmp_path / "out.1"
    path.write_text(f"version: 1\ndesc: Trigger: Client Request: bench-12-1\nfn=(1) x\n1 2\n{total}\n")
    assert instructions.dump(path) == ((12, 1), 1234)
    path.write_text("version: 1\ndesc: Trigger: Program termination\ntotals: 99\n")
    assert instructions.dump(path) == ((-1, -1), 0)


def test_changes_past_the_least():
    before = {"a": 100.0, "b": 100.0, "c": 100.0, "gone": 1.0}
    now = {"a": 102.9, "b": 104.0, "c": 90.0, "new": 1.0}
    assert [(name, round(share, 3)) for name, share in instructions.changes(now, before)] == [("b", 0.04), ("c", -0.1)]


def test_the_gate(capsys):
    before = made(route_a=1000, route_b=1000)
    assert instructions.gate(made(route_a=1029, route_b=900), before) == 0
    assert "less  route: b: 1,000 -> 900 (-10.0%)" in capsys.readouterr().out
    assert instructions.gate(made(route_a=1031, route_b=1000), before) == 1
    assert "MORE  route: a: 1,000 -> 1,031 (+3.1%)" in capsys.readouterr().out
    assert instructions.gate(made(route_a=1000), before) == 0
    assert "in one of the two only, not compared: route: b" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["python", "machine"])
def test_counts_of_another_machine_are_not_compared(key, capsys):
    assert instructions.gate(made(route_a=1000), made(route_a=10) | {key: "other"}) == 2
    assert f"nothing is compared: {key} was other" in capsys.readouterr().err


def test_what_seems_to_cost_more_is_counted_again(monkeypatch):
    asked, again = [], {"route: a": 1010.0, "route: b": 2000.0, "head: c": 1.0}

    def measure(root, modules, layout):
        asked.append((modules, layout))
        return again

    monkeypatch.setattr(instructions, "measure", measure)
    now, before = made(route_a=1050, route_b=1000, head_c=900), made(route_a=1000, route_b=1000, head_c=1000)
    found = instructions.second_look(now["instructions"], before["instructions"])
    assert asked == [(["route"], 1)], "only what seems to, and not again once it does not"
    assert found == {"route: a": 1010, "route: b": 1000, "head: c": 1}


def test_unknown_modules_are_said(capsys):
    assert main(["instructions", "absent"]) == 2
    assert "absent: no such benches" in capsys.readouterr().err


def test_what_does_not_compile_is_said(tmp_path):
    (tmp_path / "x.c").write_text("int f( {")
    with pytest.raises(NotCompiled, match=r"x\.so cannot be compiled"):
        compile_shared([tmp_path / "x.c"], tmp_path / "x.so")


def test_the_baseline_holds_what_it_was_counted_by():
    found = json.loads((instructions.HERE / "instructions.json").read_text())
    assert found.keys() == HEAD.keys() | {"instructions"}
    assert {name.partition(":")[0] for name in found["instructions"]} >= {
        "route",
        "http1_client",
        "http1_head",
        "http1_server",
        "token_bucket",
    }


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not here")
def test_a_real_count_is_the_same_each_time():
    first, again = (instructions.measure(instructions.ROOT, ["atomics", "absent"]) for _ in range(2))
    assert set(first) == set(again) != set()
    for name, cost in first.items():
        assert cost > 50, name
        assert abs(again[name] / cost - 1) < 0.01, f"{name}: {cost} and then {again[name]}"


def test_a_gate_that_compared_nothing_does_not_open(capsys):
    assert instructions.gate(made(route_a=1000), made(head_c=1000)) == 2
    assert "0 compared" in capsys.readouterr().out
