"""The soak's mix in short: what leaks is found, and nothing else is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from perf.__main__ import main
from tests.support.gateway import ROOT, wait_until
from tests.support.marked import marked

pytestmark = pytest.mark.timed


def soak(file: Path, *seeds: str, minutes: str = "0.08") -> tuple[int, dict[str, Any]]:
    """(exit status, result) of some seconds, half of which are for warming up."""
    asked = ["soak", "--minutes", minutes, "--json", str(file)]
    status = main([*asked, *(word for seed in seeds for word in ("--seed-leak", seed))])
    return status, json.loads(file.read_text())


def test_a_gateway_that_leaks_is_found_out(tmp_path: Path) -> None:
    status, result = soak(tmp_path / "result.json", "fds", "greenlets", "objects", minutes="0.16")
    found = {each["figure"] for each in result["findings"] if each["leaks"]}
    assert status == 1 and not result["passed"]
    assert {"fds", "greenlets", "objects"} <= found, result["mistakes"]


def test_one_that_does_not_leak_passes(tmp_path: Path) -> None:
    status, result = soak(tmp_path / "result.json")
    assert (status, result["mistakes"]) == (0, [])
    assert result["requests"] > 100
    assert len(result["samples"]) >= 8


def test_a_terminal_that_closes_and_a_second_signal_leave_nobody_behind() -> None:
    mark = f"SOAK_TEST={uuid.uuid4()}"
    command = [sys.executable, "-m", "perf", "soak", "--minutes", "1"]
    env = os.environ | dict([mark.split("=")])
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        wait_until(lambda: len(marked(mark)) > 4, "gateway and upstream are there", 30)
        process.send_signal(signal.SIGHUP)
        while process.poll() is None and len(marked(mark)) > 1:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        process.communicate(timeout=30)
    assert not marked(mark)
