"""Profiles of a real gateway under load, by the real tools."""

import re
import subprocess

import pytest

from perf import tools
from perf.__main__ import main
from perf.profiling import cpu

pytestmark = pytest.mark.timed


def needs(*programs):
    """Skip where one of the programs is not here, or a process may not be attached to."""
    if missing := [name for name in programs if not cpu.program(name)]:
        pytest.skip(f"{missing[0]} is not here")


def may_attach():
    """Skip where no process may watch another."""
    needs("strace")
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        watcher = subprocess.Popen(
            [tools.find("strace"), "-o", "/dev/null", "-p", str(sleeper.pid)], stderr=subprocess.PIPE, text=True
        )
        said = watcher.stderr.readline()
        sleeper.kill()
        watcher.communicate()
    if "attached" not in said:
        pytest.skip(f"processes may not be watched here: {said.strip()}")


def test_system_calls(tmp_path, capsys):
    may_attach()
    assert main(["profile", "bare", "--what", "syscalls", "--requests", "500", "-o", str(tmp_path)]) == 0
    told = (tmp_path / "syscalls.txt").read_text()
    calls = {name: float(count) for count, name in re.findall(r"^ +([\d.]+) +[\d.]+  (\w+)$", told, re.M)}
    assert 2 <= calls["sendto"] < 2.1, "the upstream is asked, the client is answered"
    assert 2 <= calls["recvfrom"] < 2.6
    assert told in capsys.readouterr().out + "\n"


def test_a_flame_graph_has_python_and_cython(tmp_path):
    may_attach()
    needs("py-spy")
    assert main(["profile", "bare", "--seconds", "2", "--sampler", "py-spy", "-o", str(tmp_path)]) == 0
    page = (tmp_path / "cpu.html").read_text()
    assert re.search(r'<div class="python" .*title="App\.__call__ \(falcon/app\.py\): \d+ samples', page)
    assert re.search(r'<div class="fast" .*title="serve \(gateway/_fast/http1_server\): \d+ samples', page)
    stacks = (tmp_path / "cpu.folded").read_text().splitlines()
    assert all(re.fullmatch(r".+\) \d+", line) for line in stacks)


def test_a_flame_graph_of_perf_has_cython_and_the_kernel(tmp_path):
    needs("perf")
    probe = ["perf", "record", "-q", "-e", "cpu-clock", "-o", str(tmp_path / "probe"), "--", "true"]
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("perf may not sample here")
    assert main(["profile", "bare", "--seconds", "2", "--sampler", "perf", "-o", str(tmp_path)]) == 0
    page = (tmp_path / "cpu.html").read_text()
    assert re.search(r'<div class="fast" .*title="gateway\._fast\.http1_server\.Connection', page)
    assert not (tmp_path / "perf.data").exists()


@pytest.mark.soak  # valgrind takes its time
def test_instructions_and_allocations_of_a_request(tmp_path):
    needs("valgrind", "callgrind_control", "cc")
    what = ["--what", "instructions,allocations", "--requests", "200"]
    assert main(["profile", "bare", *what, "-o", str(tmp_path)]) == 0
    told = (tmp_path / "instructions.txt").read_text()
    count = float(re.match(r"([\d,]+) instructions per request", told)[1].replace(",", ""))
    assert 20_000 < count < 1_000_000
    assert re.search(r" 1\.0\d  gateway\._fast\.http1_head\.\w+  \[http1_head\]$", told, re.M), (
        "a head is read once for each request"
    )
    assert re.search(r"^ +[\d.]+  _PyObject_Malloc$", (tmp_path / "allocations.txt").read_text(), re.M)
    assert (tmp_path / "callgrind.out").exists()
