"""The soak's mix in short: what leaks is found, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perf.__main__ import main

pytestmark = pytest.mark.timed


def soak(file: Path, *seeds: str, minutes: str = "0.08") -> tuple[int, dict[str, Any]]:
    """(exit status, result) of some seconds, half of which are for warming up."""
    asked = ["soak", "--minutes", minutes, "--json", str(file)]
    status = main([*asked, *(word for seed in seeds for word in ("--seed-leak", seed))])
    return status, json.loads(file.read_text())


def test_a_gateway_that_leaks_is_found_out(tmp_path: Path) -> None:
    status, result = soak(tmp_path / "result.json", "fds", "greenlets", "rss", minutes="0.16")
    leaking = {each["figure"] for each in result["findings"] if each["leaks"]}
    assert status == 1
    assert {"fds", "greenlets", "rss"} <= leaking, result["mistakes"]
    assert not result["passed"]


def test_one_that_does_not_leak_passes(tmp_path: Path) -> None:
    status, result = soak(tmp_path / "result.json")
    assert (status, result["mistakes"]) == (0, [])
    assert result["requests"] > 100
    assert len(result["samples"]) >= 8
