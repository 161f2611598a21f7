"""`make gate`: what it is told reaches the comparison as it is, and nothing else closes it but what is worse."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.deliver


def gate(**told: str) -> tuple[int, str]:
    env = {name: value for name, value in os.environ.items() if name not in ("BASE", "SCENARIOS", "MAKEFLAGS")}
    # `build` counts as done: it is what the tests run in
    done = subprocess.run(
        ["make", "--no-print-directory", "-o", "build", "gate"],
        cwd=ROOT,
        env=env | told,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_it_asks_what_to_compare_with():
    status, said = gate()
    assert (status, "say what to compare with, as BASE=origin/main" in said) == (2, True)


def test_a_commit_that_is_not_there_is_said(tmp_path):
    strange = f"nowhere; touch {tmp_path}/x; $(touch {tmp_path}/y)"
    status, said = gate(BASE=strange)
    assert (status, f"there is no commit {strange} here" in said) == (2, True)
    assert not list(tmp_path.iterdir())


def test_what_is_measured_is_said_by_name():
    status, said = gate(BASE="HEAD", SCENARIOS="bare,nonesuch")
    assert (status, "no scenario 'nonesuch'" in said) == (2, True)
