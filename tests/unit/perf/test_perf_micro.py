"""The runner of the micro-benchmarks."""

import sys
import types

from perf.micro import run
from tests.support.tries import first_quick


def test_discovery_finds_benches_by_name(tmp_path):
    for name in ("bench_b.py", "bench_a.py", "other.py"):
        (tmp_path / name).touch()
    assert run.discover(tmp_path) == ["a", "b"]


def test_nanoseconds_of_a_known_call():
    import time

    def middle() -> float:
        return run.nanoseconds(lambda: time.sleep(0.001), 5)[0]

    assert 1_000_000 <= first_quick(middle, lambda found: found < 3_000_000) < 3_000_000


def test_modules_run_and_the_broken_ones_are_said(monkeypatch, capsys):
    good, bare = types.ModuleType("good"), types.ModuleType("bare")
    good.benches = lambda: [("nothing", lambda: None, 100)]
    monkeypatch.setitem(sys.modules, "perf.micro.bench_good", good)
    monkeypatch.setitem(sys.modules, "perf.micro.bench_bare", bare)
    monkeypatch.setattr(run, "discover", lambda: ["bare", "gone", "good"])
    assert run.main([]) == 1
    out = capsys.readouterr().out
    assert "ns/op" in out and "bare: offers no benches()" in out and "gone: cannot run" in out
    assert run.main(["good"]) == 0
    assert run.main(["absent"]) == 2
