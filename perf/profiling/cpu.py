"""Where a worker under load spends its time: stacks of py-spy (Python, compiled) or Linux perf (compiled, kernel)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perf import tools
from perf.load import LoadFailed, wrk_command
from perf.profiling.fold import Stacks, of_perf, of_py_spy
from perf.profiling.subject import Subject, loaded
from perf.scenario import Trial

SAMPLERS = ("py-spy", "perf")
RATE = {"py-spy": 50, "perf": 497}  # a second; py-spy stops the process for each sample, perf does not
STACK = 16384  # bytes of each sample's stack that perf keeps and unwinds
LONGEST = 600  # seconds that wrk goes on; it is ended sooner


def sampler(wanted: str = "") -> str:
    """The sampler to use: the one that is wanted, else the first that is here."""
    here = [name for name in SAMPLERS if program(name)]
    if not here or (wanted and wanted not in here):
        raise SystemExit(f"perf needs {wanted or 'py-spy'}: pip install py-spy, or apt-get install linux-perf for perf")
    return wanted or here[0]


def program(name: str) -> str | None:
    """The path of a sampler; py-spy stands beside the interpreter where it was installed with it."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else tools.find(name)


def sample(trial: Trial, seconds: int, folder: Path, by: str) -> tuple[Stacks, str]:
    """(the stacks of the worker under load, a sentence on how they were taken)."""
    with loaded(trial) as subject, _load(trial, subject):
        return {"py-spy": _py_spy, "perf": _perf}[by](subject.worker, seconds, folder)


@contextmanager
def _load(trial: Trial, subject: Subject) -> Iterator[None]:
    """Within the block wrk loads the gateway as fast as it goes."""
    command = wrk_command(subject.port, trial.load, LONGEST, subject.tokens)
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if running.poll() is not None:
            raise LoadFailed(f"wrk ended with status {running.returncode} while samples were taken")
    finally:
        running.kill()
        running.wait()


def _py_spy(pid: int, seconds: int, folder: Path) -> tuple[Stacks, str]:
    out = folder / "py-spy.txt"
    command = [program("py-spy") or "py-spy", "record", "--native", "--format", "raw", "--rate", str(RATE["py-spy"])]
    said = _run([*command, "--duration", str(seconds), "--pid", str(pid), "--output", str(out)])
    stacks, waited = of_py_spy(out.read_text())
    late = " It fell behind its rate at times." if "behind in sampling" in said else ""
    how = f"{stacks.total()} samples of py-spy in {seconds} s; {waited} more, of waiting threads, are left out."
    return stacks, f"{how} Time in the kernel counts for the function that called it.{late}"


def _perf(pid: int, seconds: int, folder: Path) -> tuple[Stacks, str]:
    data = folder / "perf.data"
    command = [program("perf") or "perf", "record", "-q", "-e", "cpu-clock", "-F", str(RATE["perf"]), "-p", str(pid)]
    _run([*command, "--call-graph", f"dwarf,{STACK}", "-o", str(data), "--", "sleep", str(seconds)])
    read = [command[0], "script", "-i", str(data), "-F", "comm,tid,ip,sym,dso", "--no-inline"]
    stacks = of_perf(subprocess.run(read, capture_output=True, text=True, errors="replace").stdout)
    data.unlink()
    return (
        stacks,
        f"{stacks.total()} samples of perf (cpu-clock) in {seconds} s. Python functions have no frames of their own.",
    )


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise LoadFailed(f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout + done.stderr
