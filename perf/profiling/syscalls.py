"""System calls per request: `strace -c` of the worker while an exact number of requests is answered."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from perf import tools
from perf.load import LoadFailed
from perf.profiling.subject import loaded
from perf.scenario import Trial

ROW = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+(\d+))?\s+(\w+)$", re.M)
Calls = dict[str, tuple[int, int]]  # by name: how many, and how many of them failed


def parse(text: str) -> Calls:
    """The table of `strace -c`."""
    found = {name: (int(calls), int(errors or 0)) for calls, errors, name in ROW.findall(text)}
    found.pop("total", None)
    return found


def count(trial: Trial, requests: int, folder: Path) -> Calls:
    """The system calls of so many requests in the worker that serves them."""
    tools.ensure("strace")
    with loaded(trial) as subject:
        out = folder / "strace.txt"
        command = [tools.find("strace") or "strace", "-f", "-c", "-o", str(out), "-p", str(subject.worker)]
        watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert watcher.stderr is not None
            if "attached" not in (said := watcher.stderr.readline()):
                raise LoadFailed(f"strace does not attach to process {subject.worker}: {said.strip()}")
            subject.client.run(requests)
        finally:
            watcher.send_signal(signal.SIGINT)
            watcher.communicate(timeout=20)
    return parse(out.read_text())


def table(calls: Calls, requests: int) -> Iterator[str]:
    """Lines of text; what happened less than once in 1,000 requests is of the background."""
    whole: Counter[str] = Counter({name: count for name, (count, _) in calls.items()})
    yield f"{whole.total() / requests:.2f} system calls per request of the worker, {requests} requests"
    yield ""
    yield "per request    failed"
    for name, count in whole.most_common():
        if count / requests >= 0.001:
            yield f"{count / requests:11.3f} {calls[name][1] / requests:9.3f}  {name}"
