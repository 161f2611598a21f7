"""A function that got 5 % dearer is told by `compare`; the same code in another place is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from perf import compare, tools
from perf.__main__ import main
from perf.instructions import measure
from tests.support.gateway import ROOT

MODULE = "page"  # the smallest one that has benches
SEEDED = "page: load"
#: some twelve instructions that no compiler takes away; the call that is counted has 246
WASTE = '''
cdef extern from *:
    """
    static void waste(void) { for (volatile int i = 0; i < 1; i++); }
    """
    void waste() noexcept nogil

'''

pytestmark = [
    pytest.mark.soak,  # three builds are counted under valgrind: a minute of two cores
    pytest.mark.skipif(not tools.find("valgrind"), reason="counted by valgrind, which is not here"),
]


class Copy:
    """The fast modules and their benches in a folder of their own, on this environment's Python."""

    def __init__(self, at: Path) -> None:
        self.at = at
        (at / "perf").mkdir(parents=True)
        (at / "gateway").mkdir()
        (at / ".venv").symlink_to(sys.prefix)
        for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "gateway/__init__.py", "perf/__init__.py"):
            shutil.copy(ROOT / name, at / name)
        shutil.copytree(ROOT / "perf/micro", at / "perf/micro", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(
            ROOT / "gateway/_fast", at / "gateway/_fast", ignore=shutil.ignore_patterns("*.c", "__pycache__")
        )

    def seed(self) -> None:
        """Make one method of the module do more, and build it."""
        source = self.at / "gateway/_fast" / f"{MODULE}.pyx"
        text = source.read_text().replace("\n\n@cython.final", WASTE + "\n@cython.final", 1)
        source.write_text(
            text.replace('"""Return the value now."""', '"""Return the value now."""\n        waste()', 1)
        )
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        env = os.environ | {"GATEWAY_EXT": MODULE}
        done = subprocess.run(command, cwd=self.at, env=env, capture_output=True, text=True, timeout=50)
        assert done.returncode == 0, done.stderr[-2000:]


def result(root: Path) -> dict[str, Any]:
    """What `compare` keeps of a tree."""
    counted = measure(root, [MODULE])
    return {"format": 1, "when": "now", "machine": {}, "scenarios": {}, "errors": {}, "instructions": counted}


def test_five_percent_of_one_function_are_told_and_the_same_code_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = [Copy(tmp_path / name) for name in ("same", "slower")]

    def seeded() -> dict[str, Any]:
        copies[1].seed()
        return result(copies[1].at)

    # NOTE: side by side, for what is counted does not depend on who else computes.
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(seeded), pool.submit(result, ROOT), pool.submit(result, copies[0].at)]
        slower, before, same = (each.result() for each in waiting)

    assert len(before["instructions"]) == 4
    assert {change.verdict for change in compare.changes(same, before)} == {"no difference"}
    assert compare.gate(same, before) == 0
    dearer = slower["instructions"][SEEDED] / before["instructions"][SEEDED]
    assert 1.03 < dearer < 1.08
    assert [change.series for change in compare.changes(slower, before) if change.verdict == "worse"] == [SEEDED]

    for name, one in (("now", slower), ("before", before)):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))
    assert main(["compare", "--gate", str(tmp_path / "now.json"), str(tmp_path / "before.json")]) == 1
    assert f"+{(dearer - 1) * 100:.1f} %" in capsys.readouterr().out
