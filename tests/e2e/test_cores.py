"""No process of a gateway leaves a core file, where its secrets would be."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, wait_until
from tests.support.operations import descendants, respond, running, server

CRASH = "import os; from gateway.server.settings import leave_no_core; {} os.abort()"


@pytest.fixture
def unlimited():
    """As on a machine whose operator wants cores of everything."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


def limit(pid: int) -> str:
    """The soft limit of a process."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = [each for each in lines if each.startswith("Max core file size")]
    return line.split()[4]


def dumped(folder: Path, do: str) -> bool:
    """Whether the kernel dumped the memory of a process that crashed."""
    command = [sys.executable, "-c", CRASH.format(do)]
    crashing = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})
    _, status = os.waitpid(crashing.pid, 0)
    crashing.returncode = status  # it was waited for here, because Popen does not tell of cores
    return os.WCOREDUMP(status)


def test_no_process_leaves_a_core(tmp_path, unlimited):
    with running(tmp_path, server(2) + "routes:\n" + respond("one")) as gateway:
        wait_until(lambda: len(descendants(gateway.pid)) == 3, "two workers and the observer")
        assert {limit(pid) for pid in (gateway.pid, *descendants(gateway.pid))} <= {"0", "1"}


def test_the_kernel_holds_to_it(tmp_path, unlimited):
    if not dumped(tmp_path, ""):
        pytest.skip("this machine dumps no cores, whatever the limit")
    assert not dumped(tmp_path, "leave_no_core();")
