"""The gate against slower commits: what it measures, and when it closes. What a request costs is played here."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from perf import __main__ as perf

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.deliver

#: Stands for the Python of a tree: a run costs what the file `cost` says, one line for each run.
PYTHON = r"""#!/bin/sh
case "$3" in
run)
    for file; do :; done
    echo "$PWD" >>"$SAID"
    head -n1 cost >"$file"
    [ "$(wc -l <cost)" = 1 ] || sed -i 1d cost
    ;;
compare)
    [ -s "$5" ] || exit 2
    [ "$(cat "$5")" -le "$(cat "$6")" ]
    ;;
esac
"""


class Tree:
    def __init__(self, at: Path) -> None:
        self.at, self.said = at / "tree", at / "said"
        (self.at / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools/gate.sh", self.at / "tools")
        (self.at / "python").write_text(PYTHON)
        (self.at / "Makefile").write_text(
            "build:\n\tmkdir -p .venv/bin && cp python .venv/bin && chmod +x .venv/bin/python\n"
        )
        (self.at / ".gitignore").write_text("build/\n.venv/\n")
        self.cost("10\n")
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "base"]):
            self.run("git", *command)
        self.run("make", "build")

    def cost(self, text: str) -> None:
        (self.at / "cost").write_text(text)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        who = {f"GIT_{who}_{what}": "someone" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "SAID": str(self.said), "GIT_CONFIG_GLOBAL": os.devnull} | who | more
        return subprocess.run(command, cwd=self.at, env=env, capture_output=True, text=True, timeout=60)

    def gate(self, base: str = "HEAD") -> tuple[int, str]:
        done = self.run("tools/gate.sh", BASE=base)
        return done.returncode, done.stderr


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_it_opens_for_what_costs_the_same(tree):
    status, said = tree.gate()
    assert (status, "not worse than HEAD" in said) == (0, True)
    assert tree.said.read_text().split()[:2] == [str(tree.at / "build/gate"), str(tree.at)]


def test_it_closes_when_it_is_worse_twice_and_opens_when_once_was_chance(tree):
    tree.cost("20\n")
    status, said = tree.gate()
    assert (status, "worse than HEAD in try 2" in said) == (1, True)
    tree.cost("20\n10\n")
    status, said = tree.gate()
    assert (status, "worse than HEAD in try 1" in said, "not worse than HEAD" in said) == (0, True, True)


@pytest.mark.parametrize(
    ("base", "wanted"), [("", "say what to compare with"), ("nowhere", "there is no commit nowhere")]
)
def test_nothing_to_compare_with_is_said(tree, base, wanted):
    status, said = tree.gate(base)
    assert (status, wanted in said) == (2, True)


def test_nothing_compared_is_no_pass(tree):
    tree.cost("")
    assert tree.gate()[0] == 2


def result(cost: float) -> dict:
    rounds = [{"cpu_us": cost + each / 100} for each in range(7)]
    nginx = [{"cpu_us": 10 + each / 100} for each in range(7)]
    series = {"gateway": {"rounds": rounds}, "nginx": {"rounds": nginx}}
    return {"format": perf.FORMAT, "when": "now", "machine": {}, "scenarios": {"bare": {"series": series}}}


@pytest.mark.parametrize(("cost", "status"), [(20, 0), (15, 0), (25, 1)])
def test_what_is_measured_decides(tmp_path, cost, status):
    now, before = tmp_path / "now.json", tmp_path / "before.json"
    now.write_text(json.dumps(result(cost)))
    before.write_text(json.dumps(result(20)))
    assert perf.main(["compare", "--gate", str(now), str(before)]) == status
    assert perf.main(["compare", str(now), str(before)]) == 0
