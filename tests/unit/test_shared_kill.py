"""A thousand writers of the page and the store are killed in mid-write; nothing is torn, lost or stuck."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state import RuntimeDir

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("GATEWAY_KILLS", "1000"))


@pytest.mark.thorough
def test_page_and_store_survive_a_thousand_kills():
    directory = RuntimeDir.create()
    try:
        arena = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("kill_arena.py")), str(directory.path), str(KILLS), "1"],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        directory.release()
    assert arena.returncode == 0, arena.stderr
    counted = json.loads(arena.stdout)
    assert counted["kills"] == KILLS
    assert counted["store_lost"] > 0, "no kill came between an intent and its commit"
